/** Puts the application together from its ports. The composition root gives the adapters; tests give stand-ins. */
import type { GantryConfig } from "../config/valid.ts";
import type { Person, RolloutEvent } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { createActs } from "./acts.ts";
import { refused } from "./asked.ts";
import { type Conductor, createConductor } from "./conductor.ts";
import { type Convergence, createConvergence } from "./convergence.ts";
import { createDecisions } from "./decisions.ts";
import { createHandlers, waitsFor } from "./effects.ts";
import { createFacts, type Facts } from "./facts.ts";
import { createFence, type Fence } from "./fence.ts";
import { createFleetDesk } from "./fleet-desk.ts";
import type { Gantry } from "./gantry.ts";
import { createIntents } from "./intents.ts";
import { leaveRollout } from "./leaving.ts";
import { createLine, type Line } from "./line.ts";
import { createLocks } from "./locks.ts";
import { createLogs } from "./logs.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPeople, type People } from "./people.ts";
import type { Chat, Clock, Fleet, FleetDesk, Forge, Log, Registry, Secrets, Tickets } from "./ports.ts";
import { replayAll } from "./replay.ts";
import { createRequests } from "./requests.ts";
import { createRestarts } from "./restarts.ts";
import { createRollbacks, type Rollbacks } from "./rollbacks.ts";
import { createSecretDesk } from "./secrets.ts";
import { createShows } from "./shows.ts";
import type { Store } from "./store.ts";
import { createUsageBoard, type UsageBoard } from "./usage.ts";
import { createWhy } from "./why.ts";

export type GantryParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly chat: Chat;
  readonly registry: Registry;
  /** Absent: the server has none. */
  readonly secrets?: Secrets;
  readonly forge: Forge | null;
  readonly tickets: Tickets | null;
  /** Made from the desk, because each needs the other. */
  readonly fleet: (desk: FleetDesk) => Fleet;
  readonly failpoint?: (name: string) => void;
  /** Told after the commit, for metrics. */
  readonly onEvent?: (event: RolloutEvent) => void;
};

export type App = {
  readonly gantry: Gantry;
  readonly conductor: Conductor;
  readonly outbox: Outbox;
  readonly facts: Facts;
  readonly people: People;
  readonly fence: Fence;
  readonly rollbacks: Rollbacks;
  readonly usage: UsageBoard;
  /** Takes a host's key away. A sentence about each rollout that waits for it no more; null when there is no such host. */
  revoke(host: string, by: Person | null): readonly string[] | null;
  /** The value of a secret for a host that creates a container with it. */
  readonly secretFor: ReturnType<typeof createSecretDesk>;
  /** After a start: takes up what was under way. Call it once, when the surfaces can be reached. */
  recover(): void;
  /** Reality was adopted: hosts and the line are looked at anew. */
  lookAgain(): void;
  /** Ends all waking; the outbox is stopped by itself. */
  stop(): void;
};

/** Rooms that need one another; each is there before anybody outside can call. */
type Late = { conductor: Conductor; outbox: Outbox; convergence: Convergence; fence: Fence; line: Line; rollbacks: Rollbacks };

/** Throws ReplayError when the store holds a rollout under way that its own log does not explain. */
export function createApp(parts: GantryParts): App {
  const { store, config, clock, log, chat, registry, forge } = parts;
  replayAll(store);
  const failpoint = parts.failpoint === undefined ? {} : { failpoint: parts.failpoint };
  const made: Partial<Late> = {};
  const late = <K extends keyof Late>(name: K): Late[K] => {
    const room = made[name];
    if (room === undefined) throw new Error(`the ${name} is not made yet`);
    return room;
  };

  /** Draws a card again although its rollout did not move: a host's step or liveness did. */
  function redraw(rollout: number): void {
    const at = clock.now();
    store.outbox.add({ key: `card:${rollout}`, kind: "card", rollout, body: {}, at, replace: true });
    made.outbox?.nudge();
  }

  /** The data may be older than what Slack shows: a copy of them was put back, and no agent knew of what is lost. */
  function redrawOpen(): void {
    const { rollouts } = store;
    const waiting = rollouts.lines().flatMap((key) => rollouts.inLine(key.service, key.environment));
    const open = [...rollouts.allActive(), ...waiting, ...rollouts.watched()];
    for (const { number, cardTs } of open) if (cardTs !== null) redraw(number);
  }

  const base = { store, config, clock, log };
  const desk = createFleetDesk({
    ...base,
    redraw,
    conductor: () => late("conductor"),
    convergence: () => late("convergence"),
    fleet: () => fleet,
    fence: () => late("fence"),
  });
  const fleet: Fleet = parts.fleet(desk);
  const usage = createUsageBoard({ config, clock, fleet });
  const links = { github: parts.forge !== null, jira: parts.tickets !== null };
  const factsParts = { store, config, fleet, usage, links, now: () => clock.now() };
  const facts = createFacts(factsParts);
  const handlers = createHandlers({ ...parts, facts, redraw });
  const outbox = createOutbox({ store, clock, log, handlers, waitsFor: waitsFor(store), ...failpoint });
  const conductor = createConductor({
    ...base,
    fleet,
    usage,
    redraw,
    isHeard: desk.isHeard,
    outboxChanged: outbox.nudge,
    freed: (key) => late("line").advance(key),
    converge: (key) => late("convergence").environment(key),
    rollBack({ service, environment }, why) {
      if (late("fence").isFrozen()) return;
      try {
        const answer = late("rollbacks").rollBackBySystem({ service, environment, why });
        log.warn({ service, environment, why, answer }, "the watch and the policy want to go back");
        outbox.nudge();
      } catch (error) {
        log.error({ err: error, service, environment, why }, "going back could not be begun; the next start tries again");
      }
    },
    ...failpoint,
    ...(parts.onEvent && { onEvent: parts.onEvent }),
  });
  const { isConnected, nudge } = fleet;
  const converge = (key: SlotKey) => late("convergence").environment(key);
  const fence = createFence({ ...base, conductor: () => conductor, isConnected, nudge, converge, thawed: lookAgain });
  const { mayTell, awaited } = fence;
  const secrets = parts.secrets === undefined ? {} : { secrets: parts.secrets };
  const secretFor = createSecretDesk({ store, log, mayTell, ...secrets });
  const heard = { isHeard: desk.isHeard, now: () => clock.now() };
  const convergence = createConvergence({ ...base, fleet, conductor, mayTell, awaited, ...heard });
  const people = createPeople({ config, chat, clock, log });
  const services = { ...base, ...secrets, people, registry, forge, fleet, conductor, facts, redraw };
  const line = createLine(services);
  const rollbacks = createRollbacks(services);
  /** What people do; a freeze that comes while Slack or a registry is asked stops it at the last moment. */
  const byPeople = { ...services, conductor: standingStill(conductor, store) };
  const locks = createLocks({ ...byPeople, line });
  Object.assign(made, { conductor, outbox, convergence, fence, line, rollbacks } satisfies Late);

  function revoke(host: string, by: Person | null): readonly string[] | null {
    if (store.hosts.find(host) === null) return null;
    const left = conductor.atomically(() => {
      store.hosts.revoke(host, clock.now());
      store.history.act({ at: clock.now(), kind: "revoked", by, facts: { host } });
      const here = conductor.active().filter((state) => state.hosts.some((h) => h.host === host));
      return here.flatMap(({ number }) => leaveRollout(services, number, host) ?? []);
    });
    log.warn({ host }, "host revoked");
    fleet.drop(host);
    fence.revoked(host, by);
    return left;
  }

  function lookAgain(): void {
    for (const { name, environments } of config.services) {
      for (const environment of environments) convergence.environment({ service: name, environment: environment.name });
    }
    line.advanceAll();
  }

  const acts = {
    ...createRequests(byPeople),
    ...createRestarts(byPeople),
    rollback: createRollbacks(byPeople).rollback,
    ...createDecisions(byPeople),
    ...createActs(byPeople),
    ...createIntents({ ...byPeople, convergence }),
    lock: locks.lock,
    unlock: locks.unlock,
  };
  const gantry: Gantry = {
    config,
    now: () => clock.now(),
    ...unlessFrozen(acts, fence),
    previewRollback: rollbacks.previewRollback,
    why: createWhy({ ...factsParts, keptBackSince: line.keptBackSince, awaited }).why,
    freeze: fence.frozen,
    rollout(number) {
      const stored = store.rollouts.find(number);
      return stored === null ? null : facts.rollout(stored);
    },
    status: facts.status,
    history: facts.history,
    hosts: facts.hosts,
    ...createShows(parts),
    ...createLogs(services),
  };

  return {
    gantry,
    secretFor,
    conductor,
    outbox,
    facts,
    people,
    fence,
    rollbacks,
    usage,
    revoke,
    lookAgain,
    recover() {
      fence.recover();
      conductor.recover();
      locks.arm();
      line.advanceAll();
      redrawOpen();
    },
    stop() {
      conductor.stop();
      locks.stop();
      line.stop();
    },
  };
}

type Asks = "previewRollback" | "why" | "freeze" | "rollout" | "status" | "history" | "hosts" | "logs" | "render" | "diff";
type Acts = Omit<Gantry, "config" | "now" | Asks>;

/** Whatever would change something is answered with the reason of the freeze while there is one. */
function unlessFrozen(acts: Acts, fence: Fence): Acts {
  const guarded = Object.entries(acts).map(([verb, act]) => [
    verb,
    async (facts: never) => {
      const before = fence.refusal();
      if (before !== null) return refused(before);
      try {
        return await (act as (facts: never) => unknown)(facts);
      } catch (error) {
        const refusal = error instanceof StandStill ? fence.refusal() : null;
        if (refusal === null) throw error;
        return refused(refusal);
      }
    },
  ]);
  return Object.fromEntries(guarded) as Acts;
}

/** The server froze between the question and the act: nothing of it is committed. */
class StandStill extends Error {}

/** The conductor as acts of people see them: whatever they change looks at the freeze in the same transaction. */
function standingStill(conductor: Conductor, store: Store): Conductor {
  function checked<T>(work: () => T): T {
    return conductor.atomically(() => {
      if (store.freeze.current() !== null) throw new StandStill("the server is frozen");
      return work();
    });
  }
  return {
    ...conductor,
    atomically: checked,
    open: (row, event) => checked(() => conductor.open(row, event)),
    tell: (number, event) => checked(() => conductor.tell(number, event)),
  };
}
