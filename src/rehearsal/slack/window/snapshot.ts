/** Everything that one person's window shows, with markup already parsed, so that the browser only builds elements. */
import type { Forms } from "../forms.ts";
import { parseMrkdwn, parsePlain } from "../mrkdwn.ts";
import { BOT_USER, type SlackState } from "../state.ts";
import type { Channel, JsonObject, StoredMessage, StoredView, User } from "../types.ts";
import { isObject } from "../view-values.ts";

export type Snapshot = JsonObject;

export function snapshotFor(user: User, parts: { state: SlackState; forms: Forms }): Snapshot {
  const { state } = parts;
  const people = [...state.users.values()].filter((other) => !other.isBot);
  const direct = state.directChannel(user.id);
  const channels = [...state.channels.values()].filter((channel) => channel.kind === "public" && channel.members.has(user.id));
  const modal = parts.forms.top(user);
  const home = state.homes.get(user.id);
  return {
    version: state.version,
    me: user,
    people,
    channels: [...channels.map((channel) => channelShown(channel, channel.name)), channelShown(direct, "gantry")],
    commands: [...state.commands.values()],
    messages: [...state.messages]
      .filter((message) => canSee({ message, user, channels: [...channels, direct] }))
      .map((message) => messageShown(message, state)),
    modal: modal === null ? null : viewShown(modal, state),
    home: home === undefined ? null : viewShown(home, state),
  };
}

function canSee(facts: { message: StoredMessage; user: User; channels: readonly Channel[] }): boolean {
  const { message, user } = facts;
  if (!facts.channels.some((channel) => channel.id === message.channel)) return false;
  if (message.kind === "command") return message.user === user.id;
  return message.ephemeralTo === null || message.ephemeralTo === user.id;
}

function channelShown(channel: Channel, name: string): JsonObject {
  return { id: channel.id, name, kind: channel.kind, hasApp: channel.members.has(BOT_USER), members: channel.members.size };
}

function messageShown(message: StoredMessage, state: SlackState): JsonObject {
  const author = state.users.get(message.user);
  return {
    ts: message.ts,
    channel: message.channel,
    kind: message.kind,
    author: { id: message.user, name: author?.name ?? "?", isBot: author?.isBot ?? true },
    threadTs: message.threadTs,
    broadcast: message.broadcast,
    ephemeral: message.ephemeralTo !== null,
    edited: message.showsEdited,
    nodes: parseMrkdwn(message.text, state.names()),
    blocks: withNodes(message.blocks, state),
    reactions: [...message.reactions].map(([name, users]) => ({ nodes: parsePlain(`:${name}:`), count: users.size })),
  };
}

function viewShown(view: StoredView, state: SlackState): JsonObject {
  return {
    id: view.id,
    hash: view.hash,
    title: withNodes(view.body["title"] ?? null, state),
    submit: withNodes(view.body["submit"] ?? null, state),
    close: withNodes(view.body["close"] ?? null, state),
    blocks: withNodes(view.blocks, state),
    values: view.values,
    errors: view.errors,
  };
}

/** A copy in which every text object also carries its parsed form, `nodes`. */
function withNodes(value: unknown, state: SlackState): unknown {
  if (Array.isArray(value)) return value.map((item) => withNodes(item, state));
  if (!isObject(value)) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNodes(item, state)]));
  if (typeof value["text"] !== "string") return copy;
  if (value["type"] === "mrkdwn" || value["type"] === "markdown")
    return { ...copy, nodes: parseMrkdwn(value["text"], state.names()) };
  return value["type"] === "plain_text" ? { ...copy, nodes: parsePlain(value["text"]) } : copy;
}
