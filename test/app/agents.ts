/** Agents that remember what they were told, for tests of a server that has forgotten. They obey as the real ones do. */
import type { FleetDesk } from "../../src/app/ports.ts";
import type { DesiredPicture, DesiredSlot, Head, ObservedPicture, ObservedSlot, SlotKey } from "../../src/core/slot.ts";
import { refusalOf, takenOver } from "../../src/host/obedience.ts";
import type { TestApp } from "../kit/app.ts";
import { aSpec, digestOf } from "../kit/stores.ts";

export const place: SlotKey = { service: "api", environment: "prod" };

export type Agent = {
  readonly name: string;
  orders: DesiredPicture | null;
  /** Slots whose last order failed there, with the release that serves instead; null: nothing serves. */
  readonly failed: Map<string, { readonly number: number; readonly digest: string } | null>;
  /** In the middle of a swap: this one still serves. */
  swapsFrom: { readonly number: number; readonly digest: string } | null;
  /** Whether it shows what it was told: only to a server that asks, or is behind. */
  showsOrders: boolean;
  /** Shows these instead of what it goes by; null: it is honest. */
  showsOlder: readonly DesiredSlot[] | null;
  /** It could not look at its engine since it began: it has taken up nothing, and only says what it was told. */
  isBlind: boolean;
  /** Whether it is old: knows nothing of heads and shows no orders. */
  isOld: boolean;
  /** Comes to the server, as over a new connection, and exchanges pictures until both have nothing new to say. */
  connects(): void;
  /** What it was told over this connection, picture by picture. */
  readonly told: DesiredPicture[];
  /** Why it refused the last picture. */
  refused: string | null;
  /** Somebody else, whom this server does not remember, has ordered this meanwhile. */
  wasTold(news: {
    release: number | null;
    commit?: string;
    generation?: number;
    seq?: number;
    epoch?: number;
    hash?: string;
  }): void;
  reports(): void;
};

export function anAgent(t: TestApp, name: string): Agent {
  const desk = (): FleetDesk => t.desk;
  const agent: Agent = {
    name,
    orders: null,
    failed: new Map(),
    isOld: false,
    isBlind: false,
    swapsFrom: null,
    showsOrders: true,
    showsOlder: null,
    told: [],
    refused: null,
    connects() {
      t.connected.add(name);
      agent.told.length = 0;
      const known = agent.isOld ? {} : knownOf(agent.orders);
      desk().connected({ host: name, agentVersion: "1", labels: {}, ...known });
      hears();
      agent.reports();
    },
    reports() {
      desk().observed(name, pictureOf(agent));
      hears();
    },
    wasTold(news) {
      const before = agent.orders ?? { epoch: 1, serverId: desk().serverId(), slots: [], prepare: [] };
      const head: Head = { seq: news.seq ?? (before.head?.seq ?? 0) + 10, hash: news.hash ?? "f".repeat(64) };
      const old = before.slots.find((s) => s.service === place.service);
      const generation = news.generation ?? (old?.generation ?? 0) + 1;
      const slot: DesiredSlot = { ...place, generation, rollout: 99, release: releaseOf(news) };
      agent.orders = { ...before, epoch: news.epoch ?? before.epoch, head, slots: [slot] };
    },
  };

  function releaseOf(news: { release: number | null; commit?: string }): DesiredSlot["release"] {
    const {
      release,
      commit = String(release ?? 0)
        .repeat(40)
        .slice(0, 40),
    } = news;
    return release === null ? null : { number: release, digest: digestOf(commit), commit, spec: aSpec, mirrors: [] };
  }

  function hears(): void {
    const picture = desk().desired(name);
    if (picture === null) return;
    agent.told.push(picture);
    const refusal = refusalOf({ picture, orders: agent.orders, serverId: picture.serverId });
    agent.refused = refusal?.reason ?? null;
    if (refusal === null) agent.orders = takenOver(picture, agent.orders);
  }
  return agent;
}

function knownOf(orders: DesiredPicture | null): { epoch: number; head?: Head } {
  return { epoch: orders?.epoch ?? 0, ...(orders?.head && { head: orders.head }) };
}

function pictureOf(agent: Agent): ObservedPicture {
  const { orders, isOld } = agent;
  const engine = agent.isBlind
    ? { ok: false, reason: "engine_down", detail: "it hangs", liveRestore: null }
    : { ok: true, reason: null, detail: null, liveRestore: true };
  const slots = (orders?.slots ?? []).map((slot) => observedOf(slot, agent));
  const shows = agent.showsOlder ?? (agent.showsOrders ? (orders?.slots ?? []) : null);
  const shown = shows === null ? {} : { orders: shows };
  const known = isOld ? { epoch: orders?.epoch ?? 0 } : { ...knownOf(orders), ...shown };
  return { bootId: "b", agentVersion: "1", engine, slots, images: [], ...known };
}

function observedOf(slot: DesiredSlot, agent: Agent): ObservedSlot {
  const { service, environment, generation, release } = slot;
  if (agent.isBlind) {
    return { service, environment, generation: 0, newest: generation, step: "idle", outcome: null, live: null, previous: null };
  }
  const failed = agent.failed.get(service);
  const isSwapping = agent.swapsFrom !== null;
  const serves = agent.swapsFrom ?? (failed === undefined ? release : failed);
  const live =
    serves === null
      ? null
      : {
          containerId: `${agent.name}-r${serves.number}`,
          release: serves.number,
          digest: serves.digest,
          generation,
          startedAt: 1,
          restarts: 0,
          health: "ok" as const,
          detail: null,
        };
  const outcome =
    failed === undefined
      ? ({ ok: true, tookMs: 300 } as const)
      : ({ ok: false, tookMs: 300, reason: "unhealthy", detail: "no answer", logTail: [], after: "restored" } as const);
  if (isSwapping) return { service, environment, generation, step: "checking", outcome: null, live, previous: null };
  return { service, environment, generation, step: failed === undefined ? "serving" : "failed", outcome, live, previous: null };
}
