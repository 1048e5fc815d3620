/** `auth.test`, `users.*`, `usergroups.*`, `reactions.*`, `functions.*` and the opening of sockets. */

import { ApiError } from "../api-error.ts";
import { APP_ID, BOT_ID, BOT_USER, type SlackState, TEAM } from "../state.ts";
import type { JsonObject, StoredMessage, User } from "../types.ts";
import type { Args } from "./args.ts";
import { botMethod, type Desk, type Methods } from "./method.ts";

export const peopleMethods: Methods = {
  "auth.test": botMethod(4, null, (_, desk) => ({
    url: desk.baseUrl(),
    team: "Rehearsal",
    user: "gantry",
    team_id: TEAM.id,
    user_id: BOT_USER,
    bot_id: BOT_ID,
    is_enterprise_install: false,
  })),
  "users.info": botMethod(4, "users:read", (args, { state }) => ({ user: userJson(knownUser(args, state)) })),
  "users.lookupByEmail": botMethod(3, "users:read.email", lookupByEmail),
  "usergroups.users.list": botMethod(2, "usergroups:read", groupMembers),
  "reactions.add": botMethod(3, "reactions:write", addReaction),
  "reactions.remove": botMethod(2, "reactions:write", removeReaction),
  "functions.completeSuccess": botMethod(3, null, () => ({})),
  "functions.completeError": botMethod(3, null, () => ({})),
  // Tier 1 on paper, but an app may reconnect more than once a minute: Slack allows it.
  "apps.connections.open": { tier: 3, token: "app", scope: () => null, run: (_, desk) => ({ url: desk.openSocket() }) },
};

function knownUser(args: Args, state: SlackState): User {
  const user = state.users.get(args.required("user", "user_not_found"));
  if (user === undefined) throw new ApiError("user_not_found");
  return user;
}

function lookupByEmail(args: Args, { state }: Desk): JsonObject {
  const email = args.required("email", "users_not_found");
  const user = [...state.users.values()].find((other) => emailOf(other) === email && !other.isBot);
  if (user === undefined) throw new ApiError("users_not_found");
  return { user: userJson(user) };
}

function groupMembers(args: Args, { state }: Desk): JsonObject {
  const group = state.groups.get(args.required("usergroup", "no_such_subteam"));
  if (group === undefined) throw new ApiError("no_such_subteam");
  return { users: [...group.users] };
}

function addReaction(args: Args, { state }: Desk): JsonObject {
  const { message, name } = reactionOf(args, state);
  const users = message.reactions.get(name) ?? new Set();
  if (users.has(BOT_USER)) throw new ApiError("already_reacted");
  message.reactions.set(name, users.add(BOT_USER));
  state.changed();
  return {};
}

function removeReaction(args: Args, { state }: Desk): JsonObject {
  const { message, name } = reactionOf(args, state);
  const users = message.reactions.get(name);
  if (users === undefined || !users.delete(BOT_USER)) throw new ApiError("no_reaction");
  if (users.size === 0) message.reactions.delete(name);
  state.changed();
  return {};
}

function reactionOf(args: Args, state: SlackState): { message: StoredMessage; name: string } {
  const channel = args.required("channel", "channel_not_found");
  const message = state.message({ channel, ts: args.required("timestamp", "message_not_found") });
  if (message === undefined || message.ephemeralTo !== null) throw new ApiError("message_not_found");
  return { message, name: args.required("name", "invalid_name") };
}

function emailOf(user: User): string {
  return `${user.name}@example.com`;
}

function userJson(user: User): JsonObject {
  return {
    id: user.id,
    team_id: TEAM.id,
    name: user.name,
    deleted: false,
    real_name: user.realName,
    tz: "Etc/UTC",
    tz_offset: 0,
    is_bot: user.isBot,
    is_app_user: false,
    profile: {
      real_name: user.realName,
      display_name: user.name,
      email: emailOf(user),
      ...(user.isBot ? { api_app_id: APP_ID, bot_id: BOT_ID } : {}),
    },
  };
}
