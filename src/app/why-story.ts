/** What led to where a rollout stands: the main events of its log as sentences, with verdicts between them. */
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { Person, RolloutEvent } from "../core/rollout-state.ts";
import type { Verdict } from "./store.ts";

export type Told = { readonly at: number; readonly text: string };

/** Oldest first. Hosts that did the same one after the other share a sentence. */
export function storyOf(events: readonly RolloutEvent[], verdicts: readonly Verdict[]): readonly Told[] {
  const groups: Group[] = [];
  for (const event of events) {
    const verb = hostVerb(event);
    const last = groups.at(-1);
    if (verb !== null && "host" in event) {
      if (last?.verb === verb) last.hosts.push(event.host);
      else groups.push({ at: event.at, verb, hosts: [event.host] });
      continue;
    }
    const text = eventText(event);
    if (text !== null) groups.push({ at: event.at, verb: text, hosts: [] });
  }
  const told = groups.map(({ at, verb, hosts }) => ({ at, text: hosts.length === 0 ? verb : `${listed(hosts)} ${verb}` }));
  return [...told, ...verdicts.map(verdictTold)].sort((a, b) => a.at - b.at);
}

/** A sentence, or what several hosts did one after the other. */
type Group = { readonly at: number; readonly verb: string; readonly hosts: string[] };

/** Who judged, and from what. */
export function verdictTold(verdict: Verdict): Told {
  const { release, rollout, at, by, reason, detail } = verdict;
  const why = [reason === null ? null : `${reasons[reason].title} (${reason})`, detail].filter((part) => part !== null);
  const because = why.length === 0 ? "" : `: ${why.join(", ")}`;
  return { at, text: `${releaseName(release)} was judged ${verdict.verdict} by ${nameOf(by)} after #${rollout}${because}` };
}

export function nameOf(person: Person | null): string {
  return person === null ? "Gantry" : person.name;
}

function listed(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 6).join(", ");
  return hosts.length > 6 ? `${shown} and ${hosts.length - 6} more` : shown;
}

function hostVerb(event: RolloutEvent): string | null {
  switch (event.type) {
    case "host_swapped":
      return "became healthy";
    case "host_restored":
      return "went back";
    case "host_left":
      return "left the environment";
    case "requested":
    case "approved":
    case "rejected":
    case "cancelled":
    case "paused":
    case "resumed":
    case "retried":
    case "continued":
    case "soak_skipped":
    case "turn_came":
    case "thrown_out":
    case "plan_changed":
    case "expired":
    case "image_present":
    case "hosts_changed":
    case "image_failed":
    case "host_failed":
    case "host_unwell":
    case "host_overdue":
    case "host_restore_failed":
    case "soaked":
    case "stalled":
    case "adopted":
    case "watch_raised":
    case "watch_ended":
      return null;
  }
}

function because(why: string | null): string {
  return why === null || why === "" ? "" : `: ${why}`;
}

/** null: seen elsewhere, or not worth a line. */
function eventText(event: RolloutEvent): string | null {
  switch (event.type) {
    case "requested":
      return `asked for by ${event.requester.name}, as a ${event.kind} of ${releaseName(event.release)}${event.inLine ? ", in line" : ""}`;
    case "approved":
      return `approved by ${event.by.name}`;
    case "rejected":
      return `rejected by ${event.by.name}: ${event.why}`;
    case "cancelled":
      return `${event.blame ? "rolled back" : "stopped"} by ${event.by.name}${because(event.why)}`;
    case "paused":
      return `paused by ${nameOf(event.by)} (${event.reason})${because(event.why)}`;
    case "resumed":
      return `resumed by ${nameOf(event.by)}`;
    case "retried":
      return `${event.by.name} retried the failed hosts`;
    case "continued":
      return `${event.by.name} went on without the failed hosts: ${event.why}`;
    case "soak_skipped":
      return `${event.by.name} ended the soak${because(event.why)}`;
    case "turn_came":
      return "its turn in line came";
    case "thrown_out":
      return `thrown out of the line (${event.reason}): ${event.detail}`;
    case "plan_changed":
      return `the plan changed: ${event.detail}`;
    case "expired":
      return "nobody decided in time";
    case "image_failed":
      return `${event.host} could not get the image (${event.reason}): ${event.detail}`;
    case "host_failed":
      return `${event.host} failed (${event.reason}): ${event.detail}`;
    case "host_unwell":
      return `${event.host} did not stay well (${event.reason}): ${event.detail}`;
    case "host_overdue":
      return `${event.host} ${event.connected ? "did not finish in time" : "was not heard of in time"}`;
    case "host_restore_failed":
      return `${event.host} could not be put back (${event.reason}): ${event.detail}`;
    case "soaked":
      return "the soak ended";
    case "stalled":
      return "nothing had moved for too long (no_progress)";
    case "adopted":
      return `${event.by.name} took what runs for what should be: ${event.detail}`;
    case "watch_raised":
      return `the watch was raised by ${event.finding.host} (${event.finding.found})`;
    case "watch_ended":
      if (event.silent !== undefined && event.silent.length > 0) {
        return `the watch ended; nobody had heard of ${event.silent.slice(0, 6).join(", ")}`;
      }
      if (event.silent !== undefined) return "the watch ended; no host was left to look at";
      return event.quiet ? "the watch ended, all stayed well" : "the watch ended, because another rollout began";
    case "host_swapped":
    case "host_restored":
    case "host_left":
    case "hosts_changed":
      return null;
    case "image_present":
      return event.warning === undefined
        ? null
        : `a registry gave something else than the image to ${event.host}: ${event.warning}`;
  }
}
