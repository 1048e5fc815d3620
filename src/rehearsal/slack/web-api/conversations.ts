/** `conversations.*`: where people talk and what was said. */

import { ApiError } from "../api-error.ts";
import { BOT_USER, type SlackState } from "../state.ts";
import type { Channel, JsonObject, StoredMessage } from "../types.ts";
import type { Args } from "./args.ts";
import { messageJson } from "./chat.ts";
import type { Desk, Method, Methods } from "./method.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 999;

export const conversationsMethods: Methods = {
  "conversations.info": read("read", 3, info),
  "conversations.members": read("read", 4, members),
  "conversations.history": read("history", 3, history),
  "conversations.replies": read("history", 3, replies),
  "conversations.open": { tier: 3, token: "bot", scope: () => "im:write", run: open },
};

/** The scope goes by the kind of conversation: `channels:history`, `im:read` … */
function read(right: "read" | "history", tier: 3 | 4, run: Method["run"]): Method {
  const scope = (args: Args) => `${args.string("channel")?.startsWith("D") ? "im" : "channels"}:${right}`;
  return { tier, token: "bot", scope, run };
}

function info(args: Args, { state }: Desk): JsonObject {
  return { channel: channelJson(wanted(args, state), args.flag("include_num_members")) };
}

function members(args: Args, { state }: Desk): JsonObject {
  return page(args, "members", [...wanted(args, state).members]);
}

function open(args: Args, { state }: Desk): JsonObject {
  const users = args.required("users", "users_list_not_supplied").split(",");
  const [first] = users;
  if (users.length !== 1 || first === undefined) throw new ApiError("not_enough_users");
  if (!state.users.has(first)) throw new ApiError("user_not_found");
  const channel = state.directChannel(first);
  return { channel: args.flag("return_im") ? channelJson(channel, false) : { id: channel.id } };
}

function history(args: Args, { state }: Desk): JsonObject {
  const channel = joined(args, state);
  const messages = state.messages.filter(
    (message) => isPublicIn(message, channel) && (message.threadTs === null || message.broadcast) && isInRange(message, args),
  );
  return paged(args, [...messages].reverse());
}

function replies(args: Args, { state }: Desk): JsonObject {
  const channel = joined(args, state);
  const ts = args.required("ts", "thread_not_found");
  const parent = state.message({ channel: channel.id, ts });
  if (parent === undefined || !isPublicIn(parent, channel)) throw new ApiError("thread_not_found");
  const rest = state.messages.filter(
    (message) => isPublicIn(message, channel) && message.threadTs === ts && isInRange(message, args),
  );
  return paged(args, [parent, ...rest]);
}

function isPublicIn(message: StoredMessage, channel: Channel): boolean {
  return message.channel === channel.id && message.ephemeralTo === null && message.kind === "message";
}

function isInRange(message: StoredMessage, args: Args): boolean {
  const oldest = args.number("oldest") ?? 0;
  const latest = args.number("latest") ?? Number.POSITIVE_INFINITY;
  const ts = Number(message.ts);
  return args.flag("inclusive") ? ts >= oldest && ts <= latest : ts > oldest && ts < latest;
}

function paged(args: Args, messages: readonly StoredMessage[]): JsonObject {
  const metadata = args.flag("include_all_metadata");
  return page(
    args,
    "messages",
    messages.map((message) => messageJson(message, { metadata })),
  );
}

/** One page; the cursor is opaque to callers. */
function page(args: Args, key: string, items: readonly unknown[]): JsonObject {
  const limit = Math.min(MAX_LIMIT, Math.max(1, args.number("limit") ?? DEFAULT_LIMIT));
  const start = startOf(args.string("cursor"));
  const next = start + limit < items.length ? Buffer.from(`next:${start + limit}`).toString("base64") : "";
  return {
    [key]: items.slice(start, start + limit),
    has_more: next !== "",
    ...(next === "" ? {} : { response_metadata: { next_cursor: next } }),
  };
}

function startOf(cursor: string | undefined): number {
  if (cursor === undefined || cursor === "") return 0;
  const match = /^next:(\d+)$/.exec(Buffer.from(cursor, "base64").toString());
  if (match === null) throw new ApiError("invalid_cursor");
  return Number(match[1]);
}

function wanted(args: Args, state: SlackState): Channel {
  // Unlike posting, reading takes ids only.
  const channel = state.channels.get(args.required("channel", "channel_not_found"));
  if (channel === undefined) throw new ApiError("channel_not_found");
  return channel;
}

function joined(args: Args, state: SlackState): Channel {
  const channel = wanted(args, state);
  if (!channel.members.has(BOT_USER)) throw new ApiError("not_in_channel");
  return channel;
}

function channelJson(channel: Channel, withCount: boolean): JsonObject {
  const isIm = channel.kind === "im";
  return {
    id: channel.id,
    ...(isIm ? { user: channel.name } : { name: channel.name, name_normalized: channel.name }),
    is_channel: !isIm,
    is_im: isIm,
    is_private: isIm,
    is_archived: channel.archived,
    is_member: channel.members.has(BOT_USER),
    ...(withCount ? { num_members: channel.members.size } : {}),
  };
}
