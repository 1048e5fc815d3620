/**
 * A small world around the pure core, small enough that everything that can happen in it is tried: two hosts, one rollout, one
 * crash of the server, one report delivered twice, one container that breaks, one connection that is lost, a few acts of people.
 *
 * Time stands still: all clocks of the policy are 0, so that a timer may ring as soon as it is set, in any order. An agent
 * takes up the newest order whenever it likes, succeeds or fails, and its report arrives, or not, whenever it likes.
 */
import { begin, step } from "../../src/core/rollout.ts";
import {
  type Effect,
  type Fitness,
  hasEnded,
  isPaused,
  type LaterEvent,
  type Requested,
  type RolloutState,
} from "../../src/core/rollout-state.ts";
import { bo, noon } from "../kit/rollouts.ts";

/** What really is on a host. */
export type Truth = {
  readonly host: string;
  readonly serves: number | null;
  /** The container that should serve does not. */
  readonly broken: boolean;
  readonly connected: boolean;
  /** The newest order that the agent has ended, and how. */
  readonly generation: number;
  readonly ok: boolean;
};

type Report = { readonly host: string; readonly generation: number; readonly ok: boolean };
type Order = { readonly generation: number; readonly release: number | null };

/** How often something may still happen. */
export type Chances = {
  readonly crash: number;
  readonly duplicate: number;
  readonly fail: number;
  readonly break: number;
  readonly disconnect: number;
  readonly act: number;
};

export type World = {
  readonly state: RolloutState;
  readonly hosts: readonly Truth[];
  readonly orders: Readonly<Record<string, Order>>;
  readonly timers: readonly string[];
  readonly reports: readonly Report[];
  /** Hosts that say again, after a crash or when they are back, how they stand. */
  readonly mayRepeat: readonly string[];
  readonly chances: Chances;
};

export type Act = "approve" | "cancel" | "pause" | "retry" | "continue" | "skip" | "leave";

/** One thing that happened, and what the core made of it. */
export type Edge = { readonly what: string; readonly to: World; readonly effects: readonly Effect[]; readonly fitness: Fitness };

export function firstWorld(asked: Requested, chances: Chances): World {
  const { state, effects } = begin(asked);
  const hosts = asked.hosts.map(({ host, from }) => ({
    host,
    serves: from,
    broken: false,
    connected: true,
    generation: 0,
    ok: true,
  }));
  const orders = Object.fromEntries(asked.hosts.map(({ host, from }) => [host, { generation: 0, release: from }]));
  const world = withEffects({ state, hosts, orders, timers: [], reports: [], mayRepeat: [], chances }, state, effects);
  // Images are a story of their own: here they are there.
  return asked.hosts.reduce((to, { host }) => tell(to, "", { type: "image_present", host }).to, world);
}

function withEffects(world: World, state: RolloutState, effects: readonly Effect[]): World {
  let { orders } = world;
  const timers = new Set(world.timers);
  for (const e of effects) {
    if (e.kind === "desire")
      orders = { ...orders, [e.host]: { generation: (orders[e.host]?.generation ?? 0) + 1, release: e.release } };
    if (e.kind === "set_timer") timers.add(e.name);
    if (e.kind === "clear_timer") timers.delete(e.name);
  }
  // A report of an older order would change nothing: the desk does not listen to it.
  const reports = world.reports.filter((r) => r.generation === orders[r.host]?.generation);
  return { ...world, state, orders, reports, timers: [...timers].sort() };
}

/** As the conductor would see it: who does not serve what is wanted of him, and is well. */
export function fitnessOf(world: World): Fitness {
  const isOut = (h: Truth) => h.broken || h.serves === null || h.generation < (world.orders[h.host]?.generation ?? 0);
  return {
    away: world.hosts.filter((h) => !h.connected).map((h) => h.host),
    unwell: world.hosts.filter((h) => h.connected && isOut(h)).map((h) => h.host),
  };
}

type Bare<E> = E extends { readonly at: number } ? Omit<E, "at"> : never;

/** Everything that may happen next. */
export function edges(world: World, acts: readonly Act[]): readonly Edge[] {
  return [
    ...agentMoves(world),
    ...deliveries(world),
    ...repeats(world),
    ...mishaps(world),
    ...rings(world),
    ...people(world, acts),
  ];
}

function tell(world: World, what: string, event: Bare<LaterEvent>): Edge {
  const fitness = fitnessOf(world);
  const result = step(world.state, { ...event, at: noon, fitness } as LaterEvent);
  if (result.kind !== "moved") return { what, to: world, effects: [], fitness };
  return { what, to: withEffects(world, result.state, result.effects), effects: result.effects, fitness };
}

function still(what: string, to: World): Edge {
  return { what, to, effects: [], fitness: fitnessOf(to) };
}

function withTruth(world: World, host: string, fields: Partial<Truth>): World {
  return { ...world, hosts: world.hosts.map((h) => (h.host === host ? { ...h, ...fields } : h)) };
}

function less(world: World, chance: keyof Chances): World {
  return { ...world, chances: { ...world.chances, [chance]: world.chances[chance] - 1 } };
}

/** The agent takes up the newest order: it succeeds, or what served before serves on. */
function agentMoves(world: World): Edge[] {
  return world.hosts.flatMap((h) => {
    const order = world.orders[h.host];
    if (order === undefined || !h.connected || order.generation <= h.generation) return [];
    const { generation, release } = order;
    const report = (ok: boolean): Report => ({ host: h.host, generation, ok });
    const done = withTruth(world, h.host, { generation, ok: true, serves: release, broken: false });
    const good = still(`${h.host} succeeds`, { ...done, reports: [...world.reports, report(true)] });
    if (world.chances.fail === 0) return [good];
    const undone = withTruth(less(world, "fail"), h.host, { generation, ok: false });
    return [good, still(`${h.host} fails`, { ...undone, reports: [...world.reports, report(false)] })];
  });
}

function deliveries(world: World): Edge[] {
  return world.reports.flatMap((report, i) => {
    const rest = world.reports.filter((_, n) => n !== i);
    const arrived = heard({ ...world, reports: rest }, report);
    if (world.chances.duplicate === 0) return [arrived];
    return [arrived, heard({ ...less(world, "duplicate"), reports: world.reports }, report)];
  });
}

/** As the desk hears a report: it counts for the wanted generation only. */
function heard(world: World, { host, generation, ok }: Report): Edge {
  const what = `${host} reports ${ok ? "success" : "failure"} of ${generation}`;
  const known = world.state.hosts.find((h) => h.host === host);
  if (known === undefined || world.orders[host]?.generation !== generation) return still(`${what}, too late`, world);
  const failure = { reason: "unhealthy", detail: "no", logTail: [] } as const;
  if (known.status === "restoring") {
    return tell(world, what, ok ? { type: "host_restored", host } : { type: "host_restore_failed", host, ...failure });
  }
  if (ok) return tell(world, what, { type: "host_swapped", host, tookMs: 0 });
  return tell(world, what, { type: "host_failed", host, ...failure });
}

/** After a crash or a lost connection an agent says once more how it stands. */
function repeats(world: World): Edge[] {
  return world.mayRepeat.flatMap((host) => {
    const h = world.hosts.find((known) => known.host === host);
    if (h === undefined || !h.connected) return [];
    const told = heard({ ...world, mayRepeat: world.mayRepeat.filter((name) => name !== host) }, h);
    return [{ ...told, what: `${told.what} again` }];
  });
}

function mishaps(world: World): Edge[] {
  const { chances, state } = world;
  const found: Edge[] = [];
  if (hasEnded(state)) return found;
  if (chances.crash > 0 && world.reports.length > 0) {
    found.push(still("the server crashes", { ...less(world, "crash"), reports: [], mayRepeat: world.hosts.map((h) => h.host) }));
  }
  for (const h of world.hosts) {
    const isHealthy = state.hosts.some(
      (known) => known.host === h.host && (known.status === "healthy" || known.status === "returning"),
    );
    if (chances.break > 0 && isHealthy && !h.broken && h.connected) {
      const broken = withTruth(less(world, "break"), h.host, { broken: true });
      found.push(
        tell(broken, `${h.host} breaks`, { type: "host_unwell", host: h.host, reason: "crash_loop", detail: "x", logTail: [] }),
      );
    }
    if (!h.connected) {
      const back = {
        ...withTruth(world, h.host, { connected: true }),
        mayRepeat: [...new Set([...world.mayRepeat, h.host])].sort(),
      };
      found.push(tell(back, `${h.host} is back`, { type: "hosts_changed" }));
    } else if (chances.disconnect > 0) {
      const gone = withTruth(less(world, "disconnect"), h.host, { connected: false });
      found.push(still(`${h.host} is gone`, { ...gone, reports: gone.reports.filter((r) => r.host !== h.host) }));
    }
  }
  return found;
}

function rings(world: World): Edge[] {
  return world.timers.flatMap((name) => {
    const rung = { ...world, timers: world.timers.filter((t) => t !== name) };
    if (name === "expiry") return [tell(rung, "the request expires", { type: "expired" })];
    if (name === "progress") return [tell(rung, "nothing moved for too long", { type: "stalled" })];
    if (name === "soak") return soakRings(world, rung);
    if (name === "watch") return [];
    const host = name.slice("host:".length);
    const connected = world.hosts.find((h) => h.host === host)?.connected ?? false;
    return [tell(rung, `${host} is overdue`, { type: "host_overdue", host, connected })];
  });
}

/** The soak's end is proved by every host, or the silent one counts as lost. */
function soakRings(world: World, rung: World): Edge[] {
  const isProved = (host: string) => {
    const h = world.hosts.find((known) => known.host === host);
    return h?.connected === true && !h.broken && h.serves === world.state.release;
  };
  const silent = world.state.hosts.find((h) => h.status === "healthy" && !isProved(h.host));
  if (silent === undefined) return [tell(rung, "the soak ends", { type: "soaked" })];
  const failure = { reason: "host_lost", detail: "silent", logTail: [] } as const;
  return [tell(world, `${silent.host} proves nothing`, { type: "host_unwell", host: silent.host, ...failure })];
}

/** What somebody began somebody ends: a resume, and an answer to failed hosts, cost no chance. */
function people(world: World, acts: readonly Act[]): Edge[] {
  const { state } = world;
  if (hasEnded(state)) return [];
  const ends: Edge[] = isPaused(state) ? [tell(world, "bo resumes", { type: "resumed", reason: null, by: bo })] : [];
  if (state.pauses.some((p) => p.reason === "paused_on_failure")) {
    ends.push(tell(world, "bo cancels the failed one", { type: "cancelled", by: bo, why: null, blame: false }));
  }
  if (world.chances.act === 0) return ends;
  return [...ends, ...acts.map((act) => acted(less(world, "act"), act))];
}

function acted(world: World, act: Act): Edge {
  switch (act) {
    case "approve":
      return tell(world, "bo approves", { type: "approved", by: bo });
    case "cancel":
      return tell(world, "bo cancels", { type: "cancelled", by: bo, why: null, blame: true });
    case "pause":
      return tell(world, "bo pauses", { type: "paused", reason: "paused", by: bo, why: null });
    case "retry":
      return tell(world, "bo retries", { type: "retried", by: bo });
    case "continue":
      return tell(world, "bo goes on", { type: "continued", by: bo, why: "x" });
    case "skip":
      return tell(world, "bo skips the soak", { type: "soak_skipped", by: bo, why: null });
    case "leave": {
      const host = world.hosts[0]?.host ?? "";
      return tell({ ...world, hosts: world.hosts.slice(1) }, `${host} leaves`, { type: "host_left", host, answers: false });
    }
  }
}

/** Equal worlds have equal keys. Everything that decides what may happen is in it: not moments, since time stands still, nor how high a count is. */
export function keyOf(world: World): string {
  const { state: s, chances: c } = world;
  const hosts = s.hosts.map((h) => `${h.host}${h.status}${h.image}${h.reason}${h.back}${h.attempt > 0}${h.served === true}`);
  const isPending = (h: Truth) => h.generation < (world.orders[h.host]?.generation ?? 0);
  const truth = world.hosts.map((h) => `${h.host}${h.serves}${h.broken}${h.connected}${isPending(h)}${h.ok}`);
  const orders = Object.values(world.orders).map((o) => o.release);
  const reports = world.reports.map((r) => `${r.host}${r.ok}`).sort();
  const clocks = [s.soakEndsAt !== null, s.progressBy !== null, s.held?.soakMs ?? "-", s.held?.progressMs ?? "-"];
  const rest = [
    s.phase,
    s.reason,
    s.batch,
    s.owed?.reason,
    s.endSoakSkipped,
    s.unanswered,
    s.startedAt !== null,
    s.approvals.length,
  ];
  const lists = [
    hosts,
    truth,
    orders,
    reports,
    s.pauses.map((p) => p.reason),
    s.accepted,
    s.batches,
    world.timers,
    world.mayRepeat,
  ];
  const chances = [c.crash, c.duplicate, c.fail, c.break, c.disconnect, c.act];
  return `${rest.join()}|${clocks.join()}|${chances.join("")}|${lists.map((list) => list.join(";")).join("|")}`;
}
