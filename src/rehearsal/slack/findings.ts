/** What is wrong with a piece of Block Kit, in Slack's words, with a JSON pointer to the place. */
import type { JsonObject } from "./types.ts";
import { isObject } from "./view-values.ts";

export class Findings {
  readonly messages: string[] = [];

  add(what: string, pointer: string): void {
    this.messages.push(`[ERROR] ${what} [json-pointer:${pointer}]`);
  }

  /** A required string of 1 to `max` characters. */
  string(value: unknown, facts: { at: string; max: number; optional?: boolean }): void {
    if (value === undefined && facts.optional === true) return;
    if (typeof value !== "string") {
      this.add(value === undefined ? "missing required field" : "must be a string", facts.at);
      return;
    }
    if (value.length < 1) this.add("must be more than 0 characters", facts.at);
    if (value.length > facts.max) this.add(`must be less than ${facts.max + 1} characters`, facts.at);
  }

  /** A list of `min` to `max` items; gives them when it is one. */
  list(value: unknown, facts: { at: string; max: number; min?: number }): readonly unknown[] {
    if (!Array.isArray(value)) {
      this.add(value === undefined ? "missing required field" : "must provide an array", facts.at);
      return [];
    }
    if (value.length < (facts.min ?? 1)) this.add(`no fewer than ${facts.min ?? 1} items allowed`, facts.at);
    if (value.length > facts.max) this.add(`no more than ${facts.max} items allowed`, facts.at);
    return value;
  }

  /** A text object. `plain`: only plain_text will do. */
  text(value: unknown, facts: { at: string; max: number; plain?: boolean; optional?: boolean }): void {
    if (value === undefined && facts.optional === true) return;
    if (!isObject(value)) {
      this.add(value === undefined ? "missing required field" : "must provide an object", facts.at);
      return;
    }
    const allowed = facts.plain === true ? ["plain_text"] : ["plain_text", "mrkdwn"];
    if (!allowed.includes(String(value["type"]))) this.add(`unsupported type: ${String(value["type"])}`, `${facts.at}/type`);
    this.#onlyKnown(value, facts.at);
    this.string(value["text"], { at: `${facts.at}/text`, max: facts.max });
  }

  #onlyKnown(value: JsonObject, at: string): void {
    const known = value["type"] === "mrkdwn" ? ["type", "text", "verbatim"] : ["type", "text", "emoji"];
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) this.add(`no more properties allowed: ${key}`, `${at}/${key}`);
    }
  }
}
