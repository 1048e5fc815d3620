/**
 * What people do with a rollout under way: pause, resume, retry, proceed, skip the soak. Authority is checked at the moment
 * of the act; whether it is possible is the reducer's to say, and the first decision wins.
 */

import type { GantryConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { LaterEvent, RolloutState } from "../core/rollout-state.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import type { Facts } from "./facts.ts";
import type { Act, Decided, Gantry, Refused } from "./gantry.ts";
import { environmentOf } from "./membership.ts";
import type { StoredRollout } from "./store.ts";
import { isSame, lost, staleClick, unknownRollout, where } from "./too-late.ts";

type Verb = "pause" | "resume" | "retry" | "proceed" | "skipSoak";

const words: Readonly<Record<Verb, string>> = {
  pause: "pause",
  resume: "resume",
  retry: "retry the failed hosts of",
  proceed: "continue",
  skipSoak: "skip the soak of",
};

export function createActs(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, Verb> {
  const { store, config, people, conductor, clock } = parts;

  async function act(
    verb: Verb,
    asked: Act,
    event: (facts: { at: number; by: Act["actor"] }) => LaterEvent,
  ): Promise<Decided | Refused> {
    const found = find(asked);
    if (isRefusal(found)) return refused(found);
    const refusal = await mayNot(verb, asked, found.state);
    if (refusal !== null) return refused(refusal);
    const told = conductor.tell(asked.rollout, event({ at: clock.now(), by: asked.actor }));
    const stored = store.rollouts.find(asked.rollout);
    if (stored === null) return refused(unknownRollout(asked.rollout));
    if (told.kind === "refused") return refused(lost(stored.state, told.reason));
    return { kind: "decided", facts: parts.facts.rollout(stored) };
  }

  function find({ rollout, planHash }: Act): StoredRollout | Refusal {
    const stored = store.rollouts.find(rollout);
    if (stored === null) return unknownRollout(rollout);
    return planHash !== null && planHash !== stored.state.planHash ? staleClick(rollout) : stored;
  }

  /** Whoever asked for it may hold it, too. To let it go on is for the roles: a pause by on-call is not lifted by a requester. */
  async function mayNot(verb: Verb, { actor }: Act, state: RolloutState): Promise<Refusal | null> {
    if (verb === "pause" && isSame(state.requester, actor)) return null;
    return people.refusal({ actor, roles: actingRoles(config, state), what: `${words[verb]} a rollout of ${where(state)}` });
  }

  return {
    pause: (asked) => act("pause", asked, ({ at, by }) => ({ type: "paused", at, by, reason: "paused", why: asked.why })),
    resume: (asked) => act("resume", asked, ({ at, by }) => ({ type: "resumed", at, by, reason: null })),
    retry: (asked) => act("retry", asked, ({ at, by }) => ({ type: "retried", at, by })),
    async proceed(asked) {
      const why = (asked.why ?? "").trim();
      if (why === "") {
        const next = `Say why: \`/gantry continue ${asked.rollout} <reason>\`.`;
        return refused(refuse("missing_word", "To go on past hosts that failed needs a reason.", next));
      }
      return act("proceed", asked, ({ at, by }) => ({ type: "continued", at, by, why }));
    },
    skipSoak: (asked) => act("skipSoak", asked, ({ at, by }) => ({ type: "soak_skipped", at, by, why: asked.why })),
  };
}

/** What has gone from the configuration while it was under way is for the roles that have no need of it. */
export function actingRoles(config: GantryConfig, state: RolloutState): string[] {
  const environment = environmentOf(config, state);
  if (environment === null) return ["deployers", "oncall"];
  const { deployers, oncall, approvals } = environment;
  return [...new Set([...deployers, ...oncall, ...approvals.from])];
}
