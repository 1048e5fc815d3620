/** What one rollout waits for, phase by phase. Pure: everything it needs is handed in. */
import type { FreezeFacts, LockFacts } from "../core/facts.ts";
import type { ReasonCode } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { Lacking } from "../core/requirement.ts";
import { type HostState, type HostStatus, hasEnded, type RolloutState } from "../core/rollout-state.ts";
import type { SlotStep } from "../core/slot.ts";
import { type Missing, roomAgain } from "./why-budget.ts";
import { lackingWait } from "./why-requires.ts";
import type { Unproved } from "./why-soak.ts";
import { afterTheEnd, frozen, locked, mostHosts, namesOf, paused, placeOf, type Serving, type Wait } from "./why-standing.ts";

/** What a wait is judged by, besides the rollout's own state. */
export type Around = {
  readonly freeze: FreezeFacts | null;
  readonly lock: LockFacts | null;
  /** Its turn is due, and since then nobody says whether its requester may still ask; null: it is not so. */
  readonly keptBackSince: number | null;
  /** Its place in line; null when it does not wait there. */
  readonly position: number | null;
  /** The rollout that holds the environment, when it is another. */
  readonly busyWith: number | null;
  readonly approvers: readonly string[];
  /** The requester is not one of them. */
  readonly notRequester: boolean;
  /** Its soak is over: hosts that have not said since that they are well, and until when that is waited for. */
  readonly unproved: Unproved | null;
  /** Hosts that nobody hears of, and since when. */
  readonly away: ReadonlyMap<string, number | null>;
  readonly steps: Readonly<Record<string, SlotStep>>;
  /** Hosts that leave it no room, while it waits for that. */
  readonly missing: readonly Missing[];
  /** What hosts that are still to begin lack of what the service stands on. */
  readonly lacking: readonly Lacking[];
  /** Asked only of what has ended. */
  readonly serving: Serving;
};

/** Never empty while the rollout has not ended. */
export function waitsOf(state: RolloutState, around: Around): readonly Wait[] {
  const first = around.freeze === null ? [] : [frozen(around.freeze)];
  if (hasEnded(state)) return [...first, ...afterTheEnd(state, around.serving)];
  const pauses = state.pauses.filter((p) => p.reason !== "server_behind" || around.freeze === null);
  return [...first, ...pauses.map((pause) => paused(pause, state)), ...(standsStill(state) ? [] : inPhase(state, around))];
}

/** Failed hosts are to be answered and nothing is in mid-swap: a person is all that it waits for. */
function standsStill({ pauses, phase, hosts }: RolloutState): boolean {
  const isForward = phase === "queued" || phase === "rolling" || phase === "soaking";
  return isForward && pauses.some((p) => p.reason === "paused_on_failure") && hosts.every((h) => h.status !== "swapping");
}

function inPhase(state: RolloutState, around: Around): readonly Wait[] {
  switch (state.phase) {
    case "in_line":
      return inLine(state, around);
    case "awaiting_approval":
      return [approval(state, around), ...lockedToo(state, around)];
    case "queued":
      return forHosts(state, around);
    case "rolling":
      return swapping(state, around);
    case "soaking":
      return [around.unproved === null ? soaking(state) : unproved(state, around.unproved, around)];
    case "restoring":
      return goingBack(state, around);
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return [];
  }
}

function inLine(state: RolloutState, around: Around): readonly Wait[] {
  const { number } = state;
  const place = around.position === null ? "" : `, place ${around.position}`;
  const behind = around.busyWith === null ? "" : ` behind #${around.busyWith}`;
  const turn =
    around.busyWith === null ? "Its turn comes by itself" : `#${around.busyWith} ends: \`/gantry why #${around.busyWith}\``;
  const wait: Wait = {
    reason: "in_line",
    text: `Waits in line${place}${behind}.`,
    since: state.since,
    until: null,
    ends: `${turn}. \`/gantry cancel ${number}\` leaves the line.`,
  };
  return [wait, ...roleUnknown(around), ...lockedToo(state, around)];
}

function roleUnknown({ keptBackSince }: Around): readonly Wait[] {
  if (keptBackSince === null) return [];
  return [
    {
      reason: "chat_unreachable",
      text: "Its turn is due, and Slack does not say whether its requester still holds the role that may ask.",
      since: keptBackSince,
      until: null,
      ends: "Slack answers: it is asked again every half minute.",
    },
  ];
}

function lockedToo(state: RolloutState, { lock }: Around): readonly Wait[] {
  return lock === null || state.kind === "rollback" ? [] : [locked(lock, placeOf(state))];
}

function approval(state: RolloutState, { approvers, notRequester }: Around): Wait {
  const { approvals, approvalsRequired, number, detail, expiresAt, since } = state;
  const given = approvals.length === 0 ? "nobody has yet" : `so far: ${approvals.map((a) => a.by.name).join(", ")}`;
  const changed = detail === null ? "" : ` ${detail}.`;
  const except = notRequester ? `, not ${state.requester.name}` : "";
  const who = `${approvers.length === 0 ? "an approver" : approvers.join(" or ")}${except}`;
  return {
    reason: "awaiting_approval",
    text: `Waits for ${approvalsRequired - approvals.length} more of ${approvalsRequired} approvals (${given}).${changed}`,
    since,
    until: expiresAt,
    ends: `${who}: Approve on the card, or \`/gantry approve ${number}\`. With no decision it expires.`,
  };
}

/** Nothing swaps: what keeps the next hosts from beginning. What they stand on is told host by host. */
function forHosts(state: RolloutState, around: Around): readonly Wait[] {
  const batch = state.batches[state.batch] ?? [];
  const lacking = around.lacking.filter((one) => batch.includes(one.host));
  const times = { since: state.since, until: state.pauses.length > 0 ? null : state.progressBy };
  const waits = lacking.slice(0, mostHosts).map((one) => lackingWait(one, times));
  return waits.length > 0 && state.reason === "awaiting_service" ? waits : [nextHosts(state, around), ...waits];
}

function nextHosts(state: RolloutState, around: Around): Wait {
  const waiting = (state.batches[state.batch] ?? [])
    .filter((host) => statusOf(state, host) === "waiting")
    .map((host) => ({ host }));
  const code: ReasonCode = isWaitCode(state.reason)
    ? state.reason
    : state.phase === "queued"
      ? "awaiting_images"
      : "awaiting_host";
  const names = state.detail ?? namesOf(waiting);
  const base = { reason: code, since: state.since, until: state.pauses.length > 0 ? null : state.progressBy };
  switch (code) {
    case "awaiting_images":
      return {
        ...base,
        text: `Waits until these hosts have the image: ${names}.`,
        ends: `The agents there report the image. ${orStop(state)}`,
      };
    case "over_budget":
      return {
        ...base,
        text: `Too many hosts are out of service for another to begin: ${names}.`,
        ends: `${roomAgain(around.missing)} ${orStop(state)}`,
      };
    // What lacked has come: its host is about to begin.
    case "awaiting_service":
      return {
        ...base,
        text: `Waits for a service that its hosts need first: ${names}.`,
        ends: `The agents there report that it serves. ${orStop(state)}`,
      };
    default:
      return {
        ...base,
        text: `Waits for ${names || "its hosts"}${awayText(waiting, around)}.`,
        ends: `They answer again. ${orStop(state)}`,
      };
  }
}

const waitCodes = ["awaiting_images", "awaiting_host", "awaiting_service", "over_budget"] as const;

function isWaitCode(reason: ReasonCode | null): reason is (typeof waitCodes)[number] {
  return waitCodes.some((code) => code === reason);
}

function statusOf(state: RolloutState, host: string): HostStatus | null {
  return state.hosts.find((h) => h.host === host)?.status ?? null;
}

function awayText(hosts: readonly { readonly host: string }[], { away }: Around): string {
  const gone = hosts.filter((h) => away.has(h.host));
  return gone.length === 0 ? "" : `; no connection: ${namesOf(gone)}`;
}

function orStop(state: RolloutState): string {
  const stuck = state.kind === "rollback" ? "what is not reached is named" : "the policy for a failure applies";
  const late = `Without any progress ${stuck}.`;
  return state.kind === "rollback" ? late : `${late} To stop: \`/gantry cancel ${state.number}\`.`;
}

function swapping(state: RolloutState, around: Around): readonly Wait[] {
  const busy = state.hosts.filter((h) => h.status === "swapping");
  if (busy.length === 0) return forHosts(state, around);
  const shown = busy.slice(0, mostHosts).map((h) => swap(h, state, around));
  return busy.length > shown.length ? [...shown, rest(busy.slice(mostHosts), state)] : shown;
}

function swap(host: HostState, state: RolloutState, around: Around): Wait {
  const step = around.steps[host.host];
  const began = host.startedAt ?? state.since;
  if (around.away.has(host.host)) {
    return {
      reason: "host_lost",
      text: `${host.host} swaps to ${releaseName(state.release)} and has no connection.`,
      since: around.away.get(host.host) ?? began,
      until: null,
      ends: `Its agent answers again, or \`gantry revoke ${host.host}\`. ${orStop(state)}`,
    };
  }
  return {
    reason: "awaiting_host",
    text: `${host.host} swaps to ${releaseName(state.release)}${step === undefined ? "" : `: ${step.replaceAll("_", " ")}`}.`,
    since: began,
    until: began + state.policy.hostDeadlineMs,
    ends: "Its agent reports that it is healthy, or that it failed and the old container serves.",
  };
}

function rest(hosts: readonly HostState[], state: RolloutState): Wait {
  return {
    reason: "awaiting_host",
    text: `${hosts.length} more hosts are at it: ${namesOf(hosts)}.`,
    since: state.since,
    until: null,
    ends: "Their agents report how it went.",
  };
}

function soaking(state: RolloutState): Wait {
  const isLast = state.batch >= state.batches.length - 1;
  const next = isLast ? "Then it is done" : "Then the next batch begins";
  const held = state.held?.soakMs ?? null;
  const left = held === null || state.pauses.length === 0 ? "" : ` ${Math.ceil(held / 1000)} s are left when it goes on.`;
  // What is left of nothing cannot be skipped.
  const skip = held === 0 && state.pauses.length > 0 ? "" : ` \`/gantry skip-soak ${state.number}\` ends it now.`;
  return {
    reason: "soaking",
    text: `Batch ${state.batch + 1} of ${state.batches.length} must stay healthy.${left}`,
    since: state.since,
    until: state.pauses.length > 0 ? null : state.soakEndsAt,
    ends: `Time, and every host saying that it is well. ${next}.${skip}`,
  };
}

/** The time is over, and it is no proof: no act ends this, only the word of the hosts, or the end of patience. */
function unproved(state: RolloutState, { hosts, until }: Unproved, { away }: Around): Wait {
  const named = hosts.map((host) => ({ host: away.has(host) ? `${host} (no connection)` : host }));
  const must = hosts.length === 1 ? "it is" : "they are";
  return {
    reason: "awaiting_host",
    text: `Batch ${state.batch + 1} of ${state.batches.length}: its soak time is over, and ${namesOf(named) || "its hosts"} must still say that ${must} well.`,
    since: state.soakEndsAt ?? state.since,
    until,
    ends: "Their agents report. A host that does not has failed when the time is up.",
  };
}

function goingBack(state: RolloutState, around: Around): readonly Wait[] {
  const out = state.hosts.filter((h) => h.status === "restoring" || h.status === "returning");
  const shown = out.slice(0, mostHosts).map((h): Wait => {
    const away = around.away.has(h.host);
    const to = h.back === null ? "nothing" : releaseName(h.back);
    const turn = h.status === "returning" ? ", when it is its turn" : "";
    return {
      reason: away ? "host_lost" : "awaiting_host",
      text: `${h.host} goes back to ${to}${turn}${away ? "; it has no connection" : ""}.`,
      since: (away ? around.away.get(h.host) : null) ?? state.since,
      until: null,
      ends: away
        ? "Its agent answers again; or its time is up, and a person is needed there."
        : "Its agent reports that it is back.",
    };
  });
  if (out.length > shown.length) return [...shown, rest(out.slice(mostHosts), state)];
  if (shown.length > 0) return shown;
  return [{ reason: "awaiting_host", text: "Its hosts go back.", since: state.since, until: null, ends: "Their agents report." }];
}
