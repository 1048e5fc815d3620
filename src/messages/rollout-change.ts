/** What a rollout would change: commits and tickets, and what an approver must be warned of. */
import type { ChangeFacts, CommitFacts, RolloutFacts, TicketFacts } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import { lackingText } from "../core/requirement.ts";
import { hasEnded } from "../core/rollout-state.ts";
import { intentText } from "./hosts.ts";
import { readyText } from "./readiness.ts";
import { tellsWayBack } from "./rollout-after.ts";
import type { Line } from "./rollout-status.ts";
import { count, cutList, link, noHealthCheck, safe, sentence } from "./words.ts";

const mostCommits = 10;
const mostTickets = 8;

export function commitLines(change: ChangeFacts): readonly Line[] {
  const total = Math.max(change.total, change.commits.length);
  if (total === 0) return [];
  const shown = change.commits.slice(0, mostCommits);
  const compare = change.compareUrl === null ? "" : ` · ${link(change.compareUrl, "compare")}`;
  const title = { text: `Commits: ${total}`, mrkdwn: `*${count(total, "commit")}*${compare}` };
  const left = total - shown.length;
  const rest = left > 0 ? [more(left)] : [];
  return [title, ...shown.map(commitLine), ...rest];
}

function commitLine(commit: CommitFacts): Line {
  const sha = safe(shortCommit(commit.sha), 12);
  const words = `${safe(commit.title, 72) || "(no title)"} · ${safe(commit.author, 30) || "unknown"}`;
  return { text: `- ${sha} ${words}`, mrkdwn: `• ${link(commit.url, sha)} ${words}` };
}

export function ticketLines(change: ChangeFacts): readonly Line[] {
  if (change.tickets.length === 0) return [];
  const shown = change.tickets.slice(0, mostTickets);
  const left = change.tickets.length - shown.length;
  const title = { text: `Tickets: ${change.tickets.length}`, mrkdwn: `*${count(change.tickets.length, "ticket")}*` };
  return [title, ...shown.map(ticketLine), ...(left > 0 ? [more(left)] : [])];
}

function ticketLine(ticket: TicketFacts): Line {
  const key = safe(ticket.key, 20);
  const summary = safe(ticket.summary, 72);
  const status = safe(ticket.status, 24);
  const words = `${summary === "" ? "" : ` ${summary}`}${status === "" ? "" : ` (${status})`}`;
  return { text: `- ${key}${words}`, mrkdwn: `• ${link(ticket.url, key)}${words}` };
}

function more(left: number): Line {
  return { text: `and ${left} more`, mrkdwn: `_and ${left} more_` };
}

/** Sentences that must not be overlooked. Once it has ended only what still matters is repeated. */
export function warnings(facts: RolloutFacts): readonly string[] {
  const { state, change, allowBad } = facts;
  const bad = allowBad === null ? [] : [badWarning(facts, allowBad)];
  if (hasEnded(state)) return bad;
  const lines = [
    ...bad,
    ...(facts.healthDeclared ? [] : [`NO HEALTH CHECK is declared: ${noHealthCheck}`]),
    ...(facts.notSoakedIn === null ? [] : [`${releaseName(state.release)} has not soaked in ${safe(facts.notSoakedIn, 40)}.`]),
    ...((change?.behind ?? 0) > 0 ? [behindWarning(change?.behind ?? 0)] : []),
    ...awayWarning(facts),
    ...lackingWarning(facts),
    ...dependantsWarning(facts),
    ...leftOutWarning(facts),
    ...readinessWarning(facts),
    ...(change?.gaps ?? []).map(
      (gap) => `Could not look this up: ${sentence(gap.text.replaceAll("\n", " "), 160)} (${gap.reason})`,
    ),
  ];
  return cutList(lines, { budget: 1000, rest: (left) => `and ${left} more warnings` });
}

function badWarning(facts: RolloutFacts, allowBad: { readonly why: string; readonly verdict: string }): string {
  const verdict = safe(allowBad.verdict, 160);
  return `${releaseName(facts.state.release)} was judged bad here (${verdict}) and is asked for anyway: ${safe(allowBad.why, 200)}`;
}

function behindWarning(behind: number): string {
  const them = behind === 1 ? "1 commit that runs now is" : `${behind} commits that run now are`;
  return `${them} not in it and would be lost.`;
}

function awayWarning(facts: RolloutFacts): readonly string[] {
  if (facts.away.length === 0) return [];
  const names = cutList(
    facts.away.map((host) => safe(host, 60)),
    { budget: 200, most: 5, rest: (left) => `${left} more` },
  );
  return [`No connection now: ${names.join(", ")}.`];
}

/** Hosts that will wait for a service that this one stands on, as things are now. */
function lackingWarning({ state, lacking = [] }: RolloutFacts): readonly string[] {
  if (lacking.length === 0) return [];
  const named = cutList(
    lacking.map((one) => `${safe(one.host, 60)} (${safe(lackingText(one), 160)})`),
    { budget: 400, most: 5, rest: (left) => `${left} more` },
  );
  const wait = lacking.length === 1 ? "This host waits" : "These hosts wait";
  return [`${wait} for a service that ${safe(state.service, 40)} stands on: ${named.join(", ")}.`];
}

/** Whoever swaps or empties it takes it away under these for a moment. */
function dependantsWarning({ state, dependants = [] }: RolloutFacts): readonly string[] {
  if (dependants.length === 0) return [];
  const named = cutList(
    dependants.map(
      ({ service, environment, hosts }) => `${safe(service, 40)} ${safe(environment, 40)} on ${count(hosts, "host")}`,
    ),
    { budget: 400, most: 8, rest: (left) => `${left} more` },
  );
  return [`Others stand on ${safe(state.service, 40)}: ${named.join(", ")}. They miss it while it is swapped.`];
}

/** Hosts that belong to the environment and get nothing, because a person took them out. */
function leftOutWarning({ leftOut }: RolloutFacts): readonly string[] {
  if (leftOut.length === 0) return [];
  const names = cutList(
    leftOut.map(({ host, intent }) => `${safe(host, 60)} (${intentText(intent)})`),
    { budget: 400, most: 5, rest: (left) => `${left} more` },
  );
  return [`Left out: ${names.join(", ")}.`];
}

/** A way back that is only partly there matters to whoever approves. */
function readinessWarning(facts: RolloutFacts): readonly string[] {
  const { ready, total, release } = facts.readiness;
  if (facts.state.kind === "rollback" || release === null || ready >= total || tellsWayBack(facts)) return [];
  return [`Rollback to ${releaseName(release)}: ${readyText(facts.readiness)}.`];
}
