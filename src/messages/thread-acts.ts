/** Lines of the thread about what people did to a rollout under way, about the line, and about the watch. */
import { type ReasonCode, reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { Pause, Person, RolloutState } from "../core/rollout-state.ts";
import type { WatchFinding } from "../core/watch.ts";
import { actions, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { findingLine } from "./rollout-after.ts";
import { goBackNow } from "./rollout-buttons.ts";
import { failedHosts, failureText, hostNames } from "./rollout-pauses.ts";
import { code, count, duration, mention, named, said, sentence } from "./words.ts";

/** `broadcast`: also into the channel. Only for what somebody should see now: something failed. */
export type ThreadLine = { readonly message: Message; readonly broadcast: boolean };

export function line(text: string, slack: string, broadcast = false): ThreadLine {
  return { message: message({ text, name: "line", blocks: [section(slack)] }), broadcast };
}

export function plainLine(text: string, broadcast = false): ThreadLine {
  return line(text, text, broadcast);
}

/** `what` with the person in it: once by name, once as a mention. */
function actLine(by: Person | null, what: (who: string) => string): ThreadLine {
  return by === null ? plainLine(what("Gantry")) : line(what(named(by)), what(mention(by)));
}

type By = { readonly by: Person };

export function resumedLine({ by }: { readonly by: Person | null }): ThreadLine {
  return actLine(by, (who) => `Resumed by ${who}.`);
}

export function retriedLine({ by }: By, before: RolloutState | null): ThreadLine {
  return actLine(by, (who) => `${who} retries ${failedNames(before)}.`);
}

type Continued = By & { readonly why: string; readonly hosts?: readonly string[] };

export function continuedLine({ by, why, hosts }: Continued, before: RolloutState | null): ThreadLine {
  const names = hosts === undefined ? failedNames(before) : hostNames(hosts.map((host) => ({ host })));
  return actLine(by, (who) => `${who} goes on without ${names}${said(why)}`);
}

export function soakSkippedLine({ by, why }: By & { readonly why: string | null }): ThreadLine {
  return actLine(by, (who) => `The soak was ended by ${who}${said(why)}`);
}

export function adoptedLine({ by, detail }: By & { readonly detail: string }): ThreadLine {
  return actLine(by, (who) => `${who} took what runs for what should be${said(detail)}`);
}

function failedNames(before: RolloutState | null): string {
  const failed = before === null ? [] : failedHosts(before);
  return failed.length === 0 ? "the failed hosts" : hostNames(failed);
}

/** A rollout that has just been stopped: by whom, and what a person may do. */
export function pausedLines(before: RolloutState | null, after: RolloutState): readonly ThreadLine[] {
  const known = (before?.pauses ?? []).map((p) => p.reason);
  return after.pauses.filter((p) => !known.includes(p.reason)).map((pause) => pausedLine(pause, after));
}

function pausedLine(pause: Pause, state: RolloutState): ThreadLine {
  const { number } = state;
  switch (pause.reason) {
    case "paused":
      return actLine(pause.by, (who) => `Paused by ${who}${said(pause.why)} Hosts in mid-swap finish, no other begins.`);
    case "paused_on_failure": {
      // Before anything was touched there is nothing to go back from.
      const stop = state.phase === "queued" ? "or cancel" : "abort or roll back";
      const text = `Paused: ${failureText(state)} Retry them, continue past them, ${stop}: a person decides, on the card.`;
      return line(text, `:double_vertical_bar: ${text}`, true);
    }
    case "server_behind":
      return plainLine(`The server is behind its agents: everything stands still${said(pause.why)} Containers go on.`, true);
    case "line_held":
      return plainLine(`The line is held${said(pause.why)} Look first, then \`/gantry resume ${number}\`.`);
  }
}

export function turnCameLine(
  { planHash }: { readonly planHash: string },
  before: RolloutState | null,
  after: RolloutState,
): ThreadLine {
  // Somebody said yes, and it does not go by itself: whoever may decide should see that now.
  const { phase, reason, detail, number } = after;
  if (phase === "awaiting_approval" && reason === "awaiting_approval" && detail !== null) {
    return plainLine(
      `Its turn has come, and it asks anew${said(detail)} Approve on the card, or \`/gantry approve ${number}\`.`,
      true,
    );
  }
  const changed = before !== null && before.planHash !== planHash;
  const lost = changed && before.approvals.length > 0 ? " Earlier approvals were for another plan and do not count." : "";
  return plainLine(`Its turn has come.${changed ? " The plan was made anew." : ""}${lost}`);
}

export function thrownOutLine({ reason, detail }: { readonly reason: ReasonCode; readonly detail: string }): ThreadLine {
  return plainLine(`Out of the line: ${reasons[reason].title} (${reason}). ${sentence(detail, 300)}`);
}

/** Hosts that were left out just now. */
export function skippedLines(before: RolloutState | null, after: RolloutState): readonly ThreadLine[] {
  const was = new Map(before?.hosts.map((h) => [h.host, h.status]));
  const skipped = after.hosts.filter((h) => h.status === "skipped" && was.get(h.host) !== "skipped");
  if (before === null || skipped.length === 0) return [];
  return [plainLine(`Left out, because nobody hears of ${skipped.length === 1 ? "it" : "them"}: ${hostNames(skipped)}.`)];
}

/** Raised again, in the channel, with the way back at one tap where there is one. */
export function raisedLine(finding: WatchFinding, state: RolloutState): ThreadLine {
  const { number, service, environment, release, back, policy } = state;
  const found = findingLine(finding, finding.at);
  const what = `${service} → ${environment} #${number}, ${releaseName(release)}:`;
  // What comes of it is not known yet: the thread is told when it was opened, or why not.
  const rollsBack = policy.watch.onUnwell === "rollback" && state.kind !== "rollback";
  const next = rollsBack
    ? "The policy says to go back by itself; what comes of that is said below."
    : `Roll back: \`/rollback ${service} ${environment}\`. More: \`/gantry why #${number}\`.`;
  const button = back === null || rollsBack || state.kind === "rollback" ? [] : [actions([goBackNow(state, back)])];
  const blocks = [section(`${sentence(what, 200)} ${found.mrkdwn}\n${sentence(next, 300)}`), ...button];
  const text = `${sentence(what, 200)} ${found.text}\n${sentence(next, 300)}`;
  return { message: message({ text, name: "raised", blocks }), broadcast: true };
}

type BadLive = { readonly hosts: readonly string[]; readonly back: number | null; readonly byItself: boolean };

/** What was put back is not all of it: other hosts serve what was found bad. */
export function badLiveLine(state: RolloutState, { hosts, back, byItself }: BadLive): ThreadLine {
  const { service, environment, release } = state;
  const names = hostNames(hosts.map((host) => ({ host })));
  const what = `${names} still ${hosts.length === 1 ? "serves" : "serve"} ${releaseName(release)}, which is bad, and is what is live in ${service} ${environment}.`;
  const next = byItself
    ? "The policy says to go back by itself; what comes of that is said below."
    : back === null
      ? `There is no earlier good release: deploy a good commit, \`/deploy ${service} ${environment} COMMIT\`.`
      : `Roll back: \`/rollback ${service} ${environment}\`.`;
  const button = back === null || byItself ? [] : [actions([goBackNow(state, back)])];
  const text = `${what} ${next}`;
  return { message: message({ text, name: "bad-live", blocks: [section(text), ...button] }), broadcast: true };
}

/** The time passed and nothing was found. */
export function quietLine(state: RolloutState): ThreadLine {
  const good = state.endSoakSkipped ? ` ${releaseName(state.release)} is good here.` : "";
  return plainLine(`Watched for ${duration(state.policy.watch.forMs)}: ${count(state.hosts.length, "host")} stayed well.${good}`);
}

/** The time passed, and of some nobody knows how they did: nothing is judged by that. */
export function silentLine(state: RolloutState, silent: readonly string[]): ThreadLine {
  const names = hostNames(silent.map((host) => ({ host })));
  const rest = state.hosts.length - silent.length;
  const others = rest <= 0 ? "" : ` ${rest === 1 ? "The other one" : `The other ${rest}`} stayed well.`;
  const judged = state.endSoakSkipped ? ` ${releaseName(state.release)} is not judged good by that.` : "";
  const text = `Watched for ${duration(state.policy.watch.forMs)}, and the watch is over: of ${names} nobody knows, not heard of at its end (host_lost).${others}${judged}`;
  return plainLine(text, true);
}

/** Nothing moved for as long as the policy allows. */
export function stalledLine(state: RolloutState): ThreadLine {
  return plainLine(`Nothing moved for ${duration(state.policy.deadlineMs)} (${code("no_progress")}).`, true);
}
