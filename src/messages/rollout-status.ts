/** Where a rollout stands, in one line: what it does, what it waits for, how it ended. */
import type { RolloutFacts } from "../core/facts.ts";
import { reasons } from "../core/reasons.ts";
import { hasEnded, type Person, type RolloutState } from "../core/rollout-state.ts";
import { phaseSign, phaseWords } from "./phase.ts";
import { count, duration, mention, named, safe, sentence, utc, when } from "./words.ts";

/** `text` for reading aloud, `mrkdwn` for the card. */
export type Line = { readonly text: string; readonly mrkdwn: string };

export function statusLine(facts: RolloutFacts): Line {
  const { state } = facts;
  const words = phaseWords(state);
  const more = details(facts);
  const title = `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  return {
    text: [words, ...more.map((m) => m.text)].join(", "),
    mrkdwn: `${phaseSign(state.phase)} *${title}*${more.map((m) => ` · ${m.mrkdwn}`).join("")}`,
  };
}

function same(text: string): Line {
  return { text, mrkdwn: text };
}

function details(facts: RolloutFacts): readonly Line[] {
  const { state, now } = facts;
  switch (state.phase) {
    case "in_line":
      return state.approvalsRequired > 0 ? [approversLine(facts)] : [];
    case "awaiting_approval":
      return [
        approversLine(facts),
        { text: `expires at ${utc(state.expiresAt, now)}`, mrkdwn: `expires ${when(state.expiresAt, now)}` },
        imagesLine(state),
      ];
    case "queued":
      return [imagesLine(state), ...awayLine(facts), ...heldUpLine(state)];
    case "rolling":
      return [batchLine(state), doneLine(state), elapsedLine(facts), ...heldUpLine(state)];
    case "soaking":
      return [batchLine(state), ...soakLine(facts), elapsedLine(facts)];
    case "incomplete":
      return [doneLine(state), tookLine(state)];
    case "succeeded":
      return [same(`on ${count(state.hosts.length, "host")}`), tookLine(state)];
    case "restoring":
      return [doneLine(state), elapsedLine(facts)];
    case "restored":
    case "stuck":
      return [tookLine(state)];
    case "expired":
      return [same("nobody decided in time"), same("nothing was touched")];
    case "rejected":
      return [same("nothing was touched")];
    case "cancelled":
      return state.startedAt === null ? [same("nothing was touched")] : [same(leftText(state)), tookLine(state)];
  }
}

/** Ended from outside in mid-rollout (an adoption, or its last host left): nobody was sent back. */
function leftText({ hosts, release }: RolloutState): string {
  const have = hosts.filter((h) => h.attempt > 0 && h.status === "healthy");
  const midway = hosts.filter((h) => h.attempt > 0 && h.status !== "healthy" && h.status !== "restored");
  const parts = [
    ...(have.length === 0 ? [] : [`${shortNames(have)} had r${release}`]),
    ...(midway.length === 0 ? [] : [`${shortNames(midway)} left in mid-way`]),
  ];
  return `ended where it stood${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`;
}

function shortNames(hosts: readonly { readonly host: string }[]): string {
  const names = hosts.slice(0, 3).map((h) => safe(h.host, 40));
  return hosts.length > names.length ? `${names.join(", ")} and ${hosts.length - names.length} more` : names.join(", ");
}

function approversLine(facts: RolloutFacts): Line {
  const roles = facts.approvers.map((role) => safe(role, 40)).join(" or ");
  const except = facts.notRequester ? ", not the requester" : "";
  return { text: `by ${roles}${except}`, mrkdwn: `by *${roles}*${except}` };
}

function imagesLine(state: RolloutState): Line {
  const need = state.hosts.filter((h) => h.status !== "unchanged");
  const have = need.filter((h) => h.image === "present").length;
  return same(`image on ${have} of ${count(need.length, "host")}`);
}

/** Why no further host begins just now, when that is not the ordinary course of things. */
function heldUpLine({ reason, phase }: RolloutState): readonly Line[] {
  const isAWait =
    reason === "over_budget" ||
    reason === "awaiting_host" ||
    reason === "awaiting_service" ||
    (reason === "awaiting_images" && phase !== "queued");
  return isAWait ? [same(`${lowerFirst(reasons[reason].title)} (${reason})`)] : [];
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/** Hosts that are waited for and cannot be heard: the reason why nothing moves. */
function awayLine({ state, away }: RolloutFacts): readonly Line[] {
  const waited = state.hosts.filter((h) => away.includes(h.host) && h.status === "waiting" && h.image !== "present");
  if (waited.length === 0) return [];
  const names = waited.slice(0, 3).map((h) => safe(h.host, 40));
  const more = waited.length > names.length ? ` and ${waited.length - names.length} more` : "";
  return [same(`waits for ${names.join(", ")}${more}, which is away (awaiting_host)`)];
}

function batchLine(state: RolloutState): Line {
  return same(`batch ${Math.min(state.batch + 1, state.batches.length)} of ${state.batches.length}`);
}

function soakLine(facts: RolloutFacts): readonly Line[] {
  const { state, now } = facts;
  const until = state.soakEndsAt;
  if (until === null || state.pauses.length > 0) return [];
  if (isSoakOver(facts)) return [same(`its soak time is over; it waits for the word of ${silentNames(facts)}`)];
  return [{ text: `until ${utc(until, now, "seconds")}`, mrkdwn: `until ${when(until, now, "seconds")}` }];
}

/** The time alone proves nothing: its hosts must still say that they are well. */
export function isSoakOver({ state, now }: RolloutFacts): boolean {
  return state.phase === "soaking" && state.soakEndsAt !== null && state.soakEndsAt <= now;
}

function silentNames({ state, away }: RolloutFacts): string {
  const mustSay = state.hosts.filter((h) => h.status === "healthy" || h.status === "unchanged");
  const silent = mustSay.filter((h) => away.includes(h.host));
  return silent.length === 0 ? "its hosts" : `${shortNames(silent)} (no connection)`;
}

/** Hosts where this phase's work is done: forward those that serve it, on the way back those that went back. */
export function progress(state: RolloutState): { readonly done: number; readonly total: number } {
  if (state.phase === "restoring") {
    const touched = state.hosts.filter((h) => ["returning", "restoring", "restored", "stuck"].includes(h.status));
    return { done: touched.filter((h) => h.status === "restored").length, total: touched.length };
  }
  const done = state.hosts.filter((h) => h.status === "healthy" || h.status === "unchanged").length;
  return { done, total: state.hosts.length };
}

function doneLine(state: RolloutState): Line {
  const { done, total } = progress(state);
  return same(`${done} of ${count(total, "host")} ${state.phase === "restoring" ? "back" : "done"}`);
}

function elapsedLine(facts: RolloutFacts): Line {
  const { state, now } = facts;
  return same(`for ${duration(now - (state.startedAt ?? now))}`);
}

/** From the decision to the end; the wait for people is not counted. */
function tookLine(state: RolloutState): Line {
  const end = state.endedAt ?? state.startedAt ?? 0;
  return same(state.startedAt === null ? "before anything was touched" : `took ${duration(end - state.startedAt)}`);
}

/** Who decided what, and when: one line each. */
export function decisions(facts: RolloutFacts): readonly Line[] {
  const { state, now } = facts;
  const lines = state.approvals.map(({ by, at }) => decision("Approved", by, at, now));
  const { endedBy, endedAt } = state;
  if (endedBy === null) return lines;
  const verb = state.phase === "rejected" ? "Rejected" : state.reason === "rolled_back" ? "Rolled back" : "Cancelled";
  // On the way back it was cancelled when the restore began; that moment is in the thread.
  return [...lines, decision(verb, endedBy, hasEnded(state) ? endedAt : null, now)];
}

function decision(verb: string, by: Person, at: number | null, now: number): Line {
  const text = at === null ? "" : ` at ${utc(at, now)}`;
  const slack = at === null ? "" : ` ${when(at, now)}`;
  return { text: `${verb} by ${named(by)}${text}`, mrkdwn: `${verb} by ${mention(by)}${slack}` };
}

/** Why it ended when no person ended it and no host failed, with the way on. */
export function endedByItself(state: RolloutState): string | null {
  if (state.endedBy !== null || state.reason === null) return null;
  if (state.phase !== "expired" && state.phase !== "cancelled") return null;
  const { title, next } = reasons[state.reason];
  const detail = state.detail === null || state.detail === "" ? "" : `: ${sentence(state.detail.replaceAll("\n", " "), 300)}`;
  return `${title}${detail}. ${next}`;
}

/** What a person said when they ended it. */
export function saidAtTheEnd(state: RolloutState): string | null {
  if (state.endedBy === null || state.detail === null || state.detail === "") return null;
  return sentence(state.detail.replaceAll("\n", " "), 500);
}
