/** Giving a form field a value by what a person sees: its label, and the text of an option. */
import type { Acts } from "./acts.ts";
import { textObject } from "./render.ts";
import type { SlackState } from "./state.ts";
import type { Block, JsonObject, StoredView, User } from "./types.ts";
import { type Element, elementsOf } from "./view-values.ts";

type FieldFacts = { readonly state: SlackState; readonly acts: Acts; readonly user: User; readonly view: StoredView };

/** `field`: a block_id, action_id or label. Rejects when there is no such field or option. */
export async function fillField(facts: FieldFacts & { field: string; value: string }): Promise<void> {
  const { state, view, field } = facts;
  const found = findField(view, { field, state });
  if (found === undefined) throw new Error(`the modal has no field "${field}". It has: ${fieldNames(view, state).join(", ")}`);
  const filled = await stateOf({ ...facts, ...found });
  await setField({ ...facts, ...found, filled });
}

/** Sets an element's state; tells the app when the element asks for that. */
export async function setField(facts: FieldFacts & { block: Block; element: Element; filled: JsonObject }): Promise<void> {
  const { view, block, element, filled } = facts;
  const blockId = block.block_id ?? "";
  view.values[blockId] = { ...view.values[blockId], [element.action_id]: filled };
  delete view.errors[blockId];
  facts.state.changed();
  if (block.type === "input" && block["dispatch_action"] !== true) return;
  await facts.acts.press({
    user: facts.user,
    place: { on: "view", view },
    action: { ...filled, action_id: element.action_id, block_id: blockId },
    label: textObject(block["label"], facts.state.names()),
  });
}

function findField(
  view: StoredView,
  facts: { field: string; state: SlackState },
): { block: Block; element: Element } | undefined {
  const fields = view.blocks.flatMap((block) => elementsOf(block).map((element) => ({ block, element })));
  const names = facts.state.names();
  return (
    fields.find(({ block }) => block.block_id === facts.field) ??
    fields.find(({ element }) => element.action_id === facts.field) ??
    fields.find(({ block, element }) =>
      [block["label"], element["placeholder"]].some((text) => textObject(text, names) === facts.field),
    )
  );
}

function fieldNames(view: StoredView, state: SlackState): string[] {
  return view.blocks
    .filter((block) => elementsOf(block).length > 0)
    .map((block) => `"${textObject(block["label"], state.names()) || block.block_id}"`);
}

async function stateOf(facts: FieldFacts & { block: Block; element: Element; value: string }): Promise<JsonObject> {
  const { element, value, state } = facts;
  const { type } = element;
  const parts = value.split(",").map((part) => part.trim());
  if (type === "static_select" || type === "radio_buttons") return { type, selected_option: optionOf(element, value) };
  if (type === "checkboxes" || type === "multi_static_select") {
    return { type, selected_options: parts.filter((part) => part !== "").map((part) => optionOf(element, part)) };
  }
  if (type === "external_select") return { type, selected_option: await suggestedOption(facts) };
  if (type === "users_select") return { type, selected_user: state.user(value)?.id ?? null };
  if (type === "multi_users_select") return { type, selected_users: parts.map((part) => state.user(part)?.id ?? part) };
  if (type === "conversations_select") return { type, selected_conversation: state.channel(value)?.id ?? null };
  if (type === "channels_select") return { type, selected_channel: state.channel(value)?.id ?? null };
  if (type === "datepicker") return { type, selected_date: value };
  if (type === "timepicker") return { type, selected_time: value };
  return { type, value: value === "" ? null : value };
}

function optionOf(element: Element, wanted: string): JsonObject {
  const groups = (element["option_groups"] ?? []) as readonly { options: readonly JsonObject[] }[];
  const options = [...((element["options"] ?? []) as readonly JsonObject[]), ...groups.flatMap((group) => group.options)];
  return pick(options, wanted);
}

async function suggestedOption(facts: FieldFacts & { block: Block; element: Element; value: string }): Promise<JsonObject> {
  const options = await facts.acts.suggest({
    user: facts.user,
    place: { on: "view", view: facts.view },
    blockId: facts.block.block_id ?? "",
    actionId: facts.element.action_id,
    value: facts.value,
  });
  return pick(options, facts.value);
}

function pick(options: readonly JsonObject[], wanted: string): JsonObject {
  const found = options.find((option) => option["value"] === wanted || labelOf(option) === wanted);
  if (found === undefined) throw new Error(`there is no option "${wanted}". There are: ${options.map(labelOf).join(", ")}`);
  return found;
}

function labelOf(option: JsonObject): string {
  return textObject(option["text"], { user: String, channel: String, group: String });
}
