/** All oracles together: told of everything as it happens; the first thing that is not as it must be ends the run. */
import type { Posted } from "../world/chat.ts";
import type { Watcher } from "../world/watcher.ts";
import type { World } from "../world/world.ts";
import { watchActs } from "./acts.ts";
import { watchAdoptions } from "./adoptions.ts";
import { watchCards } from "./cards.ts";
import { watchContainers } from "./containers.ts";
import { watchEnds } from "./ends.ts";
import { watchGoals } from "./goals.ts";
import type { Ground } from "./ground.ts";
import { judgeHistory } from "./history.ts";
import type { Reached, Violation } from "./report.ts";
import { type Unrest, unrest } from "./rest.ts";
import { type Waits, watchWaits } from "./waits.ts";

export type Oracles = {
  watch(world: World): Watcher;
  watcher(): Watcher;
  violation(): Violation | null;
  /** Faults have ended. */
  healed(): void;
  /** Everything has come to rest; looked at now and then. */
  atRest(): boolean;
  finish(facts: { readonly ranOut: boolean }): void;
  reached(): Reached;
};

const calmMs = 10_000;
const lookEveryMs = 2_000;

export function createOracles(facts: { readonly onCard: (posted: Posted) => void }): Oracles {
  const reached: Record<string, number> = {};
  let violation: Violation | null = null;
  let watcher: Watcher | null = null;
  let ground: Ground | null = null;
  let parts: { finish(): void } | null = null;
  let waits: Waits | null = null;
  let restless: Unrest | null = { id: "L1", text: "it was never looked at" };
  let lookAt = Number.POSITIVE_INFINITY;

  function watch(world: World): Watcher {
    const mine: Ground = {
      world,
      fail(id, text) {
        violation ??= { id, text, at: world.scheduler.now() };
        world.trace.note("VIOLATION", `${id}: ${text}`);
      },
      reached(what) {
        reached[what] = (reached[what] ?? 0) + 1;
      },
    };
    const containers = watchContainers(mine);
    const acts = watchActs(mine);
    const goals = watchGoals(mine, { acts, containers });
    const ends = watchEnds(mine, containers);
    const adoptions = watchAdoptions(mine);
    const cards = watchCards(mine);
    waits = watchWaits(mine, containers);
    ground = mine;
    parts = {
      finish() {
        acts.finish();
        cards.finish();
        judgeHistory(mine);
      },
    };
    watcher = {
      onCommit(changes) {
        goals.onCommit(changes);
        ends.onCommit(changes);
        adoptions.onCommit(changes);
      },
      onAccepted: acts.onAccepted,
      onDispatch: (delivery, reply) => acts.onDispatch(delivery, reply === null),
      onMessage: ({ message }) => cards.onMessage(message),
      onDrawn: cards.onDrawn,
      onCard: facts.onCard,
      onSent(host, picture) {
        goals.onSent(host, picture);
        if (world.disk.store.freeze.current() !== null) mine.fail("I15", `the server is frozen and sends a picture to ${host}`);
      },
      onHeard(host, picture, instance) {
        goals.onHeard(host, picture);
        ends.onHeard(host, picture, instance);
        adoptions.onHeard(host, picture);
      },
      onTaken: ends.onTaken,
      onRestore() {
        mine.reached("restored from a backup");
        acts.onRestore();
        goals.onRestore();
        ends.onRestore();
      },
      onOrder(site, _picture, refused) {
        if (refused !== null) mine.reached(`orders refused: ${refused}`);
        if (refused !== null) world.trace.note(site.machine.name, `refuses its orders: ${refused}`);
      },
      onHappening: containers.onHappening,
      onTouch: containers.onTouch,
      onHeldBack({ machine }) {
        mine.reached("agents held back");
        world.trace.note(machine.name, "an agent ends: another one works there");
      },
      onServerStart() {
        acts.onServerStart();
        adoptions.onServerStart();
      },
      onServerEnd({ lost }) {
        mine.reached("server ended");
        if (lost > 0) world.trace.note("server", `${lost} commits were not on the disk`);
      },
      onFault(where, error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (error instanceof Error && error.name === "ProcessDied") return;
        // The hub's own answer to a store that cannot be written: the agent comes again.
        if (where === "hub" && (error as { readonly code?: unknown }).code === "SQLITE_FULL") return;
        mine.fail("SV16", `${where}: ${text}`);
      },
    };
    return watcher;
  }

  return {
    watch,
    watcher() {
      if (watcher === null) throw new Error("nobody watches yet");
      return watcher;
    },
    violation: () => violation,
    healed() {
      lookAt = (ground?.world.scheduler.now() ?? 0) + calmMs;
    },
    atRest() {
      const now = ground?.world.scheduler.now() ?? 0;
      if (ground !== null && now >= lookAt) {
        lookAt = now + lookEveryMs;
        restless = unrest(ground);
        waits?.look();
      }
      return restless === null;
    },
    finish({ ranOut }) {
      if (violation !== null || ground === null) return;
      if (ranOut) ground.fail("EVENTS", "too many events: something goes round and round");
      else if (restless !== null) ground.fail(restless.id, restless.text);
      else parts?.finish();
    },
    reached: () => reached,
  };
}
