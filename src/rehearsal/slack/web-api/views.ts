/** `views.*`: modals and the Home tab. */

import { ApiError } from "../api-error.ts";
import type { JsonObject, StoredView } from "../types.ts";
import { makeView, updateView, viewJson } from "../views.ts";
import type { Args } from "./args.ts";
import { botMethod, type Desk, type Methods } from "./method.ts";

const STACK_LIMIT = 3;

export const viewsMethods: Methods = {
  "views.open": botMethod(4, null, open),
  "views.push": botMethod(4, null, push),
  "views.update": botMethod(4, null, update),
  "views.publish": botMethod(4, null, publish),
};

function open(args: Args, desk: Desk): JsonObject {
  const body = viewArg(args);
  const view = makeView({ state: desk.state, body, type: "modal", user: "", previous: null });
  const { user } = spend(args, desk);
  const opened: StoredView = { ...view, user };
  desk.state.modals.set(user, [opened]);
  desk.state.changed();
  return { view: viewJson(opened) };
}

function push(args: Args, desk: Desk): JsonObject {
  const body = viewArg(args);
  const trigger = spend(args, desk);
  const stack = desk.state.modals.get(trigger.user) ?? [];
  const top = stack.at(-1);
  // A push needs the trigger of something done inside a modal.
  if (trigger.viewId === null || top === undefined) throw new ApiError("invalid_trigger_id");
  if (stack.length >= STACK_LIMIT) throw new ApiError("push_limit_reached");
  const view = makeView({ state: desk.state, body, type: "modal", user: trigger.user, previous: top });
  desk.state.modals.set(trigger.user, [...stack, view]);
  desk.state.changed();
  return { view: viewJson(view) };
}

function update(args: Args, { state }: Desk): JsonObject {
  const body = viewArg(args);
  const id = args.string("view_id");
  const externalId = args.string("external_id");
  if (id === undefined && externalId === undefined) throw new ApiError("invalid_arguments");
  const view = state.view(id === undefined ? { externalId } : { id });
  if (view === undefined || view.type !== "modal") throw new ApiError("not_found");
  assertHash(args, view);
  updateView({ state, view, body });
  return { view: viewJson(view) };
}

function publish(args: Args, { state }: Desk): JsonObject {
  const user = state.users.get(args.required("user_id", "invalid_arguments"));
  if (user === undefined) throw new ApiError("user_not_found");
  const body = viewArg(args);
  const existing = state.homes.get(user.id);
  if (existing === undefined) {
    state.homes.set(user.id, makeView({ state, body, type: "home", user: user.id, previous: null }));
  } else {
    assertHash(args, existing);
    updateView({ state, view: existing, body });
  }
  state.changed();
  return { view: viewJson(state.homes.get(user.id) as StoredView) };
}

function viewArg(args: Args): JsonObject {
  const view = args.nested("view", "invalid_arguments");
  if (typeof view !== "object" || view === null) throw new ApiError("invalid_arguments");
  return view as JsonObject;
}

function spend(args: Args, desk: Desk): { user: string; viewId: string | null } {
  const trigger = desk.capabilities.spendTrigger(args.required("trigger_id", "invalid_arguments"));
  if (typeof trigger === "string") throw new ApiError(trigger);
  return trigger;
}

function assertHash(args: Args, view: StoredView): void {
  const hash = args.string("hash");
  if (hash !== undefined && hash !== "" && hash !== view.hash) throw new ApiError("hash_conflict");
}
