/**
 * The rollout: one attempt to make one release live in one environment. `step` is the only place that changes it.
 *
 * Phases, what they mean and what leaves them:
 *
 * - `in_line`            the environment is busy or locked; it holds nothing. Approvals are accepted. Leaves when its turn comes
 *                        (awaiting_approval, or queued with enough approvals of that very plan), or by being rejected,
 *                        cancelled or thrown out.
 * - `awaiting_approval`  the plan is on a card and hosts already pull; nothing is touched. Leaves by enough approvals
 *                        (queued), a rejection (rejected), a cancellation or a changed plan (cancelled), or time (expired).
 * - `queued`             decided, and nothing is touched: the first batch waits for its images, for a host, for a service
 *                        that it stands on, or for room in the budget. Leaves by itself (rolling), by cancellation
 *                        (cancelled), or by failure (restored: there is nothing to put back).
 * - `rolling`            the hosts of one batch swap, as many at once as the budget allows; the others wait for their turn.
 *                        Leaves when none of them swaps or waits any more (soaking, or the next batch), or by failure or abort
 *                        (restoring).
 * - `soaking`            the batch must stay healthy for the soak time, or the whole for the end soak after the last batch.
 *                        Leaves by time (rolling, or the end: succeeded or incomplete), or by failure or abort (restoring).
 * - `restoring`          hosts that were touched go back, some at a time, broken ones first. Leaves when all are back
 *                        (restored), or when all but some that cannot be put back are (stuck).
 * - `succeeded`          every host serves the release and has soaked: it is good here. Ended.
 * - `incomplete`         as many hosts failed or were left out as may; the others serve the release, which is live. Ended.
 * - `restored`           it failed or was aborted, and every host that it touched serves what it should again. Ended.
 * - `stuck`              a host could not be put back, or a rollback could not reach one: a person is needed. Ended.
 * - `rejected`, `expired`, `cancelled`  ended before anything was touched, or because no host was left. Ended.
 *
 * Across these phases lie pauses, a set of reasons. While there is one, nothing is sent to any host; those in mid-swap
 * finish; the clocks of soak and progress stand still. What became due meanwhile is done when the last pause is gone. An abort
 * does not wait for that.
 *
 * Failure: a host fails by its own report, by its deadline, by silence (as the policy says) or by becoming unwell after it
 * was healthy, and so does one that had the release before. As many as `maxFailed` may. With one more, or without a healthy
 * host in the first batch, the rollout has failed: it pauses until a person retries, goes on without those hosts or aborts, or
 * until those hosts have left or serve after all; or it goes back, each host to what it served before, or to the newest good
 * release. Where the release is at fault it is bad, whoever or whatever ended the rollout; only a retry says that it is not.
 *
 * Time: two clocks. One is that of the soak. The other starts anew with every progress of a rollout that goes forward; when it
 * runs out, the hosts that are waited for have failed. Each host in mid-swap or on its way back has a deadline of its own. So
 * whatever is not paused, and does not wait for a person's decision, has a timer that will end the wait.
 *
 * A rollback is the same machine with these differences: it waits for no image (what it goes back to was here), for no host
 * that nobody hears of, for no service that it stands on, and for no room; it takes the broken hosts first, does not soak (it was good here), and is never itself
 * undone: a host that fails is left as it is, the others go on. A restart makes new containers of the same release: it judges
 * nothing, and going back is what its agents do by themselves.
 *
 * After the end only the watch changes: it is raised once, or it ends.
 */
import { adopted } from "./adoption.ts";
import { budgetOf } from "./rollout-batches.ts";
import { type Moved, quiet } from "./rollout-change.ts";
import { queue } from "./rollout-forward.ts";
import {
  failed,
  hostsChanged,
  imageFailed,
  imagePresent,
  left,
  overdue,
  soaked,
  stalled,
  swapped,
  unwell,
} from "./rollout-hosts.ts";
import { endsEmpty, expire, expiry, hostsOf, planChanged, throwOut, turnCame } from "./rollout-line.ts";
import { pause, resume } from "./rollout-pauses.ts";
import { isPaused, type LaterEvent, type Requested, type RolloutState, type Step } from "./rollout-state.ts";
import { restored, restoreFailed } from "./rollout-undo.ts";
import { approve, cancel, goOnWithout, reject, retry, skipSoak } from "./rollout-verbs.ts";
import { endWatch, raiseWatch } from "./rollout-watch.ts";

/** The first event of every rollout makes its state. Approved by nobody's need: straight to queued. */
export function begin(event: Requested): Moved {
  const { at, batches, kind } = event;
  const state = initial(event);
  if (event.inLine) return quiet({ ...state, phase: "in_line", reason: "in_line" });
  // The record of an adoption touches nobody; it ends in the transaction that opens it.
  if (kind === "adopt") return quiet(state);
  if (batches.length === 0 && (kind !== "rollback" || state.hosts.length === 0)) return endsEmpty(state, at);
  if (state.approvalsRequired === 0) return queue(quiet(state), event);
  const waits = { ...state, phase: "awaiting_approval", reason: "awaiting_approval" } as const;
  return { state: waits, effects: [expiry(state.expiresAt)] };
}

function initial(event: Requested): RolloutState {
  const { number, service, environment, kind, release, from, back, planHash, at } = event;
  const { requester, approvalsRequired, policy, batches } = event;
  const hosts = hostsOf(event.hosts);
  return {
    ...{ number, service, environment, kind, release, from, back, planHash, requester, approvalsRequired, policy, batches },
    phase: "queued",
    reason: null,
    detail: null,
    since: at,
    requestedAt: at,
    expiresAt: at + event.expireMs,
    approvals: [],
    endedBy: null,
    budget: event.budget ?? budgetOf({ policy, batches, hosts }),
    ...(event.budget === undefined ? {} : { standIns: true }),
    batch: 0,
    pauses: [],
    soakEndsAt: null,
    progressBy: null,
    held: null,
    owed: null,
    accepted: [],
    endSoakSkipped: false,
    startedAt: null,
    endedAt: null,
    hosts,
    watch: null,
  };
}

export function step(state: RolloutState, event: LaterEvent): Step {
  // Nothing comes of an event that another version wrote; fold.ts names it.
  const next: Step | undefined = react(state, event);
  if (next?.kind !== "moved" || !waitsAnew(state, next.state)) return next;
  return { ...next, state: { ...next.state, since: event.at } };
}

/** Another phase, or another wait within it. */
function waitsAnew(before: RolloutState, after: RolloutState): boolean {
  const isOther = before.phase !== after.phase || before.reason !== after.reason || before.batch !== after.batch;
  return isOther || isPaused(before) !== isPaused(after);
}

function react(state: RolloutState, event: LaterEvent): Step {
  switch (event.type) {
    case "approved":
      return approve(state, event);
    case "rejected":
      return reject(state, event);
    case "cancelled":
      return cancel(state, event);
    case "paused":
      return pause(state, event);
    case "resumed":
      return resume(state, event);
    case "retried":
      return retry(state, event);
    case "continued":
      return goOnWithout(state, event);
    case "soak_skipped":
      return skipSoak(state, event);
    case "turn_came":
      return turnCame(state, event);
    case "thrown_out":
      return throwOut(state, event);
    case "plan_changed":
      return planChanged(state, event);
    case "expired":
      return expire(state, event);
    case "image_present":
      return imagePresent(state, event);
    case "image_failed":
      return imageFailed(state, event);
    case "hosts_changed":
      return hostsChanged(state, event);
    case "host_left":
      return left(state, event);
    case "host_swapped":
      return swapped(state, event);
    case "host_failed":
      return failed(state, event.host, event, event);
    case "host_unwell":
      return unwell(state, event.host, event, event);
    case "host_overdue":
      return overdue(state, event);
    case "host_restored":
      return restored(state, event.host, event);
    case "host_restore_failed":
      return restoreFailed(state, event.host, event, event);
    case "soaked":
      return soaked(state, event);
    case "stalled":
      return stalled(state, event);
    case "adopted":
      return adopted(state, event);
    case "watch_raised":
      return raiseWatch(state, event);
    case "watch_ended":
      return endWatch(state, event);
  }
}
