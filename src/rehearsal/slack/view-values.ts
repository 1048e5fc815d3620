/** The state of input elements in a view (or message), in the form of Slack's `state.values`. */
import type { Block, JsonObject } from "./types.ts";

export type Element = JsonObject & { readonly type: string; readonly action_id: string };

/** Elements of a block that carry a value or can be pressed. */
export function elementsOf(block: Block): readonly Element[] {
  const list = [
    ...(Array.isArray(block["elements"]) ? (block["elements"] as Element[]) : []),
    ...(isObject(block["accessory"]) ? [block["accessory"] as Element] : []),
    ...(isObject(block["element"]) ? [block["element"] as Element] : []),
  ];
  return list.filter((element) => isObject(element) && typeof element.action_id === "string");
}

/** block_id -> action_id -> state, with the elements' initial values. */
export function initialValues(blocks: readonly Block[]): Record<string, Record<string, JsonObject>> {
  const values: Record<string, Record<string, JsonObject>> = {};
  for (const block of blocks) {
    for (const element of elementsOf(block)) {
      if (element.type === "button" || element.type === "overflow") continue;
      const blockId = block.block_id ?? "";
      values[blockId] = { ...values[blockId], [element.action_id]: initialState(element) };
    }
  }
  return values;
}

function initialState(element: Element): JsonObject {
  const { type } = element;
  if (type === "static_select" || type === "external_select" || type === "radio_buttons") {
    return { type, selected_option: element["initial_option"] ?? null };
  }
  if (type === "checkboxes" || type === "multi_static_select" || type === "multi_external_select") {
    return { type, selected_options: element["initial_options"] ?? [] };
  }
  if (type === "users_select") return { type, selected_user: element["initial_user"] ?? null };
  if (type === "multi_users_select") return { type, selected_users: element["initial_users"] ?? [] };
  if (type === "conversations_select") return { type, selected_conversation: element["initial_conversation"] ?? null };
  if (type === "channels_select") return { type, selected_channel: element["initial_channel"] ?? null };
  if (type === "datepicker") return { type, selected_date: element["initial_date"] ?? null };
  if (type === "timepicker") return { type, selected_time: element["initial_time"] ?? null };
  return { type, value: element["initial_value"] ?? null };
}

/** Whether a person has given this element a value. */
export function isEmptyState(state: JsonObject | undefined): boolean {
  if (state === undefined) return true;
  const given = Object.entries(state).filter(([key]) => key !== "type");
  return given.every(([, value]) => value === null || value === "" || (Array.isArray(value) && value.length === 0));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
