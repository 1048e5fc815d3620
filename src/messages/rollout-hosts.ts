/** The hosts of a rollout: how each one stands, and what went wrong where. */
import type { RolloutFacts } from "../core/facts.ts";
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import { type HostState, type HostStatus, hasEnded, type RolloutState } from "../core/rollout-state.ts";
import { hostSign, hostWords } from "./phase.ts";
import { failedHosts, failureText, hostNames } from "./rollout-pauses.ts";
import { type Line, progress } from "./rollout-status.ts";
import { code, codeBlock, count, cutList, duration, safe, sentence } from "./words.ts";

const mostHosts = 20;

/** One line per host; of a large fleet those that need an eye come first and the rest is counted. */
export function hostLines(facts: RolloutFacts): readonly Line[] {
  const { hosts } = facts.state;
  if (hosts.length <= mostHosts) return hosts.map((host) => hostLine(host, facts));
  const ordered = [...hosts].sort((a, b) => urgency.indexOf(a.status) - urgency.indexOf(b.status));
  const rest = ordered.slice(mostHosts);
  const counts = urgency.map((status) => [status, rest.filter((h) => h.status === status).length] as const);
  const words = counts.filter(([, n]) => n > 0).map(([status, n]) => `${n} ${status}`);
  const text = `and ${rest.length} more: ${words.join(", ")}`;
  return [...ordered.slice(0, mostHosts).map((host) => hostLine(host, facts)), { text, mrkdwn: `_${text}_` }];
}

const urgency: readonly HostStatus[] = [
  "stuck",
  "failed",
  "skipped",
  "restoring",
  "returning",
  "swapping",
  "restored",
  "waiting",
  "healthy",
  "unchanged",
];

function hostLine(host: HostState, facts: RolloutFacts): Line {
  const name = safe(host.host, 60);
  const away = facts.away.includes(host.host) ? ", no connection" : "";
  const words = `${hostWords(host, facts.steps[host.host])}${timing(host, facts.now)}${away}`;
  return { text: `- ${name}: ${words}`, mrkdwn: `${hostSign(host.status)} ${code(name)} ${words}` };
}

/** How long the swap took, or takes. On the way back the count would start at the wrong moment. */
function timing(host: HostState, now: number): string {
  const counts = host.status === "swapping" || host.status === "healthy" || host.status === "failed";
  if (!counts || host.startedAt === null) return "";
  return `, ${duration((host.endedAt ?? now) - host.startedAt)}`;
}

/** ▰▰▰▱▱▱ */
export function bar(state: RolloutState): string {
  const { done, total } = progress(state);
  const cells = 10;
  const full = total === 0 ? 0 : Math.floor((cells * done) / total);
  return "▰".repeat(full) + "▱".repeat(cells - full);
}

/** `3: first web-1, then web-2, web-3` */
export function batchText(state: RolloutState): string {
  const batches = state.batches.map((batch) => batchNames(batch));
  if (batches.length === 0) return `${state.hosts.length}, all have it already`;
  const lines = cutList(batches, {
    budget: 360,
    most: 6,
    rest: (left) => `${count(left, "more batch").replace("batchs", "batches")}`,
  });
  return `${state.hosts.length}: ${lines.length > 1 ? "first " : ""}${lines.join(", then ")}`;
}

/** How the batches are put together, when not by name alone. */
export function spreadText({ policy }: RolloutState): string {
  const { spread } = policy;
  if (spread === null) return "";
  const label = safe(spread.label, 40);
  return spread.order === "apart" ? `; never two of one ${label} at once` : `; one ${label} after the other`;
}

/** Until it begins: how many hosts of the environment may be out at once, where the sizes of the batches do not say so. */
export function roomText({ kind, batches, budget, startedAt }: RolloutState): string {
  const largest = Math.max(...batches.map((batch) => batch.length));
  if (kind === "rollback" || startedAt !== null || batches.length === 0 || budget === largest) return "";
  return `; at most ${budget} of the environment out of service at once`;
}

/** Failures that the rollout has gone on in spite of. A pause tells of its own. */
export function budgetLines(state: RolloutState): readonly Line[] {
  if (hasEnded(state) || state.phase === "restoring" || state.pauses.some((p) => p.reason === "paused_on_failure")) return [];
  const accepted = state.hosts.filter((h) => state.accepted.includes(h.host));
  const open = failedHosts(state).filter((h) => !state.accepted.includes(h.host));
  const skipped = state.hosts.filter((h) => h.status === "skipped");
  return [
    ...(open.length === 0 ? [] : [`${failureText(state)} It goes on.`]),
    ...(accepted.length === 0 ? [] : [`Goes on without ${hostNames(accepted)}, as a person decided.`]),
    ...(skipped.length === 0 ? [] : [`Left out, because nobody heard of them: ${hostNames(skipped)}.`]),
  ].map((text) => ({ text, mrkdwn: text }));
}

function batchNames(batch: readonly string[]): string {
  const names = batch.map((host) => safe(host, 40));
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}

// ------------------------------------------------------------ what went wrong

export type Trouble = { readonly lines: readonly Line[] /** The code block, or null. */; readonly log: string | null };

/** Which hosts failed, why, what to do, and the last lines of the first one's container. */
export function trouble(state: RolloutState): Trouble {
  const hurt = state.hosts.filter((h) => h.reason !== null && h.status !== "unchanged" && h.status !== "healthy");
  const all = hurt.map(troubleLine);
  const shown = all.slice(0, 3);
  const rest = all.length - shown.length;
  const logged = hurt.find((h) => h.logTail.length > 0);
  return {
    lines: [...shown, ...(rest > 0 ? [{ text: `and ${rest} more hosts`, mrkdwn: `_and ${rest} more hosts_` }] : [])],
    log: logged === undefined ? null : logBlock(logged),
  };
}

function troubleLine(host: HostState): Line {
  const name = safe(host.host, 60);
  const reason = host.reason ?? "internal";
  const { title, next } = reasons[reason];
  const detail = host.detail === null || host.detail === "" ? "" : `: ${sentence(host.detail.replaceAll("\n", " "), 240)}`;
  return {
    text: `${name}: ${title} (${reason})${detail}. Next: ${next}`,
    mrkdwn: `*${name}*: ${title} (\`${reason}\`)${detail}\n*Next:* ${next}`,
  };
}

function logBlock(host: HostState): string {
  return `Last lines on ${code(host.host)}:\n${codeBlock(host.logTail)}`;
}

/** What serves now, after it did not go well. */
export function servesNow(state: RolloutState): string | null {
  if (state.phase !== "restored" && state.phase !== "stuck") return null;
  // Failed and put back by its own agent, it needs nobody; where the whole got stuck it does.
  const stuck = state.phase === "stuck" ? state.hosts.filter((h) => h.status === "stuck" || h.status === "failed") : [];
  const names = cutList(
    stuck.map((h) => safe(h.host, 60)),
    { budget: 300, most: 8, rest: (left) => `${left} more` },
  ).join(", ");
  if (stuck.length > 0) return `A person is needed on ${names}: look there now. ${othersText(state)}`;
  const back = state.hosts.filter((h) => h.status === "restored");
  if (back.length === 0) return "No host was touched; everything serves what it served before.";
  const all = back.length === state.hosts.length;
  const where = all ? `on all ${count(back.length, "host")}` : `on the ${count(back.length, "host")} it had touched`;
  const releases = new Set(back.map((h) => h.back));
  if (releases.size > 1) return `What served before serves again ${where}: ${countedReleases(back)}.`;
  const [release] = releases;
  if (release === null || release === undefined) return `Nothing ran before, and nothing runs again ${where}.`;
  return `${releaseName(release)} serves again ${where}.`;
}

/** `r41 on 2, r40 on 1, nothing on 1` */
function countedReleases(hosts: readonly HostState[]): string {
  const releases = [...new Set(hosts.map((h) => h.back))];
  const words = releases.map((release) => {
    const n = hosts.filter((h) => h.back === release).length;
    return `${release === null ? "nothing" : releaseName(release)} on ${n}`;
  });
  return cutList(words, { budget: 200, most: 6, rest: (left) => `${left} more` }).join(", ");
}

function othersText(state: RolloutState): string {
  if (state.hosts.every((h) => h.status === "stuck" || h.status === "failed")) return "";
  if (state.kind === "rollback") return `The others serve ${releaseName(state.release)}.`;
  const back = state.hosts.filter((h) => h.status === "restored");
  const [release, another] = new Set(back.map((h) => h.back));
  if (another !== undefined) return `The others went back: ${countedReleases(back)}.`;
  if (release === undefined) return "The others serve what they served before.";
  return release === null ? "The others are empty, as before." : `The others serve ${releaseName(release)}.`;
}
