/** What the agent says of the container that serves, while somebody sets the clock of its host. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { ContainerState, Engine, Prober } from "../../src/host/engine.ts";
import { createWatch, type Watch } from "../../src/host/watch.ts";
import { eventually } from "../kit/eventually.ts";
import { type JumpyClock, jumpyClock } from "./kit/jumpy-clock.ts";

const hourMs = 3_600_000;
let watch: Watch;

afterEach(() => watch.follow(null));

/** A container that answers well and was restarted once, just now by the time of day of Docker. */
function aWatch(clock: JumpyClock): {
  readonly healths: string[];
  restart(startedAt: number): void;
  /** From its next look on, the engine answers only when this is called; the container is not well any more. */
  hang(): () => void;
} {
  let state = {
    id: "c1",
    status: "running",
    restarts: 0,
    startedAt: Date.now(),
    exitCode: null,
    pid: 7,
    labels: {},
  } as ContainerState;
  const healths: string[] = [];
  let answers = Promise.resolve();
  let isWell = true;
  const engine = { inspect: () => answers.then(() => state) } as unknown as Engine;
  const prober: Prober = { ask: async () => ({ ok: isWell, detail: "503" }), holder: async () => ({ by: "container" }) };
  const nobody = () => assert.fail("not in this test");
  watch = createWatch(
    { engine, prober, clock },
    { onChange: ({ health }) => healths.push(health), onGone: nobody, onFault: nobody },
  );
  watch.follow({
    state,
    health: { probe: { kind: "http", url: "http://127.0.0.1:1/" }, intervalMs: 100, deadlineMs: 1_000 },
    proven: true,
  });
  return {
    healths,
    restart(startedAt) {
      state = { ...state, restarts: state.restarts + 1, startedAt };
      watch.poke();
    },
    hang() {
      const hung = Promise.withResolvers<void>();
      answers = hung.promise;
      isWell = false;
      watch.poke();
      return hung.resolve;
    },
  };
}

test("after a time without a look one failure is enough: what was well before an engine hung is not well now", async () => {
  const clock = jumpyClock();
  const { healths, hang } = aWatch(clock);
  await eventually(() => assert.ok(clock.wakes() > 1));
  const goOn = hang();
  clock.pass(60_000);
  const wakes = clock.wakes();
  goOn();
  await eventually(() => assert.deepEqual(healths, ["failing"]));
  assert.ok(clock.wakes() <= wakes + 2, "not after three looks");
});

for (const [what, byMs] of [
  ["an hour behind", -hourMs],
  ["an hour ahead", hourMs],
] as const) {
  test(`a container that restarted is suspect for ten seconds, though the agent's time is ${what} of Docker's`, async () => {
    const clock = jumpyClock();
    const { healths, restart } = aWatch(clock);
    await eventually(() => assert.ok(clock.wakes() > 1));
    clock.setTimeOfDay(byMs);
    restart(Date.now());
    await eventually(() => assert.deepEqual(healths, ["restarting"]));
    clock.pass(11_000);
    await eventually(() => assert.deepEqual(healths, ["restarting", "ok"]));
  });
}
