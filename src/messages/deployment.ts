/** What GitHub and Jira are told. Plain text: neither reads Slack's markup. */
import type { RolloutFacts } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import { phaseWords } from "./phase.ts";
import { oneLine } from "./words.ts";

/** GitHub takes 140 characters. */
export function deploymentDescription(facts: RolloutFacts): string {
  const { state, release } = facts;
  return oneLine(`#${state.number} ${releaseName(release.number)} by ${state.requester.name}: ${phaseWords(state)}`, 140);
}

/** The comment on a ticket whose commit the rollout carried (or, for a rollback, took away); null when there is nothing to say. */
export function ticketComment(facts: RolloutFacts, key: string): string | null {
  const { state, release } = facts;
  if (state.phase !== "succeeded" && state.phase !== "incomplete") return null;
  if (state.kind === "restart" || state.kind === "adopt") return null;
  const where = `${state.service} ${state.environment}`;
  const mark = `(gantry #${state.number})`;
  const have = state.hosts.filter((h) => h.status === "healthy" || h.status === "unchanged").length;
  const some = state.phase === "incomplete" ? `, on ${have} of ${state.hosts.length} hosts` : "";
  const by = oneLine(state.requester.name, 40);
  if (state.kind === "rollback") {
    const gone = state.from === null ? "the release with it" : releaseName(state.from);
    const back = `${releaseName(release.number)} (${shortCommit(release.commit)})`;
    return `${oneLine(key, 20)} is no longer live in ${where}: ${by} rolled ${gone} back to ${back}. ${mark}`;
  }
  return `${oneLine(key, 20)} is live in ${where} with ${releaseName(release.number)} (${shortCommit(release.commit)}), asked for by ${by}${some}. ${mark}`;
}
