/** Puts the application together from its ports. The composition root gives the adapters; tests give stand-ins. */
import type { GantryConfig } from "../config/valid.ts";
import type { RolloutEvent } from "../core/rollout-state.ts";
import { type Conductor, createConductor } from "./conductor.ts";
import { createDecisions } from "./decisions.ts";
import { createHandlers, waitsFor } from "./effects.ts";
import { createFacts, type Facts } from "./facts.ts";
import { createFleetDesk } from "./fleet-desk.ts";
import type { Gantry } from "./gantry.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPeople, type People } from "./people.ts";
import type { Chat, Clock, Fleet, FleetDesk, Forge, Log, Registry, Tickets } from "./ports.ts";
import { createRequests } from "./requests.ts";
import { createRollbacks } from "./rollbacks.ts";
import type { Store } from "./store.ts";

export type GantryParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly chat: Chat;
  readonly registry: Registry;
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
  /** Takes a host's key away. Rollouts wait for it no more. False when there is no such host. */
  revoke(host: string): boolean;
  readonly people: People;
};

function missing(): never {
  throw new Error("this verb is not wired yet");
}

/** What other rooms are about to bring. */
const notYet = {
  restart: missing,
  pause: missing,
  resume: missing,
  retry: missing,
  proceed: missing,
  skipSoak: missing,
  lock: missing,
  unlock: missing,
  cordon: missing,
  drain: missing,
  uncordon: missing,
  why: missing,
  freeze: missing,
};

export function createApp(parts: GantryParts): App {
  const { store, config, clock, log, chat } = parts;
  const failpoint = parts.failpoint === undefined ? {} : { failpoint: parts.failpoint };
  let conductor: Conductor | null = null;
  let outbox: Outbox | null = null;

  function theConductor(): Conductor {
    if (conductor === null) throw new Error("the conductor is not made yet");
    return conductor;
  }

  /** Draws a card again although its rollout did not move: a host's step or liveness did. */
  function redraw(rollout: number): void {
    const at = clock.now();
    store.outbox.add({ key: `card:${rollout}`, kind: "card", rollout, body: {}, at, replace: true });
    outbox?.nudge();
  }

  const desk = createFleetDesk({ store, config, clock, log, conductor: theConductor, redraw });
  const fleet = parts.fleet(desk);
  const facts = createFacts({
    store,
    config,
    fleet,
    links: { github: parts.forge !== null, jira: parts.tickets !== null },
    now: () => clock.now(),
  });
  const handlers = createHandlers({ ...parts, facts, redraw });
  outbox = createOutbox({ store, clock, log, handlers, waitsFor: waitsFor(store), ...failpoint });
  conductor = createConductor({
    convergeAll: desk.convergeAll,
    redraw,
    rollBack: (key, why) => {
      throw new Error(`nobody rolls back ${key.service} ${key.environment} yet: ${why}`);
    },
    store,
    clock,
    fleet,
    log,
    outboxChanged: () => outbox?.nudge(),
    ...failpoint,
    ...(parts.onEvent && { onEvent: parts.onEvent }),
  });
  const people = createPeople({ config, chat, clock, log });
  const { registry, forge } = parts;
  const services = { store, config, clock, log, people, registry, forge, conductor, facts };
  const gantry: Gantry = {
    ...notYet,
    config,
    now: () => clock.now(),
    ...createRequests(services),
    ...createRollbacks(services),
    ...createDecisions(services),
    rollout(number) {
      const stored = store.rollouts.find(number);
      return stored === null ? null : facts.rollout(stored);
    },
    status: facts.status,
    history: facts.history,
    hosts: facts.hosts,
  };
  function revoke(host: string): boolean {
    if (store.hosts.find(host) === null) return false;
    store.hosts.revoke(host, clock.now());
    log.warn({ host }, "host revoked");
    fleet.drop(host);
    for (const { number, state } of store.rollouts.allActive()) {
      if (state.hosts.some((h) => h.host === host)) theConductor().tell(number, { type: "host_left", at: clock.now(), host });
    }
    return true;
  }

  return { gantry, conductor, outbox, facts, people, revoke };
}
