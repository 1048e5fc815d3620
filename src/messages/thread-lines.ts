/** The log in the card's thread: one line for each thing that happened, nothing for what the card shows anyway. */
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import {
  hasEnded,
  hostOf,
  type LapsedApproval,
  type Person,
  type RolloutEvent,
  type RolloutState,
} from "../core/rollout-state.ts";
import { phaseSign } from "./phase.ts";
import { incompleteText } from "./rollout-after.ts";
import { servesNow } from "./rollout-hosts.ts";
import {
  adoptedLine,
  continuedLine,
  line,
  pausedLines,
  plainLine,
  quietLine,
  raisedLine,
  resumedLine,
  retriedLine,
  silentLine,
  skippedLines,
  soakSkippedLine,
  stalledLine,
  type ThreadLine,
  thrownOutLine,
  turnCameLine,
} from "./thread-acts.ts";
import { code, codeBlock, count, duration, mention, named, safe, sentence } from "./words.ts";

/** `before` is null for the first event. */
export function threadLines(before: RolloutState | null, event: RolloutEvent, after: RolloutState): readonly ThreadLine[] {
  return [
    ...eventLines(before, event, after),
    ...skippedLines(before, after),
    ...pausedLines(before, after),
    ...phaseLines(before, event, after),
  ];
}

/** The sign is for the eye; the words say all of it. */
function signed(sign: string, text: string, broadcast = false): ThreadLine {
  return line(text, `${sign} ${text}`, broadcast);
}

function eventLines(before: RolloutState | null, event: RolloutEvent, after: RolloutState): readonly ThreadLine[] {
  switch (event.type) {
    case "requested":
      return [line(`Asked for by ${named(event.requester)}.`, `Asked for by ${mention(event.requester)}.`)];
    case "approved":
      return [approvedLine(event, before, after)];
    case "rejected": {
      const why = sentence(event.why, 500);
      return [line(`Rejected by ${named(event.by)}: ${why}`, `:no_entry_sign: Rejected by ${mention(event.by)}: ${why}`)];
    }
    case "cancelled": {
      const why = event.why === null ? "." : `: ${sentence(event.why, 500)}`;
      const verb = event.blame ? "Rolled back" : "Cancelled";
      return [line(`${verb} by ${named(event.by)}${why}`, `:no_entry_sign: ${verb} by ${mention(event.by)}${why}`)];
    }
    case "plan_changed":
      return [plainLine(`The plan changed: ${sentence(event.detail, 500)} Ask for the rollout again.`)];
    case "expired":
      return [plainLine("Nobody decided in time. Ask for the rollout again.")];
    case "hosts_changed":
      return [];
    case "host_left":
      return [plainLine(`${code(event.host)} does not belong here any more; it is waited for no more.`)];
    case "image_failed":
      return [
        plainLine(
          `${code(event.host)} cannot get the image: ${reasons[event.reason].title} (${event.reason}). ${safe(event.detail, 300)}`,
        ),
      ];
    case "host_swapped":
      return [plainLine(swappedText(before, event, after))];
    case "host_failed":
    case "host_unwell":
      return failedLines(event.host, after);
    case "host_overdue":
      return overdueLines(before, event.host, after);
    case "host_restored":
      return [plainLine(backText(event.host, after))];
    case "host_restore_failed":
      return [
        plainLine(`${code(event.host)} could not be put back: ${safe(event.detail, 300)} (${event.reason}). Go there now.`),
      ];
    case "resumed":
      return [resumedLine(event)];
    case "retried":
      return [retriedLine(event, before)];
    case "continued":
      return [continuedLine(event, before)];
    case "soak_skipped":
      return [soakSkippedLine(event)];
    case "adopted":
      return [adoptedLine(event)];
    case "turn_came":
      return [turnCameLine(event, before, after)];
    case "thrown_out":
      return [thrownOutLine(event)];
    case "stalled":
      return [stalledLine(after)];
    case "watch_raised":
      return [raisedLine(event.finding, after)];
    case "watch_ended":
      return watchEndedLines(event, after);
    case "image_present":
      return event.warning === undefined ? [] : [lieLine(event.host, event.warning)];
    // Said by what it changed.
    case "paused":
    case "soaked":
      return [];
  }
}

/** Nothing wrong runs, but somebody must look: a registry lies, or its disk rots. */
function lieLine(host: string, warning: string): ThreadLine {
  const { title, next } = reasons.digest_mismatch;
  const said = `${sentence(warning, 300)} The right image came from another registry. ${next}`;
  return line(
    `${safe(host, 60)}: ${title} (digest_mismatch): ${said}`,
    `:rotating_light: ${code(host)}: ${title} (\`digest_mismatch\`): ${said}`,
    true,
  );
}

/** With whatever makes it count for less than the clicks so far would say. */
function approvedLine(
  { by, lapsed = [] }: { readonly by: Person; readonly lapsed?: readonly LapsedApproval[] },
  before: RolloutState | null,
  after: RolloutState,
): ThreadLine {
  const { approvals, approvalsRequired } = after;
  const lost = lapsed.map((l) => ` ${safe(l.by.name)}'s approval counts no more: ${safe(l.why, 200)}.`).join("");
  const isMore = approvalsRequired > (before?.approvalsRequired ?? 0);
  const more = isMore ? ` The service file asks for ${approvalsRequired} approvals by now.` : "";
  const rest = `(${approvals.length} of ${approvalsRequired}).${lost}${more}`;
  return line(`Approved by ${named(by)} ${rest}`, `:thumbsup: Approved by ${mention(by)} ${rest}`);
}

function watchEndedLines(
  { quiet, silent = [] }: { readonly quiet: boolean; readonly silent?: readonly string[] },
  after: RolloutState,
): readonly ThreadLine[] {
  if (silent.length > 0) return [silentLine(after, silent)];
  return quiet ? [quietLine(after)] : [];
}

/** A host that was given up may still come through. */
function swappedText(
  before: RolloutState | null,
  { host, tookMs }: { readonly host: string; readonly tookMs: number },
  after: RolloutState,
): string {
  const late = before !== null && hostOf(before, host)?.status === "failed" ? ", after all" : "";
  return `${code(host)} is healthy on ${releaseName(after.release)} after ${duration(tookMs)}${late}.`;
}

function backText(host: string, after: RolloutState): string {
  const back = hostOf(after, host)?.back ?? null;
  return `${code(host)} is back ${back === null ? "to empty" : `on ${releaseName(back)}`}.`;
}

/** One that nobody hears of is waited for, as the policy says: told once, however often its time runs out. */
function overdueLines(before: RolloutState | null, host: string, after: RolloutState): readonly ThreadLine[] {
  if (hostOf(after, host)?.status !== "swapping") return failedLines(host, after);
  const isKnown = before !== null && hostOf(before, host)?.reason === "host_lost";
  return isKnown ? [] : [plainLine(`${code(host)} is not heard of; it is waited for (host_lost).`)];
}

function failedLines(host: string, after: RolloutState): readonly ThreadLine[] {
  const known = hostOf(after, host);
  if (known === null || known.reason === null) return [];
  const { reason, detail, logTail } = known;
  const what = `${code(host)} failed: ${reasons[reason].title} (${reason}). ${safe(detail ?? "", 300)}`.trim();
  const log = logTail.length === 0 ? "" : `\n${codeBlock(logTail)}`;
  return [line(`${what}${log}`, `:x: ${what}${log}`)];
}

/** What the new phase means, once, when it begins. */
function phaseLines(before: RolloutState | null, event: RolloutEvent, after: RolloutState): readonly ThreadLine[] {
  const batchBegan = after.phase === "rolling" && (before?.phase !== "rolling" || before.batch !== after.batch);
  if (before?.phase === after.phase && !batchBegan) return [];
  const sign = phaseSign(after.phase);
  switch (after.phase) {
    case "in_line":
      return [signed(sign, "Waits in line: the environment is busy or locked.")];
    case "awaiting_approval":
    case "rejected":
    case "expired":
    case "cancelled":
      return [];
    case "queued":
      return [signed(sign, `Waits until the first hosts have the image.`)];
    case "rolling":
      return [signed(sign, `${batchLine(after)}`)];
    case "soaking":
      return [signed(sign, `Soaks for ${duration(soakMs(after))}.`)];
    case "incomplete":
      return [signed(sign, `Done, not everywhere. ${incompleteText(after, "COMMIT") ?? ""}`, true)];
    case "succeeded":
      return [signed(sign, `Done: ${count(after.hosts.length, "host")} on ${releaseName(after.release)}${took(after)}.`)];
    case "restoring":
      return [signed(sign, `Putting back ${count(touched(after), "host")}.`, event.type !== "cancelled")];
    case "restored":
    case "stuck":
      return hasEnded(after) ? [signed(sign, `${servesNow(after) ?? ""}${endOf(after)}`, true)] : [];
  }
}

/** The last batch soaks for the end. */
function soakMs({ policy, batch, batches }: RolloutState): number {
  return batch >= batches.length - 1 ? policy.endSoakMs : policy.soakMs;
}

function endOf(after: RolloutState): string {
  return after.reason === null ? "" : ` Reason: ${after.reason}.`;
}

function batchLine(state: RolloutState): string {
  const batch = state.batches[state.batch] ?? [];
  const names = batch.slice(0, 8).map((host) => code(host));
  const more = batch.length > names.length ? ` and ${batch.length - names.length} more` : "";
  return `Batch ${state.batch + 1} of ${state.batches.length}: ${names.join(", ")}${more}.`;
}

function touched(state: RolloutState): number {
  return state.hosts.filter((h) => ["returning", "restoring", "restored"].includes(h.status)).length;
}

function took(state: RolloutState): string {
  return state.startedAt === null || state.endedAt === null ? "" : `, took ${duration(state.endedAt - state.startedAt)}`;
}
