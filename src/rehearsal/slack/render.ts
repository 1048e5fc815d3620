/** What a person reads: the visible text of a message or view, without markup, and the buttons on it. */
import { type Names, parseMrkdwn, parsePlain, toPlainText } from "./mrkdwn.ts";
import type { SlackState } from "./state.ts";
import type { Block, JsonObject, SeenMessage, StoredMessage } from "./types.ts";
import { isObject } from "./view-values.ts";

/** A button that can be seen, wherever it stands. */
export type Button = {
  readonly label: string;
  readonly action_id: string;
  readonly block_id: string;
  readonly element: JsonObject;
};

export function seen(message: StoredMessage, state: SlackState): SeenMessage {
  const names = state.names();
  return {
    ts: message.ts,
    user: state.users.get(message.user)?.name ?? "slackbot",
    text: message.text,
    blocks: message.blocks,
    ...(message.ephemeralTo === null ? {} : { ephemeralTo: names.user(message.ephemeralTo) }),
    edited: message.edited,
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    buttons: buttonsOf(message.blocks).map((button) => button.label),
    rendered: message.blocks.length > 0 ? renderBlocks(message.blocks, names) : renderText(message.text, names),
  };
}

function renderText(mrkdwn: string, names: Names): string {
  return tidy(toPlainText(parseMrkdwn(mrkdwn, names)));
}

export function renderBlocks(blocks: readonly Block[], names: Names): string {
  return tidy(blocks.flatMap((block) => linesOf(block, names)).join("\n"));
}

export function buttonsOf(blocks: readonly Block[]): readonly Button[] {
  return blocks.flatMap((block) => {
    const elements = Array.isArray(block["elements"]) ? (block["elements"] as JsonObject[]) : [];
    return [...elements, block["accessory"]]
      .filter(isObject)
      .filter(isButton)
      .map((element) => buttonOf(element, block));
  });
}

function isButton(element: JsonObject): boolean {
  return element["type"] === "button";
}

function buttonOf(element: JsonObject, block: Block): Button {
  return {
    label: textObject(element["text"], NO_NAMES),
    action_id: String(element["action_id"] ?? ""),
    block_id: block.block_id ?? "",
    element,
  };
}

const NO_NAMES: Names = { user: (id) => id, channel: (id) => id, group: (id) => id };

/** A text object as plain text. */
export function textObject(value: unknown, names: Names): string {
  if (!isObject(value) || typeof value["text"] !== "string") return "";
  return toPlainText(value["type"] === "mrkdwn" ? parseMrkdwn(value["text"], names) : parsePlain(value["text"]));
}

function linesOf(block: Block, names: Names): string[] {
  switch (block.type) {
    case "divider":
      return ["———"];
    case "context":
      return [
        list(block["elements"])
          .map((element) => elementText(element, names))
          .join("  "),
      ];
    case "actions":
      return [
        list(block["elements"])
          .map((element) => elementText(element, names))
          .join(" "),
      ];
    case "input":
      return [textObject(block["label"], names), ...hintOf(block, names)];
    case "markdown":
      return [String(block["text"] ?? "")];
    default:
      return sectionLines(block, names);
  }
}

function sectionLines(block: Block, names: Names): string[] {
  const accessory = isObject(block["accessory"]) ? elementText(block["accessory"], names) : "";
  const fields = list(block["fields"]).map((field) => textObject(field, names));
  return [textObject(block["text"], names), ...fields, accessory].filter((line) => line !== "");
}

function hintOf(block: Block, names: Names): string[] {
  const hint = textObject(block["hint"], names);
  return hint === "" ? [] : [hint];
}

function elementText(element: JsonObject, names: Names): string {
  if (element["type"] === "button") return `[${textObject(element["text"], names)}]`;
  if (element["type"] === "image") return String(element["alt_text"] ?? "");
  if (element["type"] === "mrkdwn" || element["type"] === "plain_text") return textObject(element, names);
  if (isObject(element["placeholder"])) return `[${textObject(element["placeholder"], names)} ▾]`;
  return element["type"] === "overflow" ? "[⋯]" : "";
}

function list(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function tidy(text: string): string {
  return text.replace(/\n{3,}/g, "\n\n").replace(/^\n+|\n+$/g, "");
}
