/**
 * What people do with a rollout under way: pause, resume, retry, proceed, skip the soak. Authority is checked at the moment
 * of the act; whether it is possible is the reducer's to say, and the first decision wins.
 */

import type { GantryConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { LaterEvent, RolloutState } from "../core/rollout-state.ts";
import { type ApprovalsNeeded, approvalsFor, isRefusal, type RequestParts, refused } from "./asked.ts";
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

const nobody: ApprovalsNeeded = { required: 0, from: [], notRequester: false };

export function createActs(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, Verb> {
  const { store, config, people, conductor, clock } = parts;

  async function act(
    verb: Verb,
    asked: Act,
    event: (facts: { at: number; by: Act["actor"] }) => LaterEvent,
  ): Promise<Decided | Refused> {
    const found = find(asked);
    if (isRefusal(found)) return refused(found);
    const refusal = await mayNot(verb, asked, found);
    if (refusal !== null) return refused(refusal);
    return conductor.atomically(() => {
      // What the person was shown may have passed while they were looked up.
      const fresh = find(asked);
      if (isRefusal(fresh)) return refused(fresh);
      const told = conductor.tell(asked.rollout, event({ at: clock.now(), by: asked.actor }));
      const stored = store.rollouts.find(asked.rollout) ?? fresh;
      if (told.kind === "refused") return refused(lost(stored.state, told.reason));
      return { kind: "decided", facts: parts.facts.rollout(stored) };
    });
  }

  function find({ rollout, planHash, batch }: Act): StoredRollout | Refusal {
    const stored = store.rollouts.find(rollout);
    if (stored === null) return unknownRollout(rollout);
    if (planHash !== null && planHash !== stored.state.planHash) return staleClick(rollout);
    const { batch: now, batches } = stored.state;
    if (batch === undefined || batch === now) return stored;
    const text = `That button was made for the soak of batch ${batch + 1} of #${rollout}; batch ${now + 1} of ${batches.length} is in work now.`;
    return refuse("stale_click", text, `To end the present soak: \`/gantry skip-soak ${rollout}\`.`);
  }

  /** Whoever asked for it may hold it, too. */
  async function mayNot(verb: Verb, { actor }: Act, stored: StoredRollout): Promise<Refusal | null> {
    const { state } = stored;
    if (verb === "pause" && isSame(state.requester, actor)) return null;
    const what = `${words[verb]} a rollout of ${where(state)}`;
    const deciders = decidersOf(verb, stored, actor);
    if (deciders === null) return people.refusal({ actor, roles: actingRoles(config, state), what });
    const { roles, notRequester } = deciders;
    if (notRequester && isSame(state.requester, actor)) {
      return refuse(
        "own_request",
        `You asked for #${state.number}; someone else of ${roles.join(" or ")} must ${words[verb]} it.`,
        `Ask someone of ${roles.join(" or ")}.`,
      );
    }
    return people.refusal({ actor, roles, what });
  }

  /**
   * Where people approve, to go past a failure, past a soak or past the pause of another is for those who are on call or approve.
   * null: it is for everybody who may act here.
   */
  function decidersOf(
    verb: Verb,
    { state, allowBad }: StoredRollout,
    actor: Act["actor"],
  ): { readonly roles: string[]; readonly notRequester: boolean } | null {
    // To go back is what nobody is asked about.
    if (state.kind === "rollback" || state.phase === "restoring") return null;
    const environment = environmentOf(config, state);
    const { required, from, notRequester } = environment === null ? nobody : approvalsFor(environment, allowBad !== null);
    const isHeld = state.pauses.some(({ reason, by }) =>
      reason === "paused" ? by !== null && !isSame(by, actor) : reason === "paused_on_failure",
    );
    const goesPast = verb === "proceed" || verb === "skipSoak" || (verb === "resume" && isHeld);
    if (environment === null || required === 0 || !goesPast) return null;
    return { roles: [...new Set([...environment.oncall, ...from])], notRequester };
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
      const { hosts } = asked;
      return act("proceed", asked, ({ at, by }) => ({
        type: "continued",
        at,
        by,
        why,
        ...(hosts === undefined ? {} : { hosts }),
      }));
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
