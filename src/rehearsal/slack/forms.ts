/** Submitting and closing modals, and what the app's answer does to them. */
import { ApiError } from "./api-error.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Delivery } from "./delivery.ts";
import { viewClosedPayload, viewSubmissionPayload } from "./payloads.ts";
import type { SlackState } from "./state.ts";
import type { Block, JsonObject, StoredView, User } from "./types.ts";
import { elementsOf, isEmptyState, isObject } from "./view-values.ts";
import { makeView, updateView } from "./views.ts";

const TROUBLE = "We had some trouble connecting. Try again?";
const STACK_LIMIT = 3;

type FormsFacts = { readonly state: SlackState; readonly capabilities: Capabilities; readonly delivery: Delivery };

export class Forms {
  readonly #state: SlackState;
  readonly #capabilities: Capabilities;
  readonly #delivery: Delivery;

  constructor(facts: FormsFacts) {
    this.#state = facts.state;
    this.#capabilities = facts.capabilities;
    this.#delivery = facts.delivery;
  }

  top(user: User): StoredView | null {
    return this.#state.modals.get(user.id)?.at(-1) ?? null;
  }

  /** Presses the modal's submit button. What is wrong with the form stands in the view's `errors` afterwards. */
  async submit(user: User): Promise<void> {
    const view = this.top(user);
    if (view === null) throw new Error(`${user.name} has no modal open`);
    view.errors = missingFields(view);
    this.#state.changed();
    if (Object.keys(view.errors).length > 0) return;
    const triggerId = this.#capabilities.trigger({ user: user.id, viewId: view.id });
    const outcome = await this.#delivery.deliver("interactive", viewSubmissionPayload({ user, view, triggerId }));
    if (outcome.kind === "failed") this.#fail(view, TROUBLE);
    else this.#follow({ user, view, answer: outcome.answer });
  }

  /** Presses the modal's close button; the app hears of it when the view asks for that. */
  async close(user: User): Promise<void> {
    const view = this.top(user);
    if (view === null) throw new Error(`${user.name} has no modal open`);
    const isCleared = view.body["clear_on_close"] === true;
    if (isCleared) this.#state.modals.delete(user.id);
    else this.#remove(view);
    this.#state.changed();
    if (view.body["notify_on_close"] !== true) return;
    await this.#delivery.deliver("interactive", viewClosedPayload({ user, view, isCleared }));
  }

  #follow(facts: { user: User; view: StoredView; answer: JsonObject }): void {
    const { user, view, answer } = facts;
    try {
      const action = answer["response_action"];
      if (action === undefined) this.#remove(view);
      else if (action === "clear") this.#state.modals.delete(user.id);
      else if (action === "errors") this.#showErrors(view, answer["errors"]);
      else if (action === "update") updateView({ state: this.#state, view, body: bodyOf(answer) });
      else if (action === "push") this.#push({ user, view, body: bodyOf(answer) });
      else throw new ApiError("invalid_response_action");
      this.#state.changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#fail(view, TROUBLE);
    }
  }

  /** Slack refuses an answer whose errors name no field, or fields that are not inputs of this view. */
  #showErrors(view: StoredView, errors: unknown): void {
    if (!isObject(errors) || Object.keys(errors).length === 0) throw new ApiError("invalid_errors");
    const inputs = view.blocks.filter((block) => block.type === "input").map((block) => block.block_id);
    for (const [blockId, text] of Object.entries(errors)) {
      if (!inputs.includes(blockId) || typeof text !== "string") throw new ApiError("invalid_errors");
    }
    view.errors = errors as Record<string, string>;
  }

  #push(facts: { user: User; view: StoredView; body: JsonObject }): void {
    const stack = this.#state.modals.get(facts.user.id) ?? [];
    if (stack.length >= STACK_LIMIT) throw new ApiError("push_limit_reached");
    const pushed = makeView({ state: this.#state, body: facts.body, type: "modal", user: facts.user.id, previous: facts.view });
    this.#state.modals.set(facts.user.id, [...stack, pushed]);
  }

  #remove(view: StoredView): void {
    const rest = (this.#state.modals.get(view.user) ?? []).filter((other) => other !== view);
    if (rest.length === 0) this.#state.modals.delete(view.user);
    else this.#state.modals.set(view.user, rest);
  }

  #fail(view: StoredView, text: string): void {
    view.errors = { "": text };
    this.#state.changed();
  }
}

function bodyOf(answer: JsonObject): JsonObject {
  if (!isObject(answer["view"])) throw new ApiError("invalid_view");
  return answer["view"];
}

/** What Slack's own form says before it asks the app. */
function missingFields(view: StoredView): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const block of view.blocks) {
    const problem = block.type === "input" ? inputProblem(block, view) : null;
    if (problem !== null) errors[block.block_id ?? ""] = problem;
  }
  return errors;
}

function inputProblem(block: Block, view: StoredView): string | null {
  const element = elementsOf(block)[0];
  if (element === undefined) return null;
  const state = view.values[block.block_id ?? ""]?.[element.action_id];
  if (isEmptyState(state)) return block["optional"] === true ? null : "Please complete this required field.";
  const { min_length: min, max_length: max } = element as { min_length?: number; max_length?: number };
  const length = typeof state?.["value"] === "string" ? state["value"].length : 0;
  if (min !== undefined && length < min) return `Must be at least ${min} characters.`;
  if (max !== undefined && length > max) return `Must be at most ${max} characters.`;
  return null;
}
