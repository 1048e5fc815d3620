/** `chat.*`: messages, and the rules for whose they are and what may be in them. */

import { ApiError } from "../api-error.ts";
import { assertBlocks, withBlockIds } from "../block-rules.ts";
import { APP_ID, BOT_ID, BOT_USER, TEAM } from "../state.ts";
import type { Channel, JsonObject, Metadata, StoredMessage } from "../types.ts";
import type { Args } from "./args.ts";
import { botMethod, type Desk, type Methods } from "./method.ts";

/** Longer texts are cut when posted … */
const POST_TEXT_LIMIT = 40_000;
/** … and refused when a message is changed. */
const UPDATE_TEXT_LIMIT = 4_000;

export const chatMethods: Methods = {
  "chat.postMessage": botMethod("posting", "chat:write", postMessage),
  "chat.postEphemeral": botMethod("posting", "chat:write", postEphemeral),
  "chat.update": botMethod(3, "chat:write", update),
  "chat.delete": botMethod(3, "chat:write", remove),
  "chat.getPermalink": botMethod(4, null, getPermalink),
  "chat.unfurl": botMethod(3, "links:write", unfurl),
};

/** A message as the API and interaction payloads show it. */
export function messageJson(message: StoredMessage, options: { metadata: boolean } = { metadata: true }): JsonObject {
  const own = message.user === BOT_USER;
  return {
    type: "message",
    ...(own ? { bot_id: BOT_ID, app_id: APP_ID } : {}),
    user: message.user,
    team: TEAM.id,
    ts: message.ts,
    text: message.text,
    ...(message.blocks.length > 0 ? { blocks: message.blocks } : {}),
    ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    ...(message.broadcast ? { subtype: "thread_broadcast" } : {}),
    ...(message.edited > 0 ? { edited: { user: message.user, ts: message.ts } } : {}),
    ...(options.metadata && message.metadata !== null ? { metadata: message.metadata } : {}),
    ...(message.reactions.size > 0 ? { reactions: reactionsJson(message) } : {}),
  };
}

function reactionsJson(message: StoredMessage): JsonObject[] {
  return [...message.reactions].map(([name, users]) => ({ name, users: [...users], count: users.size }));
}

function postMessage(args: Args, { state }: Desk): JsonObject {
  const channel = postingChannel(args, state);
  const content = contentOf(args, "post");
  const message = state.addMessage({
    channel: channel.id,
    user: BOT_USER,
    ...content,
    metadata: metadataOf(args) ?? null,
    threadTs: threadOf(args, { state, channel }),
    broadcast: args.flag("reply_broadcast"),
  });
  return { channel: channel.id, ts: message.ts, message: messageJson(message) };
}

function postEphemeral(args: Args, { state }: Desk): JsonObject {
  const channel = postingChannel(args, state);
  const user = state.users.get(args.required("user", "no_user"));
  if (user === undefined) throw new ApiError("user_not_found");
  if (!channel.members.has(user.id)) throw new ApiError("user_not_in_channel");
  const message = state.addMessage({
    channel: channel.id,
    user: BOT_USER,
    ephemeralTo: user.id,
    ...contentOf(args, "post"),
    threadTs: threadOf(args, { state, channel }),
  });
  return { message_ts: message.ts };
}

function update(args: Args, { state }: Desk): JsonObject {
  const channel = knownChannel(args, state);
  const message = ownMessage(args, { state, channel });
  const content = contentOf(args, "update");
  // Text without blocks removes the blocks; metadata stays unless it is given.
  message.text = content.text;
  message.blocks = content.blocks;
  const metadata = metadataOf(args);
  if (metadata !== undefined) message.metadata = metadata;
  message.edited += 1;
  message.showsEdited = content.blocks.length === 0;
  state.changed();
  return { channel: channel.id, ts: message.ts, text: message.text, message: messageJson(message) };
}

function remove(args: Args, { state }: Desk): JsonObject {
  const channel = knownChannel(args, state);
  const message = ownMessage(args, { state, channel }, "cant_delete_message");
  state.removeMessage(message);
  return { channel: channel.id, ts: message.ts };
}

function getPermalink(args: Args, desk: Desk): JsonObject {
  const channel = knownChannel(args, desk.state);
  const ts = args.required("message_ts", "message_not_found");
  const message = desk.state.message({ channel: channel.id, ts });
  if (message === undefined || message.ephemeralTo !== null) throw new ApiError("message_not_found");
  const thread = message.threadTs === null ? "" : `?thread_ts=${message.threadTs}&cid=${channel.id}`;
  return { channel: channel.id, permalink: `${desk.baseUrl()}archives/${channel.id}/p${ts.replace(".", "")}${thread}` };
}

function unfurl(args: Args, { state }: Desk): JsonObject {
  const channel = knownChannel(args, state);
  if (state.message({ channel: channel.id, ts: args.required("ts") }) === undefined) throw new ApiError("cannot_unfurl_message");
  return {};
}

function contentOf(args: Args, act: "post" | "update"): Pick<StoredMessage, "text" | "blocks"> {
  const blocks = args.blocks() ?? [];
  const text = args.string("text") ?? "";
  if (text === "" && blocks.length === 0) throw new ApiError("no_text");
  if (act === "update" && text.length > UPDATE_TEXT_LIMIT) throw new ApiError("msg_too_long");
  assertBlocks(blocks, "message");
  return { text: text.slice(0, POST_TEXT_LIMIT), blocks: withBlockIds(blocks) };
}

/** `null` when an empty object was given, which removes it; `undefined` when nothing was, which leaves it alone. */
function metadataOf(args: Args): Metadata | null | undefined {
  const value = args.nested("metadata", "invalid_metadata_format") as Partial<Metadata> | undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) throw new ApiError("invalid_metadata_format");
  if (Object.keys(value).length === 0) return null;
  if (typeof value.event_type !== "string" || typeof value.event_payload !== "object" || value.event_payload === null) {
    throw new ApiError("invalid_metadata_format");
  }
  return { event_type: value.event_type, event_payload: value.event_payload };
}

function knownChannel(args: Args, state: Desk["state"]): Channel {
  const channel = state.channel(args.required("channel", "channel_not_found"));
  if (channel === undefined) throw new ApiError("channel_not_found");
  return channel;
}

/** A user id opens the direct conversation, as it does at Slack. */
function postingChannel(args: Args, state: Desk["state"]): Channel {
  const wanted = args.required("channel", "channel_not_found");
  const channel = state.users.has(wanted) ? state.directChannel(wanted) : knownChannel(args, state);
  if (channel.archived) throw new ApiError("is_archived");
  if (!channel.members.has(BOT_USER)) throw new ApiError("not_in_channel");
  return channel;
}

function threadOf(args: Args, facts: { state: Desk["state"]; channel: Channel }): string | null {
  const ts = args.string("thread_ts");
  if (ts === undefined || ts === "") return null;
  const parent = facts.state.message({ channel: facts.channel.id, ts });
  if (parent === undefined || parent.ephemeralTo !== null || parent.threadTs !== null) throw new ApiError("thread_not_found");
  return ts;
}

function ownMessage(
  args: Args,
  facts: { state: Desk["state"]; channel: Channel },
  notOwn: "cant_update_message" | "cant_delete_message" = "cant_update_message",
): StoredMessage {
  const message = facts.state.message({ channel: facts.channel.id, ts: args.required("ts", "message_not_found") });
  // An ephemeral message does not exist for these methods: only a response_url reaches it.
  if (message === undefined || message.ephemeralTo !== null || message.kind === "command")
    throw new ApiError("message_not_found");
  if (message.user !== BOT_USER) throw new ApiError(notOwn);
  return message;
}
