/** What the agent says of the container that serves, while somebody sets the clock of its host. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { Health } from "../../src/core/release.ts";
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

describe("a container that serves", () => {
  type Told = { readonly health: string; readonly detail: string | null };

  /** Watches a container whose answers the test gives one by one, each after the one before was asked for. */
  function watching(health: Partial<Health>, facts: { proven?: boolean; holder?: Prober["holder"] } = {}) {
    const told: Told[] = [];
    const state = { id: "c1", status: "running", restarts: 0, startedAt: Date.now(), pid: 7, labels: {}, environment: [] };
    const clock = jumpyClock();
    /** Set while an answer is waited for. */
    let give: ((ok: boolean) => void) | null = null;
    const prober: Prober = {
      async ask() {
        const ok = await new Promise<boolean>((resolve) => {
          give = resolve;
        });
        return { ok, detail: ok ? "200" : "503" };
      },
      holder: facts.holder ?? (async () => ({ by: "container" })),
    };
    const engine = { inspect: async () => state } as unknown as Engine;
    watch = createWatch(
      { engine, prober, clock },
      {
        onChange: ({ health, detail }) => told.push({ health, detail }),
        onGone: assert.fail,
        onFault: assert.fail,
      },
    );
    const probe = { kind: "http", url: "http://127.0.0.1:1/" } as const;
    const whole = { probe, intervalMs: 100, deadlineMs: 1_000, ...health };
    watch.follow({ state: state as unknown as ContainerState, health: whole, proven: facts.proven ?? true });
    /** Gives these answers, and waits until the last of them was judged: then the next is asked for. */
    async function answer(...next: boolean[]): Promise<void> {
      const asked = () => eventually(() => (give === null ? assert.fail("nothing was asked") : give));
      for (const ok of next) {
        const giveIt = await asked();
        give = null;
        giveIt(ok);
      }
      await asked();
    }
    return { told, clock, answer };
  }

  test("AG35: that flaps fails after as many failures in a row as the service says, and not before", async () => {
    const { told, answer } = watching({ failures: 2 });
    await answer(true, false, true, false, true, false, true);
    assert.equal(told.length, 0);
    await answer(false, false);
    assert.deepEqual(told, [{ health: "failing", detail: "503" }]);
  });

  test("AG35: that failed is well again after as many good answers in a row as the service says", async () => {
    const { told, answer } = watching({ failures: 1, threshold: 3 });
    await answer(false);
    await answer(true, true, false, true, true);
    assert.deepEqual(
      told.map((one) => one.health),
      ["failing"],
    );
    await answer(true);
    assert.deepEqual(
      told.map((one) => one.health),
      ["failing", "ok"],
    );
  });

  test("fails after three failures and is well after one good answer when the service says nothing", async () => {
    const { told, answer } = watching({});
    await answer(false, false, true, false, false);
    assert.equal(told.length, 0);
    await answer(false, true);
    assert.deepEqual(
      told.map((one) => one.health),
      ["failing", "ok"],
    );
  });

  test("is starting, not failing, while its start period goes on and it was not well yet", async () => {
    const { told, clock, answer } = watching({ startPeriodMs: 60_000, failures: 2 }, { proven: false });
    await answer(false, false, false, false);
    assert.deepEqual(told, [{ health: "starting", detail: "503" }]);
    clock.pass(61_000);
    await answer(false, false);
    assert.deepEqual(
      told.map((one) => one.health),
      ["starting", "failing"],
    );
  });

  test("was well once: its start period is over", async () => {
    const { told, answer } = watching({ startPeriodMs: 60_000, failures: 2 });
    await answer(false, false);
    assert.deepEqual(
      told.map((one) => one.health),
      ["failing"],
    );
  });

  test("AG15: whose port a stranger answers on is not well, however good the answers are", async () => {
    let by: "container" | "other" = "container";
    const detail = "port 1 is held by nginx (pid 9)";
    const { told, answer } = watching({}, { holder: async () => (by === "other" ? { by, detail } : { by }) });
    await answer(true);
    assert.equal(told.length, 0);
    by = "other";
    watch.poke();
    await answer(true, true, true, true);
    assert.deepEqual(told, [{ health: "failing", detail: `${detail}, not by the container that should serve` }]);
    by = "container";
    await answer(true);
    assert.deepEqual(told.at(-1), { health: "ok", detail: null });
  });
});
