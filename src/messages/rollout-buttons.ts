/** What can be done with a rollout right now, as buttons. What would be refused is not offered. */
import type { RolloutFacts } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import { patienceOf } from "../core/rollout-line.ts";
import type { PauseReason, RolloutState } from "../core/rollout-state.ts";
import type { ButtonFacts } from "./blocks.ts";
import { isSoakOver } from "./rollout-status.ts";
import { decisionValue, goBackValue, skipSoakValue } from "./values.ts";
import { count } from "./words.ts";

export function rolloutButtons(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  // A frozen server refuses everything.
  if (isHeldBy(state, "server_behind")) return [];
  switch (state.phase) {
    case "in_line":
      return [
        ...(isHeldBy(state, "line_held") ? [resume(facts)] : []),
        ...(mayApprove(facts) ? [approve(facts)] : []),
        leave(facts),
      ];
    case "awaiting_approval":
      return [approve(facts), reject(facts)];
    case "queued":
      return [...waysOn(facts), cancel(facts)];
    case "rolling":
    case "soaking":
      return underWay(facts);
    case "succeeded":
    case "incomplete":
      return goneLive(facts);
    case "restoring":
      return state.pauses.length > 0 ? [resume(facts)] : [];
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return [];
  }
}

/** A rollback that has begun is never itself undone: it can stand still, and go on. */
function underWay(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  const back = state.kind === "rollback" ? [] : [abort(facts), ...rollBack(facts)];
  if (state.pauses.length > 0) return [...waysOn(facts), ...back];
  const skip = state.phase === "soaking" && !isSoakOver(facts) ? [skipSoak(facts)] : [];
  return state.kind === "rollback" ? skip : [...skip, pause(facts), ...back];
}

/** Out of a pause. Failed hosts must be answered first: while they are there, resuming is refused. */
function waysOn(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  if (state.pauses.length === 0) return [];
  const mustAnswer = isHeldBy(state, "paused_on_failure") && state.hosts.some((h) => h.status === "failed");
  return mustAnswer ? [retry(facts), proceed(facts)] : [resume(facts)];
}

/** Once the watch has tripped, the way back is one tap, as long as it is known where it leads. */
function goneLive(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  if (state.kind === "rollback" || state.kind === "adopt") return [];
  const to = state.watch?.raisedAt == null ? null : facts.readiness.release;
  return to === null || to === state.release ? rollBack(facts) : [goBackNow(state, to)];
}

function isHeldBy(state: RolloutState, reason: PauseReason): boolean {
  return state.pauses.some((p) => p.reason === reason);
}

/** One that has grown old in line will not count at the turn: another, or the same again, is welcome. */
function mayApprove({ state, now }: RolloutFacts): boolean {
  const fresh = state.approvals.filter((a) => now - a.at < patienceOf(state));
  return fresh.length < state.approvalsRequired;
}

function place({ state }: Pick<RolloutFacts, "state">): string {
  return `${state.service} → ${state.environment}`;
}

function change(facts: RolloutFacts): string {
  const { release, from, state } = facts;
  const to = `${releaseName(release.number)} (${shortCommit(release.commit)})`;
  const now =
    from === null ? "Nothing runs there now" : `${releaseName(from.number)} (${shortCommit(from.commit)}) runs there now`;
  return `${place(facts)}: ${to} on ${count(state.hosts.length, "host")}. ${now}.`;
}

/** A button that names the rollout and its plan. */
function plainButton(
  { state }: Pick<RolloutFacts, "state">,
  button: { readonly label: string; readonly verb: string; readonly act: string },
): ButtonFacts {
  const { label, verb, act } = button;
  return {
    label,
    verb,
    value: decisionValue(state),
    describe: `${act} #${state.number}, ${state.service} to ${state.environment}`,
  };
}

function approve(facts: RolloutFacts): ButtonFacts {
  const { state } = facts;
  return {
    ...plainButton(facts, { label: "Approve", verb: "approve", act: "Approve" }),
    style: "primary",
    confirm: { title: `Approve #${state.number}?`, text: change(facts), yes: "Approve", no: "Not yet" },
  };
}

function reject(facts: RolloutFacts): ButtonFacts {
  return plainButton(facts, { label: "Reject", verb: "reject", act: "Reject" });
}

function leave(facts: RolloutFacts): ButtonFacts {
  return plainButton(facts, { label: "Leave the line", verb: "cancel", act: "Leave the line with" });
}

function cancel(facts: RolloutFacts): ButtonFacts {
  const { number } = facts.state;
  const text = `Nothing has been touched yet. ${change(facts)}`;
  return {
    ...plainButton(facts, { label: "Cancel", verb: "cancel", act: "Cancel" }),
    style: "danger",
    confirm: { title: `Cancel #${number}?`, text, yes: "Stop it", no: "Let it run" },
  };
}

function abort(facts: RolloutFacts): ButtonFacts {
  const { from, state } = facts;
  const back =
    from === null ? "leave the hosts empty again" : `put ${releaseName(from.number)} (${shortCommit(from.commit)}) back`;
  const text = `Stop and ${back} on the hosts already touched. ${change(facts)}`;
  return {
    ...plainButton(facts, { label: "Stop and put back", verb: "abort", act: "Stop and put back" }),
    style: "danger",
    confirm: { title: `Stop #${state.number} and put back?`, text, yes: "Stop it", no: "Let it be" },
  };
}

function pause(facts: RolloutFacts): ButtonFacts {
  return plainButton(facts, { label: "Pause", verb: "pause", act: "Pause" });
}

function resume(facts: RolloutFacts): ButtonFacts {
  return { ...plainButton(facts, { label: "Resume", verb: "resume", act: "Resume" }), style: "primary" };
}

function retry(facts: RolloutFacts): ButtonFacts {
  const act = plainButton(facts, { label: "Retry failed hosts", verb: "retry", act: "Retry the failed hosts of" });
  return { ...act, style: "primary" };
}

/** Its form asks why. */
function proceed(facts: RolloutFacts): ButtonFacts {
  return plainButton(facts, { label: "Continue past them", verb: "continue", act: "Continue past the failed hosts of" });
}

function skipSoak(facts: RolloutFacts): ButtonFacts {
  const { number } = facts.state;
  const text = `The next step begins at once if all hosts are well. Trouble that needs time to show is not seen. ${place(facts)}.`;
  return {
    ...plainButton(facts, { label: "Skip soak", verb: "skip-soak", act: "Skip the soak of" }),
    value: skipSoakValue(facts.state),
    confirm: { title: `Skip the soak of #${number}?`, text, yes: "Skip it", no: "Let it soak" },
  };
}

/** Opens the preview, which asks. Where nothing was live before there is nowhere to go. */
function rollBack(facts: RolloutFacts): readonly ButtonFacts[] {
  const { state } = facts;
  if (state.from === null) return [];
  const describe = `Roll back ${state.service} in ${state.environment}`;
  return [{ label: "Roll back", verb: "rollback", value: decisionValue(state), describe }];
}

/** Acts at once; Slack's own question is the only one. */
export function goBackNow(state: RolloutState, to: number): ButtonFacts {
  const { number, service, environment, release } = state;
  const text = `${service} → ${environment}: from ${releaseName(release)} back to ${releaseName(to)} on all hosts, at once.`;
  return {
    label: `Roll back to ${releaseName(to)}`,
    verb: "rollback",
    style: "danger",
    value: goBackValue(state, to),
    describe: `Roll back ${service} in ${environment} to ${releaseName(to)} now`,
    confirm: { title: `Roll back #${number}?`, text, yes: "Roll back", no: "Not now" },
  };
}
