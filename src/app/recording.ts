/** What a step of a rollout leaves in the store, inside its transaction: what is desired, timers, verdicts, and what is to be said outside. */
import { type Effect, hasEnded, type RolloutEvent, type RolloutState } from "../core/rollout-state.ts";
import { badLiveLine } from "../messages/thread-acts.ts";
import { threadLines } from "../messages/thread-lines.ts";
import { badLiveAfter, whyBackByItself } from "./bad-live.ts";
import type { Store } from "./store.ts";
import { type Noting, noteAtEnd, noteBeforeChange } from "./usage.ts";

export type Recorded = {
  /** Hosts whose desired state changed. */
  readonly nudges: readonly string[];
  /** Why the watch or the policy wants the release gone; null as a rule. */
  readonly rollBack: string | null;
};

export function recordEffects(
  { store, usage }: Noting,
  effects: readonly Effect[],
  facts: { state: RolloutState; at: number },
): Recorded {
  const { number: rollout, service, environment } = facts.state;
  const nudges: string[] = [];
  let rollBack: string | null = null;
  for (const effect of effects) {
    switch (effect.kind) {
      case "desire": {
        const { host, release, fresh = false } = effect;
        noteBeforeChange({ store, usage }, host, facts.state);
        store.slots.desire({ host, service, environment, rollout, release, fresh });
        nudges.push(host);
        break;
      }
      case "set_timer":
        store.timers.set({ rollout, name: effect.name, wakeAt: effect.at });
        break;
      case "clear_timer":
        store.timers.clear(rollout, effect.name);
        break;
      case "verdict": {
        const { release, verdict, reason, detail, by } = effect;
        store.verdicts.add({ service, environment, release, verdict, reason, detail, by, rollout, at: facts.at });
        break;
      }
      case "roll_back":
        rollBack = effect.why;
        break;
    }
  }
  const hasJustEnded = facts.state.endedAt === facts.at;
  if (hasJustEnded) noteAtEnd({ store, usage }, facts.state);
  return { nudges, rollBack: rollBack ?? (hasJustEnded ? whyBackByItself(store, facts.state) : null) };
}

export function isWatched({ watch }: RolloutState): boolean {
  return watch !== null && watch.endedAt === null;
}

/** What people and systems outside are to hear of the change. The record of an adoption is nobody's rollout. */
export function recordWords(
  store: Store,
  facts: { readonly before: RolloutState | null; readonly event: RolloutEvent; readonly state: RolloutState },
): void {
  const { before, event, state } = facts;
  if (state.kind === "adopt") return;
  const { number: rollout } = state;
  const put = (kind: string, body: unknown, replace: boolean) =>
    store.outbox.add({ key: `${kind}:${rollout}`, kind, rollout, body, at: event.at, replace });
  put("card", {}, true);
  for (const line of threadLines(before, event, state)) put("thread", line, false);
  if (before === null) put("change", {}, true);
  // The end was told long ago: this is news of its own.
  if (event.type === "watch_raised") put("notice", { about: "watch" }, false);
  if (before?.phase === state.phase) return;
  put("forge", { phase: state.phase }, false);
  if (!hasEnded(state)) return;
  const bad = badLiveAfter(store, state);
  if (bad !== null) put("thread", badLiveLine(state, bad), false);
  put("notice", {}, true);
  put("tickets", {}, true);
}
