/** What the verbs that act on one rollout share: which one is meant, and how typed and pressed acts differ. */
import type { Act, Decided, Gantry, Refused } from "../src/app/gantry.ts";
import type { Actor } from "../src/app/ports.ts";
import { type Refusal, refuse } from "../src/core/reasons.ts";
import type { RolloutState } from "../src/core/rollout-state.ts";
import type { Target } from "../src/core/words.ts";
import type { Press, Reply } from "./command.ts";
import { decided, refusedWith, staleClick } from "./replies.ts";
import { readDecision } from "./values.ts";

/** Whose number a place stands for. `held`: those that somebody or something has stopped, also in line. */
export type Among = "under way" | "waiting too" | "held";

type Typed = {
  readonly args: { readonly rollout: Target; readonly why?: string | null };
  readonly actor: Actor;
  readonly gantry: Gantry;
};

type Doing = (act: Act) => Promise<Decided | Refused>;

/** An act in words. A place is looked up now; what is done names the number that was found. */
export async function typedAct({ args, actor, gantry }: Typed, among: Among, doing: Doing): Promise<Reply> {
  const rollout = rolloutMeant(gantry, args.rollout, among);
  if (typeof rollout !== "number") return refusedWith(rollout);
  return decided(await doing({ rollout, planHash: null, why: args.why ?? null, actor }), ["succeeded"]);
}

/** An act by a button that carries the rollout and its plan. */
export async function pressedAct({ value, actor }: Press, doing: Doing): Promise<Reply> {
  const decision = readDecision(value);
  return decision === null ? staleClick() : decided(await doing({ ...decision, why: null, actor }), ["succeeded"]);
}

/** The number that is meant. With a place there must be exactly one: a guess would act on the wrong one. */
export function rolloutMeant(gantry: Gantry, target: Target, among: Among): number | Refusal {
  if (typeof target === "number") return target;
  const { service, environment } = target;
  const found = gantry.status({ service, environment }).flatMap((env) => {
    const active = env.active === null ? [] : [env.active];
    return among === "under way" ? active : [...active, ...env.line];
  });
  const fitting = among === "held" ? found.filter((state) => state.pauses.length > 0) : found;
  const [only, other] = fitting;
  if (only !== undefined && other === undefined) return only.number;
  const where = `${service} ${environment}`;
  if (only === undefined) return nothingThere(where, found);
  const names = fitting.map((state) => `#${state.number} (${state.phase.replaceAll("_", " ")})`);
  return refuse("unknown_rollout", `${where} has several: ${names.slice(0, 8).join(", ")}.`, "Name one by its number.");
}

function nothingThere(where: string, others: readonly RolloutState[]): Refusal {
  const [one] = others;
  if (one !== undefined) return refuse("not_paused", `#${one.number} in ${where} is not held by anything.`);
  return refuse("unknown_rollout", `Nothing is under way in ${where}.`, `Look at \`/gantry history ${where}\`.`);
}
