/** Why something stands still, or is not over although it has ended: freezes, locks, pauses, and what is left to see to. */
import type { FreezeFacts, LockFacts, WhyFacts } from "../core/facts.ts";
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { HostState, Pause, RolloutState } from "../core/rollout-state.ts";

export type Wait = WhyFacts["waits"][number];

/** Named one by one; more are counted. */
export const mostHosts = 6;

export function frozen(freeze: FreezeFacts): Wait {
  const host = freeze.host === null ? "" : ` ${freeze.host} showed it.`;
  return {
    reason: freeze.reason,
    text: `The server stands still: ${reasons[freeze.reason].title}.${host} ${freeze.detail} Containers go on.`,
    since: freeze.at,
    until: null,
    ends: `${reasons[freeze.reason].next} \`gantry adopt\` on the server's machine takes what runs for what should be.`,
  };
}

export function locked(lock: LockFacts, place: string): Wait {
  return {
    reason: "locked",
    text: `${place} is locked by ${lock.by.name}: ${lock.why}. A rollback may go on all the same.`,
    since: lock.at,
    until: lock.until,
    ends: `\`/gantry unlock ${place}\`, by ${lock.by.name} or another who may.`,
  };
}

export function placeOf({ service, environment }: RolloutState): string {
  return `${service} ${environment}`;
}

export function paused(pause: Pause, state: RolloutState): Wait {
  const by = pause.by === null ? "Gantry" : pause.by.name;
  const why = pause.why === null || pause.why === "" ? "" : `: ${pause.why}`;
  const base = { reason: pause.reason, since: pause.at, until: null };
  const { number } = state;
  switch (pause.reason) {
    case "paused":
      return {
        ...base,
        text: `Paused by ${by}${why}. Its clocks stand still.`,
        ends: `\`/gantry resume ${number}\`${isGoingBack(state) ? ": going back is not stopped" : `; or ${stopped(state)}`}.`,
      };
    case "paused_on_failure":
      return {
        ...base,
        text: `Paused because ${failedNames(state)} failed${why}. Its clocks stand still.`,
        ends: afterFailure(state),
      };
    case "line_held":
      return {
        ...base,
        text: `The line of ${placeOf(state)} is held${why}.`,
        ends: `\`/gantry resume ${number}\` after a look at what went wrong; \`/gantry cancel ${number}\` leaves the line.`,
      };
    case "server_behind":
      return { ...base, text: `The server was behind its agents${why}.`, ends: "`gantry adopt` on the server's machine." };
  }
}

function isGoingBack({ kind, phase }: RolloutState): boolean {
  return phase === "restoring" || (kind === "rollback" && phase !== "queued");
}

/** In `queued` nothing was touched: there is nothing to roll back, and what serves is what should. */
function stopped({ number, phase }: RolloutState): string {
  const out = `\`/gantry abort ${number}\``;
  return phase === "queued" ? `${out} ends it, nothing was touched` : `${out} stops it and puts its hosts back`;
}

function afterFailure(state: RolloutState): string {
  const { number, hosts, phase } = state;
  const stop = stopped(state);
  if (hosts.every((h) => h.status !== "failed")) return `\`/gantry resume ${number}\`: no host is failed any more; or ${stop}.`;
  const back = phase === "queued" ? "" : `, or \`/rollback ${placeOf(state)}\``;
  return `\`/gantry retry ${number}\`, \`/gantry continue ${number} WHY\`${back}; ${stop}.`;
}

function failedNames(state: RolloutState): string {
  return namesOf(state.hosts.filter((h) => h.status === "failed")) || "hosts";
}

export function namesOf(hosts: readonly { readonly host: string }[]): string {
  const shown = hosts.slice(0, mostHosts).map((h) => h.host);
  return hosts.length > shown.length ? `${shown.join(", ")} and ${hosts.length - shown.length} more` : shown.join(", ");
}

/** What hosts serve well now, null for nothing; those that serve badly, or were not seen, are not in it. */
export type Serving = ReadonlyMap<string, number | null>;

/** What is left to see to. Hosts that have come along since the end are not. */
export function afterTheEnd(state: RolloutState, serving: Serving): readonly Wait[] {
  const { watch, phase, endedAt } = state;
  const place = placeOf(state);
  const waits: Wait[] = [];
  if (watch?.finding != null) {
    waits.push({
      reason: "watch_tripped",
      text: `${watch.finding.host} did not stay well after the end.`,
      since: watch.raisedAt ?? watch.finding.at,
      until: null,
      ends: `\`/rollback ${place}\`, or a person finds it harmless. Another rollout here ends it.`,
    });
  } else if (watch !== null && watch.endedAt === null) {
    waits.push({
      reason: "watching",
      text: "The containers are watched.",
      since: endedAt,
      until: watch.until,
      ends: "Time. Containers that do not stay well raise its card again; another rollout here ends the watch.",
    });
  }
  if (phase === "incomplete") waits.push(...leftOver(state, serving));
  if (phase === "stuck") waits.push(...stuck(state, serving));
  return waits;
}

function leftOver(state: RolloutState, serving: Serving): readonly Wait[] {
  const without = state.hosts.filter(
    (h) => h.status !== "healthy" && h.status !== "unchanged" && serving.get(h.host) !== state.release,
  );
  if (without.length === 0) return [];
  const why = without.slice(0, mostHosts).map((h) => (h.reason === null ? h.host : `${h.host} (${h.reason})`));
  const wait: Wait = {
    reason: "left_incomplete",
    text: `These hosts do not have ${releaseName(state.release)}: ${why.join(", ")}${without.length > mostHosts ? ` and ${without.length - mostHosts} more` : ""}.`,
    since: state.endedAt,
    until: null,
    ends: `Mend them, then ask for the same again in ${placeOf(state)}; or \`/rollback ${placeOf(state)}\`.`,
  };
  return [wait];
}

function stuck(state: RolloutState, serving: Serving): readonly Wait[] {
  const isOut = (h: HostState) => h.status === "stuck" || h.status === "failed";
  const out = state.hosts.filter((h) => isOut(h) && serving.get(h.host) !== wantedBack(state, h));
  if (out.length === 0) return [];
  const why = out.slice(0, mostHosts).map((h) => (h.reason === null ? h.host : `${h.host} (${h.reason})`));
  const wait: Wait = {
    reason: state.reason ?? "restore_failed",
    text: `A person is needed on ${why.join(", ")}: they could not go back.`,
    since: state.endedAt,
    until: null,
    ends: `Somebody mends them, then \`/rollback ${placeOf(state)}\` or a new deploy succeeds.`,
  };
  return [wait];
}

/** What the host was to serve in the end; null is nothing. */
function wantedBack({ kind, release }: RolloutState, { attempt, from, back }: HostState): number | null {
  if (kind === "rollback") return release;
  return attempt === 0 ? from : back;
}
