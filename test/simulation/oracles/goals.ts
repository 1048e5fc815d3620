/**
 * What the server wants of hosts, judged at the commit that wants it: I2 and I24 (the budget), I3 (one rollout at a time), I4 and
 * I6 (approvals), I7 (generations rise), I13 (rollbacks go to what was good), I14, I16 (pauses), REQ (what a service stands on), and
 * that a bad release goes nowhere.
 */
import type { StoredRollout, StoredSlot } from "../../../src/app/store.ts";
import type { Requested, RolloutEvent, RolloutState } from "../../../src/core/rollout-state.ts";
import type { DesiredPicture, ObservedPicture } from "../../../src/core/slot.ts";
import { configurationOf } from "../world/configuration.ts";
import type { Change } from "../world/memory-store/ledger.ts";
import { slotName } from "../world/slot-name.ts";
import type { Acts } from "./acts.ts";
import { watchBudget } from "./budget.ts";
import type { Containers } from "./containers.ts";
import { type Ground, isEnded, placeOf } from "./ground.ts";
import { watchRequires } from "./requires.ts";

export type Goals = {
  onCommit(changes: readonly Change[]): void;
  onHeard(host: string, picture: ObservedPicture): void;
  onSent(host: string, picture: DesiredPicture): void;
  onRestore(): void;
};

type Goal = { readonly slot: StoredSlot; readonly before: number };

export function watchGoals(ground: Ground, { acts, containers }: { acts: Acts; containers: Containers }): Goals {
  const { world, fail, reached } = ground;
  const { store } = world.disk;
  const generations = new Map<string, number>();
  /** How a rollout stood before this commit. */
  const states = new Map<number, RolloutState>();
  const startedGoals = new Set<number>();
  const succeeded = new Set<string>();
  const budget = watchBudget(ground);
  const requires = watchRequires(ground);

  function onCommit(changes: readonly Change[]): void {
    const events: { readonly event: RolloutEvent; readonly rollout: StoredRollout }[] = [];
    const goals: Goal[] = [];
    for (const change of changes) {
      if (change.table === "event") {
        const rollout = store.rollouts.find(change.number);
        const event = store.rollouts.events(change.number)[change.seq - 1];
        if (rollout !== null && event !== undefined) events.push({ rollout, event });
      }
      if (change.table === "slot") {
        const slot = store.slots.get(change.host, change);
        const key = slotName(change.host, change);
        const before = generations.get(key) ?? 0;
        if (slot === null || slot.generation === before) continue;
        if (slot.generation < before) fail("I7", `the generation of ${key} fell from ${before} to ${slot.generation}`);
        goals.push({ slot, before });
        generations.set(key, slot.generation);
      }
    }
    for (const { event, rollout } of events) judgeEvent(event, rollout);
    if (goals.length > 0) judgeGoals(goals, events);
    for (const { slot } of goals) budget.onGoal(slot);
    for (const { rollout } of events) {
      states.set(rollout.number, rollout.state);
      if (rollout.state.phase === "succeeded") succeeded.add(`${placeOf(rollout.state)} ${rollout.state.release}`);
    }
  }

  function judgeEvent(event: RolloutEvent, { state }: StoredRollout): void {
    const host = "host" in event ? ` ${event.host}` : "";
    world.trace.note(
      `#${state.number}`,
      `${event.type}${host} → ${state.phase}${state.reason === null ? "" : ` (${state.reason})`}`,
    );
    requires.look(state);
    if (event.type === "requested" || event.type === "turn_came") budget.plan(state, event.budget ?? null);
    if (event.type === "requested") judgeRequest(event, state);
    if (event.type === "approved") judgeApproval(event, state);
  }

  function judgeRequest(event: Requested, state: RolloutState): void {
    reached(`asked for: ${event.kind}`);
    const place = placeOf(state);
    const others = store.rollouts.list({ service: state.service, environment: state.environment, limit: 20 });
    const active = others.filter(({ state: s }) => !isEnded(s.phase) && s.phase !== "in_line");
    if (active.length > 1) fail("I3", `${place} has more than one rollout: ${active.map((r) => `#${r.number}`).join(", ")}`);
    if (event.kind === "adopt") return;
    if (event.kind !== "rollback") {
      const required = approvalsOf(state)?.required ?? 0;
      if (event.kind !== "restart" && event.approvalsRequired < required)
        fail("I4", `#${state.number} needs ${event.approvalsRequired} approvals; the file says ${required}`);
      return;
    }
    const verdict = store.verdicts.newest({ ...state, release: state.release });
    if (verdict?.verdict !== "good")
      fail("I13", `#${state.number} goes back to r${state.release}, which is not good in ${place}`);
    if (!succeeded.has(`${place} ${state.release}`))
      fail("I13", `#${state.number} goes back to r${state.release}, which never succeeded in ${place}`);
    const earlier = others.find((r) => r.number !== state.number && r.state.startedAt !== null);
    if (state.requester.kind === "system" && earlier?.state.kind === "rollback")
      fail("I14", `#${state.number} rolls back the rollback #${earlier.number} by itself`);
  }

  function approvalsOf(state: RolloutState) {
    const service = configurationOf(world.running).services.find((s) => s.name === state.service);
    return service?.environments.find((e) => e.name === state.environment)?.approvals ?? null;
  }

  function judgeApproval(event: Extract<RolloutEvent, { type: "approved" }>, state: RolloutState): void {
    reached("approvals");
    const approvals = approvalsOf(state);
    const { by } = event;
    if (by.kind === state.requester.kind && by.id === state.requester.id && approvals?.notRequester === true)
      fail("I6", `${by.name} approved #${state.number}, which they asked for`);
    if (state.approvals.filter((a) => a.by.id === by.id).length > 1) fail("I6", `${by.name} approved #${state.number} twice`);
    if (!acts.hasApproved(by.id, state.number, state.planHash))
      fail("I4", `${by.name} never approved this plan of #${state.number}`);
    const may = Object.entries(configurationOf(world.running).people).filter(([role]) => approvals?.from.includes(role));
    if (approvals !== null && approvals.from.length > 0 && !may.some(([, role]) => role.users.includes(by.id)))
      fail("I4", `${by.name} may not approve #${state.number}`);
  }

  function judgeGoals(
    goals: readonly Goal[],
    events: readonly { readonly event: RolloutEvent; readonly rollout: StoredRollout }[],
  ): void {
    const byRollout = new Map<number, Goal[]>();
    for (const goal of goals) {
      const { rollout, release, host } = goal.slot;
      world.trace.note(
        host,
        `is to serve ${release === null ? "nothing" : `r${release}`} of ${placeOf(goal.slot)}, generation ${goal.slot.generation}${rollout === null ? "" : `, #${rollout}`}`,
      );
      if (rollout !== null) byRollout.set(rollout, [...(byRollout.get(rollout) ?? []), goal]);
    }
    for (const [number, all] of byRollout) {
      const rollout = store.rollouts.find(number);
      if (rollout === null || rollout.state.kind === "adopt") continue;
      const hasMoved = events.some((e) => e.rollout.number === number);
      const isMine = ({ slot }: Goal) => hasMoved && isItsWork(rollout.state, slot.host);
      const mine = all.filter(isMine);
      if (mine.length > 0) judgeGoalsOf(rollout, mine);
      // Hosts that are no part of it get what is live, in its name.
      if (mine.length < all.length)
        judgeConvergence(
          rollout.state,
          all.filter((goal) => !isMine(goal)),
        );
    }
  }

  function judgeGoalsOf(rollout: StoredRollout, goals: readonly Goal[]): void {
    const { state } = rollout;
    const { number, phase, kind } = state;
    const forward = goals.filter(({ slot }) => slot.release === state.release);
    if (forward.length > 0) judgeBegin(rollout);
    requires.judge(
      state,
      forward.map(({ slot }) => slot.host),
    );
    if (state.pauses.length > 0 && !isEnded(phase)) {
      fail("I16", `#${number} is paused and wants something new of ${goals.map((g) => g.slot.host).join(", ")}`);
    }
    if (isEnded(states.get(number)?.phase ?? "")) fail("I16", `#${number} has ended and wants something new`);
    if (phase !== "restoring") judgeAgain(state, forward);
    if (forward.length > 0 && kind !== "rollback" && phase !== "restoring")
      budget.judge(
        { state, before: states.get(number) ?? state },
        forward.map((g) => g.slot.host),
      );
  }

  /** It may go ahead at all. */
  function judgeBegin({ state, allowBad }: StoredRollout): void {
    const { number, service, environment, approvals, approvalsRequired } = state;
    const isFirst = !startedGoals.has(number);
    startedGoals.add(number);
    const approvers = new Set(approvals.map((a) => `${a.by.kind} ${a.by.id}`));
    if (approvers.size < approvalsRequired)
      fail("I4", `#${number} goes ahead with ${approvers.size} of ${approvalsRequired} approvals`);
    if (isFirst && isBad(state) && allowBad === null && state.kind !== "rollback") {
      fail("BAD", `#${number} ships r${state.release}, which is bad in ${service} ${environment}`);
    }
    const release = store.releases.find(service, state.release);
    if (release !== null) containers.approve(placeOf(state), release.digest);
  }

  function isBad(state: RolloutState): boolean {
    return store.verdicts.newest({ ...state, release: state.release })?.verdict === "bad";
  }

  /** A host that has it is not swapped again. */
  function judgeAgain({ number, release }: RolloutState, forward: readonly Goal[]): void {
    for (const { slot } of forward) {
      const before = states.get(number)?.hosts.find((h) => h.host === slot.host)?.status;
      if (before === "healthy" || before === "unchanged")
        fail("RETRY", `#${number} swaps ${slot.host} again, which has r${release} and is ${before}`);
    }
  }

  /** A host that is brought to what is live, without a rollout. */
  function judgeConvergence(state: RolloutState, goals: readonly Goal[]): void {
    reached("hosts brought along");
    const bad = isBad(state);
    requires.judge(
      state,
      goals.flatMap(({ slot }) => (slot.release === null ? [] : [slot.host])),
    );
    for (const { slot } of goals) {
      if (slot.release === null) continue;
      if (bad) fail("BAD", `${slot.host} is given r${slot.release}, which is bad in ${placeOf(state)}`);
      const live = store.rollouts.live(state.service, state.environment);
      if (live?.state.release !== slot.release)
        fail("L2", `${slot.host} is given r${slot.release}, and r${live?.state.release} is live in ${placeOf(state)}`);
    }
  }

  function onRestore(): void {
    generations.clear();
    states.clear();
    startedGoals.clear();
    budget.onRestore();
    for (const host of store.hosts.all()) {
      for (const slot of store.slots.ofHost(host.name)) generations.set(slotName(slot.host, slot), slot.generation);
    }
    for (const { number, state, plan } of store.rollouts.list({ service: null, environment: null, limit: 1_000 })) {
      states.set(number, state);
      budget.known(state, plan.budget ?? null);
      if (state.startedAt !== null) startedGoals.add(number);
    }
  }

  return { onCommit, onHeard: budget.onHeard, onSent: budget.onSent, onRestore };
}

/** It swaps the host, or sends it back; a rollback also tells those whom it leaves behind. */
function isItsWork({ hosts, kind }: RolloutState, host: string): boolean {
  const status = hosts.find((h) => h.host === host)?.status;
  return status === "swapping" || status === "restoring" || (kind === "rollback" && status === "failed");
}
