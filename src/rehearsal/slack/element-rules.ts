/** Limits of Block Kit elements (docs.slack.dev/reference/block-kit/block-elements and @slack/types). */
import type { Findings } from "./findings.ts";
import type { JsonObject } from "./types.ts";
import { isObject } from "./view-values.ts";

const SELECTS = ["static_select", "external_select", "users_select", "conversations_select", "channels_select"];
const MULTI_SELECTS = SELECTS.map((type) => `multi_${type}`);
const PICKERS = ["datepicker", "timepicker", "datetimepicker"];
const CHOICES = ["radio_buttons", "checkboxes"];
const TYPED = ["plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input", "file_input"];

/** Element types by the block that holds them. */
export const ALLOWED = {
  actions: ["button", "overflow", "workflow_button", "rich_text_input", ...SELECTS, ...MULTI_SELECTS, ...PICKERS, ...CHOICES],
  accessory: [
    "button",
    "overflow",
    "workflow_button",
    "image",
    ...SELECTS,
    ...MULTI_SELECTS,
    "datepicker",
    "timepicker",
    ...CHOICES,
  ],
  input: [...TYPED, ...SELECTS, ...MULTI_SELECTS, ...PICKERS, ...CHOICES],
  contextActions: ["feedback_buttons", "icon_button"],
} as const;

export type Holder = keyof typeof ALLOWED;

export function checkElement(findings: Findings, facts: { element: unknown; holder: Holder; at: string }): void {
  const { element, holder, at } = facts;
  if (!isObject(element)) {
    findings.add("must provide an object", at);
    return;
  }
  const type = String(element["type"]);
  if (!(ALLOWED[holder] as readonly string[]).includes(type)) {
    findings.add(`unsupported type: ${type}`, `${at}/type`);
    return;
  }
  if (type === "image") {
    checkImage(findings, element, at);
    return;
  }
  findings.string(element["action_id"], { at: `${at}/action_id`, max: 255, optional: true });
  findings.text(element["placeholder"], { at: `${at}/placeholder`, max: 150, plain: true, optional: true });
  if (element["confirm"] !== undefined) checkConfirm(findings, element["confirm"], `${at}/confirm`);
  if (type === "button") checkButton(findings, element, at);
  if (type === "overflow") checkOptions(findings, { element, at, max: 5 });
  if (CHOICES.includes(type)) checkOptions(findings, { element, at, max: 10 });
  if (type === "static_select" || type === "multi_static_select") checkSelect(findings, element, at);
  if (type === "plain_text_input") checkTextInput(findings, element, at);
}

export function checkImage(findings: Findings, image: JsonObject, at: string): void {
  findings.string(image["alt_text"], { at: `${at}/alt_text`, max: 2_000 });
  if (image["slack_file"] === undefined) findings.string(image["image_url"], { at: `${at}/image_url`, max: 3_000 });
}

function checkButton(findings: Findings, button: JsonObject, at: string): void {
  findings.text(button["text"], { at: `${at}/text`, max: 75, plain: true });
  findings.string(button["value"], { at: `${at}/value`, max: 2_000, optional: true });
  findings.string(button["url"], { at: `${at}/url`, max: 3_000, optional: true });
  findings.string(button["accessibility_label"], { at: `${at}/accessibility_label`, max: 75, optional: true });
  const style = button["style"];
  if (style !== undefined && style !== "primary" && style !== "danger") {
    findings.add("must be one of: primary, danger", `${at}/style`);
  }
}

function checkConfirm(findings: Findings, confirm: unknown, at: string): void {
  if (!isObject(confirm)) {
    findings.add("must provide an object", at);
    return;
  }
  findings.text(confirm["title"], { at: `${at}/title`, max: 100, plain: true });
  findings.text(confirm["text"], { at: `${at}/text`, max: 300 });
  findings.text(confirm["confirm"], { at: `${at}/confirm`, max: 30, plain: true });
  findings.text(confirm["deny"], { at: `${at}/deny`, max: 30, plain: true });
}

function checkSelect(findings: Findings, select: JsonObject, at: string): void {
  if (select["option_groups"] === undefined) {
    checkOptions(findings, { element: select, at, max: 100 });
    return;
  }
  const groups = findings.list(select["option_groups"], { at: `${at}/option_groups`, max: 100 });
  groups.forEach((group, index) => {
    const groupAt = `${at}/option_groups/${index}`;
    if (!isObject(group)) {
      findings.add("must provide an object", groupAt);
      return;
    }
    findings.text(group["label"], { at: `${groupAt}/label`, max: 75, plain: true });
    checkOptions(findings, { element: group, at: groupAt, max: 100 });
  });
}

function checkOptions(findings: Findings, facts: { element: JsonObject; at: string; max: number }): void {
  const options = findings.list(facts.element["options"], { at: `${facts.at}/options`, max: facts.max });
  options.forEach((option, index) => {
    const at = `${facts.at}/options/${index}`;
    if (!isObject(option)) {
      findings.add("must provide an object", at);
      return;
    }
    findings.text(option["text"], { at: `${at}/text`, max: 75 });
    findings.string(option["value"], { at: `${at}/value`, max: 150 });
    findings.text(option["description"], { at: `${at}/description`, max: 75, optional: true });
  });
  const initial = facts.element["initial_option"];
  if (initial !== undefined && !options.some((option) => JSON.stringify(option) === JSON.stringify(initial))) {
    findings.add("initial_option must exactly match one of the provided options", `${facts.at}/initial_option`);
  }
}

function checkTextInput(findings: Findings, input: JsonObject, at: string): void {
  findings.string(input["initial_value"] === "" ? undefined : input["initial_value"], {
    at: `${at}/initial_value`,
    max: 3_000,
    optional: true,
  });
  const { min_length: min = 0, max_length: max = 3_000 } = input as { min_length?: number; max_length?: number };
  if (min < 0 || min > 3_000) findings.add("must be between 0 and 3000", `${at}/min_length`);
  if (max < 1 || max > 3_000) findings.add("must be between 1 and 3000", `${at}/max_length`);
}
