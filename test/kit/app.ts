/** The application on a real store, with everything outside it in the test's hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, createApp } from "../../src/app/create-gantry.ts";
import type { Actor, Chat, Clock, Fleet, FleetDesk, Log, Secrets } from "../../src/app/ports.ts";
import type { Store } from "../../src/app/store.ts";
import type { GantryConfig } from "../../src/config/valid.ts";
import { agentCan } from "../../src/core/abilities.ts";
import { imagesOf } from "../../src/core/pins.ts";
import { defaultPolicy, type RolloutPolicy } from "../../src/core/plan.ts";
import type { ReleaseSpec } from "../../src/core/release.ts";
import type { RolloutState } from "../../src/core/rollout-state.ts";
import type { ObservedSlot, SwapOutcome } from "../../src/core/slot.ts";
import { createFakeRegistry, type FakeRegistry } from "../../src/registry/fake.ts";
import { ManualClock } from "../../src/rehearsal/slack/clock.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { aSpec, digestOf } from "./stores.ts";

export const ana: Actor = { kind: "slack", id: "U0ANA", name: "ana" };
export const eva: Actor = { kind: "slack", id: "U0EVA", name: "eva" };

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const noChat: Chat = {
  post: async ({ channel }) => ({ channel, ts: "1" }),
  update: async () => {},
  whisper: async () => {},
  tell: async () => {},
  publishHome: async () => {},
  groupMembers: async () => [],
  state: () => ({ connected: true, since: 0, reason: null }),
};

export type TestApp = {
  readonly app: App;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly desk: FleetDesk;
  readonly registry: FakeRegistry;
  /** Hosts whose agents are connected; change it at will. */
  readonly connected: Set<string>;
  /** What the agent of a host says that it can, where that is less than today's. */
  readonly abilities: Map<string, readonly string[]>;
  /** Hosts that were told to look at what is desired of them. */
  readonly nudged: string[];
  /** The agent reports that what is desired of it serves well, unless told otherwise. */
  reports(
    host: string,
    change?: { readonly health?: "ok" | "failing"; readonly restarts?: number; readonly gone?: boolean },
  ): void;
  /** The agent reports this, whatever is desired of it. */
  says(host: string, slots: readonly ObservedSlot[]): void;
  hasImage(host: string): void;
  /** Asks for a commit and brings it to the end on every connected host. */
  ships(commit: string): Promise<void>;
  asks(commit: string): Promise<number>;
  state(number?: number): RolloutState;
  desired(host: string): number | null | undefined;
  /** Another process on the same data, as after a crash. */
  restart(): void;
  stop(): void;
};

/** The application's clock, turned by the same hand as the rehearsal's. */
function appClock(clock: ManualClock): Clock {
  const wakeAt = (at: number, wake: () => void) => clock.after(Math.max(0, at - clock.now()), wake);
  return { now: () => clock.now(), mono: () => clock.now(), wakeAt, soon: setImmediate };
}

export function aCommit(n: number): string {
  return String(n).repeat(40).slice(0, 40);
}

const place = { service: "api", environment: "prod" };

export function anApp(options: {
  hosts: readonly string[];
  policy?: Partial<RolloutPolicy>;
  /** What its one service is; it may be changed while the app runs. */
  spec?: () => ReleaseSpec;
  /** What agents answer. */
  ask?: Fleet["ask"];
  secrets?: Secrets;
}): TestApp {
  const folder = mkdtempSync(join(tmpdir(), "gantry-app-"));
  const clock = new ManualClock();
  const connected = new Set(options.hosts);
  const nudged: string[] = [];
  const abilities = new Map<string, readonly string[]>();
  const registry = createFakeRegistry();
  for (let n = 1; n <= 9; n++) registry.push({ repository: "registry.test/api", tag: aCommit(n), digest: digestOf(aCommit(n)) });
  const config = aConfig(options.policy ?? {}, options.spec ?? (() => aSpec));
  let store = openStore({ folder, migrations: migrationsFolder });
  let desk: FleetDesk | null = null;
  let asked = 0;
  let app = start();
  for (const host of options.hosts) store.hosts.put({ name: host, labels: { env: "prod" }, publicKey: host, at: clock.now() });

  function start(): App {
    return createApp({
      store,
      config,
      clock: appClock(clock),
      log: silent,
      chat: noChat,
      registry,
      ...(options.secrets === undefined ? {} : { secrets: options.secrets }),
      forge: null,
      tickets: null,
      fleet: (made) => {
        desk = made;
        return {
          isConnected: (host) => connected.has(host),
          answeredSince: (host) => connected.has(host),
          nudge: (host) => nudged.push(host),
          drop: (host) => connected.delete(host),
          can: (host) => (connected.has(host) ? (abilities.get(host) ?? agentCan) : null),
          ask: options.ask ?? (async () => {}),
        };
      },
    });
  }

  function theDesk(): FleetDesk {
    if (desk === null) throw new Error("there is no desk");
    return desk;
  }

  function picture(host: string, slots: readonly ObservedSlot[], image: number | null): void {
    const engine = { ok: true, reason: null, detail: null, liveRestore: true };
    const rollout = store.rollouts.active("api", "prod");
    const release = rollout === null ? null : store.releases.find("api", rollout.state.release);
    const needed = image === null || release === null ? [] : imagesOf(release);
    const images = needed.map(({ digest }) => ({ ...place, digest, rollout: rollout?.number ?? 0, state: "present" as const }));
    theDesk().observed(host, { bootId: "b", agentVersion: "1", epoch: 1, engine, whole: true, slots, images });
  }

  function lastSaid(host: string): ObservedSlot[] {
    return store.slots.ofHost(host).flatMap((slot) => slot.observed ?? []);
  }

  function reports(host: string, change: { health?: "ok" | "failing"; restarts?: number; gone?: boolean } = {}): void {
    const slot = store.slots.get(host, place);
    if (slot === null) {
      picture(host, [], null);
      return;
    }
    const release = slot.release === null ? null : store.releases.find("api", slot.release);
    const live =
      release === null || change.gone === true
        ? null
        : {
            containerId: `c${slot.generation}`,
            release: release.number,
            digest: release.digest,
            generation: slot.generation,
            startedAt: 1,
            restarts: change.restarts ?? 0,
            health: change.health ?? "ok",
            detail: null,
          };
    const outcome: SwapOutcome = { ok: true, tookMs: 300 };
    picture(host, [{ ...place, generation: slot.generation, step: "serving", outcome, live, previous: null }], null);
  }

  async function asks(commit: string): Promise<number> {
    asked += 1;
    const origin = { key: `ask-${asked}-${commit}`, channel: null };
    const facts = { ...place, ref: commit, allowBad: false, wait: false, why: null, actor: ana, origin };
    const answer = await app.gantry.deploy(facts);
    if (answer.kind === "refused") throw new Error(answer.refusal.text);
    return answer.rollout;
  }

  return {
    get app() {
      return app;
    },
    get store() {
      return store;
    },
    get desk() {
      return theDesk();
    },
    registry,
    clock,
    connected,
    abilities,
    nudged,
    reports,
    says: (host, slots) => picture(host, slots, null),
    hasImage: (host) => picture(host, lastSaid(host), 1),
    asks,
    async ships(commit) {
      const number = await asks(commit);
      for (const host of connected) picture(host, lastSaid(host), 1);
      for (let turn = 0; turn < 50 && store.rollouts.find(number)?.state.endedAt === null; turn++) {
        for (const host of connected) reports(host);
        await clock.advance(1000);
      }
      if (store.rollouts.find(number)?.state.phase !== "succeeded") throw new Error(`#${number} did not succeed`);
    },
    state(number) {
      const found =
        number === undefined
          ? store.rollouts.list({ service: null, environment: null, limit: 1 })[0]
          : store.rollouts.find(number);
      if (found === undefined || found === null) throw new Error("no such rollout");
      return found.state;
    },
    desired: (host) => store.slots.get(host, place)?.release,
    restart() {
      app.stop();
      store.close();
      store = openStore({ folder, migrations: migrationsFolder });
      app = start();
    },
    stop() {
      app.stop();
      store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function aConfig(policy: Partial<RolloutPolicy>, spec: () => ReleaseSpec): GantryConfig {
  const nobody = { groups: [], local: [], everyone: false };
  let written: ReleaseSpec | null = null;
  return {
    file: "gantry.yml",
    people: { deployers: { ...nobody, users: ["U0ANA"] }, oncall: { ...nobody, users: ["U0EVA"] } },
    registries: [],
    channel: null,
    services: [
      {
        name: "api",
        file: "api.yml",
        repository: null,
        ticketProjects: [],
        get spec() {
          return written ?? spec();
        },
        /** As some tests write it. */
        set spec(other) {
          written = other;
        },
        environments: [
          {
            name: "prod",
            after: null,
            hosts: { env: "prod" },
            approvals: { required: 0, from: [], notRequester: false, expireMs: 1_800_000 },
            deployers: ["deployers"],
            oncall: ["oncall"],
            rollout: {
              ...defaultPolicy,
              canary: { hosts: 0 },
              batch: { hosts: 1 },
              soakMs: 5_000,
              endSoakMs: 5_000,
              hostDeadlineMs: 30_000,
              onFailure: "restore",
              ...policy,
            },
          },
        ],
      },
    ],
  };
}
