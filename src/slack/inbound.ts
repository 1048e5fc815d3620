/** What Slack sends, in the application's words. Pure: payload in, `Inbound` out, or null when it asks nothing of Gantry. */
import { createHash } from "node:crypto";
import type { Delivery } from "../app/ports.ts";
import { type Fields, fields, text } from "./payload.ts";

export type Inbound = {
  readonly act: Delivery["act"];
  readonly user: string;
  /** As the payload names them; the directory may know better. */
  readonly userName: string | null;
  /** Every workspace that the payload names for the act and for its person. All must be ours. */
  readonly teams: readonly string[];
  readonly channel: string | null;
  readonly threadTs: string | null;
  readonly meaning: string | null;
  /** Capabilities: used, never stored, never logged. */
  readonly responseUrl: string | null;
  readonly triggerId: string | null;
  /** The field of a form under which a refusal can stand, so that what was typed is not lost. */
  readonly errorField: string | null;
};

/** Longer than anything the grammar takes, short enough for the inbox. A cut command is refused as too long. */
const longestText = 4_000;

export function commandInbound(body: Fields): Inbound | null {
  const user = text(body, "user_id");
  const command = text(body, "command");
  if (user === null || command === null) return null;
  const words = command === "/gantry" ? [] : [command.slice(1)];
  const typed = [...words, text(body, "text") ?? ""].join(" ").trim();
  return withMeaning(body, {
    ...blank,
    act: { kind: "command", text: typed.slice(0, longestText) },
    user,
    userName: text(body, "user_name"),
    teams: present(text(body, "team_id")),
    channel: text(body, "channel_id"),
    responseUrl: text(body, "response_url"),
    triggerId: text(body, "trigger_id"),
  });
}

/** `@gantry deploy api prod abc`: the words after the mention. */
export function mentionInbound(body: Fields, botUser: string): Inbound | null {
  const event = fields(body["event"]);
  const user = text(event, "user");
  // An edit of an old message is not a new command; and bots that talk to each other never stop.
  if (user === null || text(event, "bot_id") !== null || "edited" in event || "subtype" in event) return null;
  return {
    ...eventInbound(body, event, user),
    act: { kind: "command", text: (afterMention(event, botUser) ?? "").slice(0, longestText) },
    channel: text(event, "channel"),
    threadTs: text(event, "thread_ts"),
  };
}

/** Only a message that starts with the mention is a command: "yesterday @gantry deploy api prod broke" is talk. */
export function isTalk(body: Fields, botUser: string): boolean {
  const event = fields(body["event"]);
  return text(event, "type") === "app_mention" && afterMention(event, botUser) === null;
}

function afterMention(event: Fields, botUser: string): string | null {
  const [, mentioned, said] = /^\s*<@([A-Z0-9]+)(?:\|[^>]*)?>[\s:,]*([\s\S]*)$/.exec(text(event, "text") ?? "") ?? [];
  return mentioned === botUser && said !== undefined ? said.trim() : null;
}

export function homeInbound(body: Fields): Inbound | null {
  const event = fields(body["event"]);
  const user = text(event, "user");
  if (user === null || text(event, "tab") !== "home") return null;
  return { ...eventInbound(body, event, user), act: { kind: "home" } };
}

export function pressInbound(body: Fields): Inbound | null {
  const user = text(body, "user", "id");
  const actions = body["actions"];
  const pressed = Array.isArray(actions) ? fields(actions[0]) : {};
  const action = text(pressed, "action_id");
  if (user === null || action === null) return null;
  const container = fields(body["container"]);
  const channel = text(body, "channel", "id") ?? text(container, "channel_id");
  const ts = text(container, "message_ts");
  // An ephemeral message has a ts, but chat.update does not know it.
  const place = channel !== null && ts !== null && container["is_ephemeral"] !== true ? { channel, ts } : null;
  const value = (text(pressed, "value") ?? text(pressed, "selected_option", "value") ?? "").slice(0, longestText);
  return withMeaning(body, {
    ...blank,
    act: { kind: "press", action, value, place },
    user,
    userName: text(body, "user", "username") ?? text(body, "user", "name"),
    teams: present(text(body, "team", "id"), text(body, "user", "team_id")),
    channel,
    threadTs: text(container, "thread_ts") ?? text(body, "message", "thread_ts"),
    responseUrl: text(body, "response_url"),
    triggerId: text(body, "trigger_id"),
  });
}

export function formInbound(body: Fields): Inbound | null {
  const view = fields(body["view"]);
  const user = text(body, "user", "id");
  const callback = text(view, "callback_id");
  if (user === null || callback === null) return null;
  const values = formValues(fields(fields(view["state"])["values"]));
  return withMeaning(body, {
    ...blank,
    act: { kind: "form", form: callback.replace(/^form:/, ""), context: text(view, "private_metadata") ?? "", values },
    user,
    userName: text(body, "user", "username") ?? text(body, "user", "name"),
    teams: present(text(body, "team", "id"), text(body, "user", "team_id")),
    triggerId: text(body, "trigger_id"),
    errorField: Object.keys(values)[0] ?? null,
  });
}

/** `values` by block_id; several choices are joined by commas, and nothing typed is the empty text. */
function formValues(blocks: Fields): Record<string, string> {
  const entries = Object.entries(blocks).map(([blockId, elements]) => {
    const element = fields(Object.values(fields(elements))[0]);
    return [blockId, elementValue(element).slice(0, longestText)] as const;
  });
  return Object.fromEntries(entries);
}

function elementValue(element: Fields): string {
  const one = text(element, "value") ?? text(element, "selected_option", "value") ?? text(element, "selected_user");
  const many = element["selected_options"];
  if (one !== null || !Array.isArray(many)) return one ?? "";
  return many.map((option) => text(option, "value") ?? "").join(",");
}

const blank = { channel: null, threadTs: null, meaning: null, responseUrl: null, triggerId: null, errorField: null };

function eventInbound(body: Fields, event: Fields, user: string): Omit<Inbound, "act"> {
  const id = text(body, "event_id");
  return {
    ...blank,
    user,
    userName: null,
    teams: present(text(body, "team_id"), text(event, "user_team") ?? text(event, "team")),
    meaning: id === null ? null : `event:${id}`,
  };
}

/** Slack makes one trigger for each act: two deliveries with the same one are the same act. */
function withMeaning(body: Fields, inbound: Inbound): Inbound {
  const trigger = text(body, "trigger_id");
  if (trigger === null) return inbound;
  const hash = createHash("sha256")
    .update(JSON.stringify([inbound.user, inbound.act, trigger]))
    .digest("hex");
  return { ...inbound, meaning: `act:${hash.slice(0, 40)}` };
}

function present(...texts: readonly (string | null)[]): readonly string[] {
  return texts.filter((each) => each !== null);
}
