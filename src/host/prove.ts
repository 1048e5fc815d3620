/**
 * The proof that a container serves. "running" is also what a crash loop looks like, and on host networking any process may
 * answer on the port, so an answer counts only while the container is the same one, started once, and holds the socket.
 */
import type { Clock } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { ContainerProbe, Health } from "../core/release.ts";
import { askContainer, type CommandProbe, isCommand, portToHold, shown } from "./ask.ts";
import type { ContainerState, Engine, NetworkProbe, Prober } from "./engine.ts";
import { endingOf } from "./labels.ts";

export type Proof =
  /** `note`: why the proof is weaker than it should be. */
  | { readonly ok: true; readonly state: ContainerState; readonly note: string | null }
  | { readonly ok: false; readonly reason: ReasonCode; readonly detail: string };

export type Hands = { readonly engine: Engine; readonly prober: Prober; readonly clock: Clock };

const answersNeeded = 2;
/** In a row, once the start period is over. */
const failuresToFail = 3;
/** How long a process of others may answer on the port before it is taken for good. */
const strangerMs = 2_000;
/** What `none` and a container without a port to ask must survive. */
const standMs = 1_000;
const inspectEveryMs = 50;

export async function proveHealth(
  hands: Hands,
  facts: { readonly id: string; readonly health: Health; readonly hostNetwork: boolean; readonly signal: AbortSignal },
): Promise<Proof> {
  const { engine, clock } = hands;
  const { id, health, signal } = facts;
  const beganAt = clock.mono();
  const first = await engine.inspect(id);
  const look: Look = {
    ...hands,
    ...facts,
    beganAt,
    first,
    good: 0,
    bad: 0,
    strangerSince: null,
    note: null,
    lastDetail: "it did not answer",
  };
  let inspectedAt = beganAt;
  const gone = whyNotRunning(first, first);
  if (gone !== null) return await blame(look, gone);
  while (!signal.aborted) {
    const asked = await ask(look);
    if (asked !== null) return asked;
    const now = clock.mono();
    if (now - beganAt > health.deadlineMs) {
      return { ok: false, reason: "unhealthy", detail: `not healthy after ${health.deadlineMs / 1000} s: ${look.lastDetail}` };
    }
    if (look.good === 0 && now - inspectedAt >= inspectEveryMs) {
      inspectedAt = now;
      const dead = whyNotRunning(await engine.inspect(id), first);
      if (dead !== null) return await blame(look, dead);
    }
    await pause(clock, paceMs(look, now - beganAt));
  }
  return { ok: false, reason: "interrupted", detail: "a newer order came, or the agent was told to stop" };
}

type Look = Hands & {
  readonly id: string;
  readonly health: Health;
  readonly hostNetwork: boolean;
  /** On the clock that nobody sets. */
  readonly beganAt: number;
  readonly first: ContainerState | null;
  /** Answers in a row. */
  good: number;
  bad: number;
  strangerSince: number | null;
  note: string | null;
  lastDetail: string;
};

/** Until the next look. The defaults are those of a service that is up within a moment; a command costs the engine a process each time. */
function paceMs({ health, good }: Look, sinceMs: number): number {
  const { startIntervalMs, startPeriodMs, threshold, intervalMs, probe } = health;
  const isOver = startPeriodMs !== undefined && sinceMs >= startPeriodMs;
  if (good > 0 && threshold === undefined && !isCommand(probe)) return 1;
  if (good === 0 && isOver) return intervalMs;
  return startIntervalMs ?? (isCommand(probe) ? 100 : sinceMs < 2_000 ? 5 : 50);
}

/** One look; the verdict when there is one. */
async function ask(look: Look): Promise<Proof | null> {
  const { probe } = look.health;
  switch (probe.kind) {
    case "none":
      return await askStanding(look);
    case "container":
      return isCommand(probe) ? await askService(look, probe) : await askEngine(look, probe);
    case "http":
    case "tcp":
      return await askService(look, probe);
  }
}

async function askStanding(look: Look): Promise<Proof | null> {
  if (look.clock.mono() - look.beganAt < standMs) return null;
  const state = await look.engine.inspect(look.id);
  const dead = whyNotRunning(state, look.first);
  return dead === null && state !== null ? { ok: true, state, note: null } : await blame(look, dead ?? containerGone);
}

async function askEngine(look: Look, probe: ContainerProbe): Promise<Proof | null> {
  const state = await look.engine.inspect(look.id);
  const dead = whyNotRunning(state, look.first);
  if (dead !== null) return await blame(look, dead);
  if (state === null) return await blame(look, containerGone);
  const own = state.health;
  if (own === null)
    return { ok: false, reason: "unhealthy", detail: "health is `container`, but the container has no HEALTHCHECK" };
  switch (own.status) {
    case "healthy": {
      const stranger = await strangerAt(look, probe.port ?? null);
      return stranger === null ? { ok: true, state, note: look.note } : stranger.verdict;
    }
    case "unhealthy":
      return { ok: false, reason: "unhealthy", detail: `its HEALTHCHECK failed${shown(own.output, state) || ": no output"}` };
    case "starting":
      look.lastDetail = "its HEALTHCHECK has not succeeded yet";
      return null;
  }
}

async function askService(look: Look, probe: NetworkProbe | CommandProbe): Promise<Proof | null> {
  const { first } = look;
  if (first === null) return await blame(look, containerGone);
  const answer = await askContainer(look, { state: first, probe });
  if (!answer.ok) return failed(look, answer.detail);
  look.good += 1;
  look.bad = 0;
  if (look.good < (look.health.threshold ?? answersNeeded)) return null;
  // Who answered is asked once, at the last answer that is needed: it costs more than the answers do.
  const [state, stranger] = await Promise.all([look.engine.inspect(look.id), strangerAt(look, portToHold(probe))]);
  const dead = whyNotRunning(state, look.first);
  if (dead !== null || state === null) return await blame(look, dead ?? containerGone);
  return stranger === null ? { ok: true, state, note: look.note } : stranger.verdict;
}

/** Failures count once the start period that the service asked for is over; where it asked for none only the deadline ends the wait. */
function failed(look: Look, detail: string): Proof | null {
  const { startPeriodMs, failures = failuresToFail } = look.health;
  look.good = 0;
  look.lastDetail = detail;
  if (startPeriodMs === undefined || look.clock.mono() - look.beganAt < startPeriodMs) return null;
  look.bad += 1;
  if (look.bad < failures) return null;
  const times = failures === 1 ? "once" : `${failures} times in a row`;
  return {
    ok: false,
    reason: "unhealthy",
    detail: `failed ${times} after its start period of ${startPeriodMs / 1000} s: ${detail}`,
  };
}

/** Null when the answer may count. A stranger on the port is suffered for a moment: an ending process may still hold it. */
async function strangerAt(look: Look, port: number | null): Promise<{ verdict: Proof | null } | null> {
  const pid = look.first?.pid ?? null;
  if (!look.hostNetwork || pid === null || port === null) return null;
  const holder = await look.prober.holder({ port, pid });
  switch (holder.by) {
    case "container":
      look.strangerSince = null;
      return null;
    case "unknown":
      look.note = `${holder.detail}; relied on the old container being stopped`;
      return null;
    case "nobody":
      // It closed the socket between the answer and the look.
      look.good = 0;
      look.lastDetail = "nothing listens on the port any more";
      return { verdict: null };
    case "other": {
      look.good = 0;
      look.lastDetail = holder.detail;
      look.strangerSince ??= look.clock.mono();
      const lasted = look.clock.mono() - look.strangerSince;
      return {
        verdict:
          lasted < strangerMs ? null : { ok: false, reason: "port_in_use", detail: `${holder.detail}, not by the new container` },
      };
    }
  }
}

const containerGone = { reason: "exited", detail: "the container is gone" } as const;

/** Why this is not the one container that was started, still running; null when it is. */
function whyNotRunning(now: ContainerState | null, first: ContainerState | null): { reason: ReasonCode; detail: string } | null {
  if (now === null) return containerGone;
  if (now.oomKilled) return { reason: "oom_killed", detail: "the container ran out of memory and was killed" };
  if (now.status === "ended" || now.status === "created") {
    return { reason: "exited", detail: `the container ended: ${endingOf(now)}${now.error === "" ? "" : `, ${now.error}`}` };
  }
  if (now.status === "restarting" || now.startedAt !== first?.startedAt || now.restarts !== first.restarts) {
    return { reason: "crash_loop", detail: `the container keeps restarting (${now.restarts} times so far)` };
  }
  return null;
}

/** A container that ended because somebody else has its port says so badly; the port's holder says it well. */
async function blame(look: Look, dead: { reason: ReasonCode; detail: string }): Promise<Proof> {
  const port = portToHold(look.health.probe);
  if (dead.reason === "exited" && look.hostNetwork && port !== null) {
    const holder = await look.prober.holder({ port, pid: process.pid });
    if (holder.by === "other") return { ok: false, reason: "port_in_use", detail: `${holder.detail}; ${dead.detail}` };
  }
  return { ok: false, ...dead };
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.wakeAt(clock.now() + ms, resolve));
}
