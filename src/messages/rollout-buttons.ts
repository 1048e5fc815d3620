/** What can be done with a rollout right now, as buttons. After the end only the way back remains. */
import type { RolloutFacts } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import type { ButtonFacts } from "./blocks.ts";
import { decisionValue } from "./values.ts";
import { count } from "./words.ts";

export function rolloutButtons(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  switch (state.phase) {
    case "in_line":
    case "awaiting_approval":
      return [approve(facts), reject(facts)];
    case "queued":
      return [cancel(facts)];
    case "rolling":
    case "soaking":
      // A rollback that has begun is never itself undone.
      return state.kind === "rollback" ? [] : [cancel(facts)];
    case "succeeded":
    case "incomplete":
      return state.kind === "rollback" || state.from === null ? [] : [rollBack(facts)];
    case "restoring":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return [];
  }
}

function place(facts: RolloutFacts): string {
  return `${facts.state.service} → ${facts.state.environment}`;
}

function change(facts: RolloutFacts): string {
  const { release, from, state } = facts;
  const to = `${releaseName(release.number)} (${shortCommit(release.commit)})`;
  const now =
    from === null ? "Nothing runs there now" : `${releaseName(from.number)} (${shortCommit(from.commit)}) runs there now`;
  return `${place(facts)}: ${to} on ${count(state.hosts.length, "host")}. ${now}.`;
}

function approve(facts: RolloutFacts): ButtonFacts {
  const { state } = facts;
  return {
    label: "Approve",
    verb: "approve",
    style: "primary",
    value: decisionValue(state),
    describe: `Approve #${state.number}, ${state.service} to ${state.environment}`,
    confirm: { title: `Approve #${state.number}?`, text: change(facts), yes: "Approve", no: "Not yet" },
  };
}

function reject(facts: RolloutFacts): ButtonFacts {
  const { state } = facts;
  return {
    label: "Reject",
    verb: "reject",
    value: decisionValue(state),
    describe: `Reject #${state.number}, ${state.service} to ${state.environment}`,
  };
}

function cancel(facts: RolloutFacts): ButtonFacts {
  const { state, from } = facts;
  const untouched = state.phase === "queued";
  const back =
    from === null ? "leave the hosts empty again" : `put ${releaseName(from.number)} (${shortCommit(from.commit)}) back`;
  const text = untouched
    ? `Nothing has been touched yet. ${change(facts)}`
    : `Stop and ${back} on the hosts already touched. ${change(facts)}`;
  return {
    label: "Cancel",
    verb: "cancel",
    style: "danger",
    value: decisionValue(state),
    describe: `Cancel #${state.number}, ${state.service} to ${state.environment}`,
    confirm: { title: `Cancel #${state.number}?`, text, yes: "Stop it", no: "Let it run" },
  };
}

/** Opens the preview, which asks. */
function rollBack(facts: RolloutFacts): ButtonFacts {
  const { state } = facts;
  return {
    label: "Roll back",
    verb: "rollback",
    value: decisionValue(state),
    describe: `Roll back ${state.service} in ${state.environment}`,
  };
}
