/** The log in the card's thread: one line for each thing that happened, nothing for what the card shows anyway. */
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import { hasEnded, hostOf, type RolloutEvent, type RolloutState } from "../core/rollout-state.ts";
import { message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { phaseSign } from "./phase.ts";
import { servesNow } from "./rollout-hosts.ts";
import { code, codeBlock, count, duration, mention, named, safe, sentence } from "./words.ts";

/** `broadcast`: also into the channel. Only for what somebody should see now: something failed. */
export type ThreadLine = { readonly message: Message; readonly broadcast: boolean };

/** `before` is null for the first event. */
export function threadLines(before: RolloutState | null, event: RolloutEvent, after: RolloutState): readonly ThreadLine[] {
  return [...eventLines(event, after), ...phaseLines(before, event, after)];
}

function line(text: string, slack: string, broadcast = false): ThreadLine {
  return { message: message({ text, name: "line", blocks: [section(slack)] }), broadcast };
}

/** The sign is for the eye; the words say all of it. */
function signed(sign: string, text: string, broadcast = false): ThreadLine {
  return line(text, `${sign} ${text}`, broadcast);
}

function plainLine(text: string, broadcast = false): ThreadLine {
  return line(text, text, broadcast);
}

function eventLines(event: RolloutEvent, after: RolloutState): readonly ThreadLine[] {
  switch (event.type) {
    case "requested":
      return [line(`Asked for by ${named(event.requester)}.`, `Asked for by ${mention(event.requester)}.`)];
    case "approved": {
      const progress = `(${after.approvals.length} of ${after.approvalsRequired})`;
      return [line(`Approved by ${named(event.by)} ${progress}.`, `:thumbsup: Approved by ${mention(event.by)} ${progress}.`)];
    }
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
      return [plainLine(`${code(event.host)} was revoked; it is waited for no more.`)];
    case "image_failed":
      return [
        plainLine(
          `${code(event.host)} cannot get the image: ${reasons[event.reason].title} (${event.reason}). ${safe(event.detail, 300)}`,
        ),
      ];
    case "host_swapped":
      return [plainLine(`${code(event.host)} is healthy on ${releaseName(after.release)} after ${duration(event.tookMs)}.`)];
    case "host_failed":
    case "host_unwell":
    case "host_overdue":
      return failedLines(event.host, after);
    case "host_restored":
      return [plainLine(backText(event.host, after))];
    case "host_restore_failed":
      return [
        plainLine(`${code(event.host)} could not be put back: ${safe(event.detail, 300)} (${event.reason}). Go there now.`),
      ];
    case "adopted": {
      const what = `What runs was taken for what should be: ${sentence(event.detail, 300)}`;
      return [line(`${what} By ${named(event.by)}.`, `${what} By ${mention(event.by)}.`)];
    }
    case "paused":
    case "resumed":
    case "retried":
    case "continued":
    case "soak_skipped":
    case "turn_came":
    case "thrown_out":
    case "stalled":
    case "watch_raised":
    case "watch_ended":
    case "image_present":
    case "soaked":
      return [];
  }
}

function backText(host: string, after: RolloutState): string {
  const back = hostOf(after, host)?.back ?? null;
  return `${code(host)} is back ${back === null ? "to empty" : `on ${releaseName(back)}`}.`;
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
