/** What there is to say of a rollout that has ended and is not over: hosts without the release, and the watch. */
import type { RolloutFacts } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import type { WatchFinding, WatchSample } from "../core/watch.ts";
import { readyText } from "./readiness.ts";
import { hostNames } from "./rollout-pauses.ts";
import type { Line } from "./rollout-status.ts";
import { count, cutList, duration, safe, utc, when } from "./words.ts";

export function afterLines(facts: RolloutFacts): readonly Line[] {
  const { state } = facts;
  const missing = incompleteText(state, shortCommit(facts.release.commit));
  return [...(missing === null ? [] : [same(missing)]), ...keptBadLines(facts), ...watchLines(state, facts.now)];
}

/** `Rollback to r41: ready on 3 of 3 hosts, about 4 s`, while it runs and once it stands. */
export function wayBackLine(facts: RolloutFacts): readonly Line[] {
  const { release } = facts.readiness;
  return release === null || !tellsWayBack(facts)
    ? []
    : [same(`Rollback to ${releaseName(release)}: ${readyText(facts.readiness)}`)];
}

/** A rollback is a way back itself, and an adoption moved nothing. */
export function tellsWayBack({ state, readiness }: Pick<RolloutFacts, "state" | "readiness">): boolean {
  const { kind, phase, release } = state;
  if (kind === "rollback" || kind === "adopt" || readiness.total === 0) return false;
  if (readiness.release === null || readiness.release === release) return false;
  return phase === "rolling" || phase === "soaking" || phase === "succeeded" || phase === "incomplete";
}

/** Going back passes by what a person took out: a bad release may serve there on, whatever the end says. */
export function keptBadLines({ state, leftOut }: RolloutFacts): readonly Line[] {
  if (state.phase !== "succeeded" && state.phase !== "incomplete") return [];
  const kept = leftOut.flatMap(({ host, intent, bad }) =>
    bad === undefined
      ? []
      : [`${safe(host, 60)} still serves ${releaseName(bad)}, which is bad (${intent.kind} by ${safe(intent.by.name, 40)})`],
  );
  const shown = cutList(kept, { budget: 400, most: 4, rest: (left) => `and ${left} more` });
  return kept.length === 0 ? [] : [same(`${shown.join("; ")}. \`/gantry uncordon HOST\` gives it what is live.`)];
}

/** `7 of 8 hosts have r42: prod-8 does not. To finish: …`; null unless it ended like that. */
export function incompleteText(state: RolloutState, commit: string): string | null {
  if (state.phase !== "incomplete") return null;
  const { hosts, service, environment, release, kind } = state;
  const without = hosts.filter((h) => h.status !== "healthy" && h.status !== "unchanged");
  const have = `${hosts.length - without.length} of ${count(hosts.length, "host")} have ${releaseName(release)}`;
  const none = without.length === 1 ? "does not" : "do not";
  return `${have}: ${hostNames(without)} ${none}. To finish: ${finish({ kind, place: `${service} ${environment}`, commit, release })}.`;
}

function finish(facts: {
  readonly kind: RolloutState["kind"];
  readonly place: string;
  readonly commit: string;
  readonly release: number;
}): string {
  const { kind, place, commit, release } = facts;
  switch (kind) {
    case "deploy":
    case "promote":
      return `mend them, then \`/deploy ${place} ${safe(commit, 40)}\``;
    case "rollback":
      return `mend them, then \`/rollback ${place} ${releaseName(release)}\``;
    case "restart":
      return `mend them, then \`/gantry restart ${place}\``;
    case "adopt":
      return `\`/deploy ${place} COMMIT\` or \`/rollback ${place}\` brings them together`;
  }
}

function watchLines(state: RolloutState, now: number): readonly Line[] {
  const { watch } = state;
  if (watch === null) return [];
  if (watch.finding !== null) return [findingLine(watch.finding, now)];
  if (watch.endedAt !== null) return [];
  return [
    {
      text: `Watched until ${utc(watch.until, now)}: containers that do not stay well raise this card again.`,
      mrkdwn: `:eyes: Watched until ${when(watch.until, now)}: containers that do not stay well raise this card again.`,
    },
  ];
}

/** Which host, by which rule, and the last samples in short. */
export function findingLine(finding: WatchFinding, now: number): Line {
  const host = safe(finding.host, 60);
  const what = `${foundText(finding)} (watch_tripped)`;
  const seen = (time: typeof utc) => finding.samples.slice(-5).map((sample) => sampleText(sample, now, time));
  return {
    text: `${host} did not stay well: ${what}. Seen: ${seen(utc).join(", ")}`,
    mrkdwn: `:rotating_light: *${host} did not stay well*: ${what}. Seen: ${seen(when).join(", ")}`,
  };
}

function foundText({ found, rule }: Pick<WatchFinding, "found" | "rule">): string {
  switch (found) {
    case "unwell":
      return `not well for ${duration(rule.unwellMs)} without a break`;
    case "restarts":
      return `restarted ${rule.restarts} times or more`;
    case "flaps":
      return `went from well to unwell ${rule.flaps} times`;
  }
}

function sampleText(sample: WatchSample, now: number, time: typeof utc): string {
  const restarts = sample.restarts === 0 ? "" : ` (${sample.restarts} restarts)`;
  return `${sample.health}${restarts} ${time(sample.at, now, "seconds")}`;
}

function same(text: string): Line {
  return { text, mrkdwn: text };
}
