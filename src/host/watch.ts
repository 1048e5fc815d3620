/**
 * Watches the container that serves: its own probe at the interval of its spec, a look at Docker on every event and every few
 * seconds. Docker restarts what dies; this only tells.
 */
import type { Health } from "../core/release.ts";
import type { LiveHealth } from "../core/slot.ts";
import { askContainer, isCommand, portToHold, shown, timeoutOf } from "./ask.ts";
import type { ContainerState } from "./engine.ts";
import { endingOf } from "./labels.ts";
import type { Hands } from "./prove.ts";

export type Watched = {
  readonly state: ContainerState;
  readonly health: LiveHealth;
  readonly detail: string | null;
};

export type Watch = {
  /** Watches this container from now on; null watches nothing. `proven`: it has just shown its health. */
  follow(target: { state: ContainerState; health: Health | null; proven: boolean } | null): void;
  /** Something happened to it: look at once. */
  poke(): void;
  now(): Watched | null;
};

const failuresToFail = 3;
const shortestIntervalMs = 100;
const lookEveryMs = 5_000;
/** After a restart a container is suspect for this long, however well it answers. */
const suspectMs = 10_000;

type Round = {
  readonly id: string;
  readonly health: Health | null;
  state: ContainerState;
  /** Which start of it is seen, and since when, on the clock that nobody sets: Docker tells the time of day. */
  up: { readonly startedAt: number | null; readonly since: number } | null;
  seen: Watched;
  /** In a row. */
  failures: number;
  successes: number;
  /** The start since which it was well once: from then on its start period is over. */
  wellSince: number | null;
  /** When it was last shown to be well, on the clock that nobody sets. */
  wellAt: number;
  lookedAt: number;
  wake: () => void;
  over: boolean;
};

/** `onChange` when health or its detail changed; `onGone` when the container does not exist any more; `onFault` for engine errors. */
export function createWatch(
  hands: Hands,
  listener: { onChange(watched: Watched): void; onGone(): void; onFault(thrown: unknown): void },
): Watch {
  const { engine, prober, clock } = hands;
  let round: Round | null = null;

  function follow(target: Parameters<Watch["follow"]>[0]): void {
    if (round !== null && target !== null && round.id === target.state.id && !target.proven) return;
    end();
    if (target === null) return;
    const { state, health, proven } = target;
    const first: Watched = { state, health: proven ? "ok" : "starting", detail: null };
    const mine: Round = {
      id: state.id,
      health,
      state,
      up: null,
      seen: first,
      failures: 0,
      successes: 0,
      wellSince: proven ? state.startedAt : null,
      wellAt: clock.mono(),
      lookedAt: Number.NEGATIVE_INFINITY,
      wake: () => undefined,
      over: false,
    };
    round = mine;
    void run(mine);
  }

  function end(): void {
    if (round === null) return;
    round.over = true;
    round.wake();
    round = null;
  }

  async function run(mine: Round): Promise<void> {
    while (!mine.over) {
      try {
        await look(mine);
      } catch (thrown) {
        if (!mine.over) listener.onFault(thrown);
      }
      if (mine.over) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.wakeAt(clock.now() + intervalOf(mine.health), resolve);
        mine.wake = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  async function look(mine: Round): Promise<void> {
    const due = clock.mono() - mine.lookedAt >= lookEveryMs || mine.failures > 0 || mine.seen.health === "restarting";
    if (due || asksEngine(mine.health)) {
      mine.lookedAt = clock.mono();
      const state = await engine.inspect(mine.id);
      if (mine.over) return;
      if (state === null) {
        end();
        listener.onGone();
        return;
      }
      mine.state = state;
    }
    const judged = await judge(mine, due);
    if (mine.over) return;
    const changed = judged.health !== mine.seen.health || judged.detail !== mine.seen.detail;
    mine.seen = { ...judged, state: mine.state };
    if (changed) listener.onChange(mine.seen);
  }

  async function judge(mine: Round, looksClosely: boolean): Promise<{ health: LiveHealth; detail: string | null }> {
    const { state } = mine;
    if (state.status === "ended" || state.status === "created")
      return { health: "exited", detail: `the container ended: ${endingOf(state)}` };
    const isSuspect = upMs(mine) < suspectMs && state.restarts > 0;
    if (state.status === "restarting" || isSuspect) {
      return { health: "restarting", detail: `the container ended and Docker started it again (${state.restarts} times so far)` };
    }
    const fault = await faultOf(mine, looksClosely);
    return fault === null ? well(mine) : unwell(mine, fault);
  }

  function well(mine: Round): { health: LiveHealth; detail: string | null } {
    mine.failures = 0;
    mine.successes += 1;
    mine.wellAt = clock.mono();
    mine.wellSince = mine.state.startedAt;
    if (mine.seen.health === "ok" || mine.successes >= (mine.health?.threshold ?? 1)) return { health: "ok", detail: null };
    return coming(mine);
  }

  function unwell(mine: Round, fault: string): { health: LiveHealth; detail: string | null } {
    const { startPeriodMs = 0, failures = failuresToFail } = mine.health ?? {};
    mine.successes = 0;
    if (mine.wellSince !== mine.state.startedAt && upMs(mine) < startPeriodMs) {
      mine.wellAt = clock.mono();
      return { health: "starting", detail: fault };
    }
    mine.failures += 1;
    // After a time without a look (an engine that hung) one failure is enough: nobody knows since when it is so.
    const roundMs = intervalOf(mine.health) + timeoutOf(mine.health?.probe ?? { kind: "none" });
    const wasBlind = clock.mono() - mine.wellAt > failures * roundMs;
    if (mine.failures >= failures || wasBlind) return { health: "failing", detail: fault };
    return { health: mine.seen.health, detail: mine.seen.detail };
  }

  /** Well again, but not often enough in a row to be believed. */
  function coming({ seen }: Round): { health: LiveHealth; detail: string | null } {
    const isOver = seen.health === "exited" || seen.health === "restarting";
    return isOver ? { health: "starting", detail: null } : { health: seen.health, detail: seen.detail };
  }

  /** Since its last start, as far as that was seen; the first look has only Docker's word. */
  function upMs(mine: Round): number {
    const { startedAt } = mine.state;
    const now = clock.mono();
    if (mine.up === null) mine.up = { startedAt, since: now - Math.max(0, clock.now() - (startedAt ?? 0)) };
    else if (mine.up.startedAt !== startedAt) mine.up = { startedAt, since: now };
    return now - mine.up.since;
  }

  /** What is wrong with its answer, or null. Who gave it is looked up now and then: it costs more than the answer. */
  async function faultOf(mine: Round, looksClosely: boolean): Promise<string | null> {
    const probe = mine.health?.probe ?? { kind: "none" };
    if (probe.kind === "none") return null;
    if (probe.kind === "container" && !isCommand(probe)) {
      const { health } = mine.state;
      if (health?.status === "unhealthy") return `its HEALTHCHECK fails${shown(health.output, mine.state)}`;
    } else {
      const answer = await askContainer(hands, { state: mine.state, probe });
      if (!answer.ok) return answer.detail;
    }
    return looksClosely ? await strangerFault(mine.state.pid, portToHold(probe)) : null;
  }

  async function strangerFault(pid: number | null, port: number | null): Promise<string | null> {
    if (pid === null || port === null) return null;
    const holder = await prober.holder({ port, pid });
    return holder.by === "other" ? `${holder.detail}, not by the container that should serve` : null;
  }

  return {
    follow,
    poke() {
      if (round === null) return;
      round.lookedAt = Number.NEGATIVE_INFINITY;
      round.wake();
    },
    now: () => round?.seen ?? null,
  };
}

/** Docker's own HEALTHCHECK is read from the container's state, which costs little. */
function asksEngine(health: Health | null): boolean {
  return health?.probe.kind === "container" && !isCommand(health.probe);
}

function intervalOf(health: Health | null): number {
  return Math.max(shortestIntervalMs, health?.intervalMs ?? 1_000);
}
