/** The payloads that Slack sends, with its exact field names (reference: docs.slack.dev, @slack/bolt types). */
import { APP_ID, BOT_USER, TEAM } from "./state.ts";
import type { Channel, JsonObject, StoredMessage, StoredView, User } from "./types.ts";
import { viewJson } from "./views.ts";
import { messageJson } from "./web-api/chat.ts";

/** Slack still sends a verification token; nobody should use it. */
const VERIFICATION_TOKEN = "rehearsal-verification-token";

type SlashFacts = {
  readonly user: User;
  readonly channel: Channel;
  readonly command: string;
  readonly text: string;
  readonly responseUrl: string;
  readonly triggerId: string;
};

export function slashPayload(facts: SlashFacts): JsonObject {
  return {
    token: VERIFICATION_TOKEN,
    team_id: TEAM.id,
    team_domain: TEAM.domain,
    channel_id: facts.channel.id,
    channel_name: facts.channel.kind === "im" ? "directmessage" : facts.channel.name,
    user_id: facts.user.id,
    user_name: facts.user.name,
    command: facts.command,
    text: facts.text,
    api_app_id: APP_ID,
    is_enterprise_install: "false",
    response_url: facts.responseUrl,
    trigger_id: facts.triggerId,
  };
}

/** Where an element stands: on a message or in a view. */
export type Spot =
  | { readonly on: "message"; readonly channel: Channel; readonly message: StoredMessage; readonly responseUrl: string }
  | { readonly on: "view"; readonly view: StoredView };

export function blockActionsPayload(facts: {
  user: User;
  action: JsonObject;
  spot: Spot;
  triggerId: string;
  state: JsonObject;
}): JsonObject {
  return {
    type: "block_actions",
    ...whoAndWhere(facts.user),
    trigger_id: facts.triggerId,
    ...(facts.spot.on === "message" ? messageSpot(facts.spot) : viewSpot(facts.spot.view)),
    ...(facts.spot.on === "message" ? { state: { values: facts.state } } : {}),
    actions: [facts.action],
  };
}

export function blockSuggestionPayload(facts: {
  user: User;
  spot: Spot;
  blockId: string;
  actionId: string;
  value: string;
}): JsonObject {
  return {
    type: "block_suggestion",
    ...whoAndWhere(facts.user),
    ...(facts.spot.on === "message" ? messageSpot(facts.spot) : viewSpot(facts.spot.view)),
    action_id: facts.actionId,
    block_id: facts.blockId,
    value: facts.value,
  };
}

export function viewSubmissionPayload(facts: { user: User; view: StoredView; triggerId: string }): JsonObject {
  return {
    type: "view_submission",
    ...whoAndWhere(facts.user),
    trigger_id: facts.triggerId,
    view: viewJson(facts.view),
    response_urls: [],
  };
}

export function viewClosedPayload(facts: { user: User; view: StoredView; isCleared: boolean }): JsonObject {
  return { type: "view_closed", ...whoAndWhere(facts.user), view: viewJson(facts.view), is_cleared: facts.isCleared };
}

type ShortcutFacts = {
  readonly user: User;
  readonly callbackId: string;
  readonly triggerId: string;
  readonly actionTs: string;
  readonly on: { readonly channel: Channel; readonly message: StoredMessage; readonly responseUrl: string } | null;
};

/** A global shortcut, or one on a message. */
export function shortcutPayload(facts: ShortcutFacts): JsonObject {
  const base = {
    ...whoAndWhere(facts.user),
    callback_id: facts.callbackId,
    trigger_id: facts.triggerId,
    action_ts: facts.actionTs,
  };
  if (facts.on === null) return { type: "shortcut", ...base };
  return {
    type: "message_action",
    ...base,
    message_ts: facts.on.message.ts,
    channel: { id: facts.on.channel.id, name: facts.on.channel.name },
    response_url: facts.on.responseUrl,
    message: messageJson(facts.on.message),
  };
}

export function eventPayload(facts: { event: JsonObject; eventId: string; nowMs: number }): JsonObject {
  return {
    token: VERIFICATION_TOKEN,
    team_id: TEAM.id,
    context_team_id: TEAM.id,
    context_enterprise_id: null,
    api_app_id: APP_ID,
    event: facts.event,
    type: "event_callback",
    event_id: facts.eventId,
    event_time: Math.floor(facts.nowMs / 1000),
    authorizations: [{ enterprise_id: null, team_id: TEAM.id, user_id: BOT_USER, is_bot: true, is_enterprise_install: false }],
    is_ext_shared_channel: false,
    event_context: `${facts.eventId}-context`,
  };
}

function whoAndWhere(user: User): JsonObject {
  return {
    token: VERIFICATION_TOKEN,
    team: { id: TEAM.id, domain: TEAM.domain },
    enterprise: null,
    is_enterprise_install: false,
    user: { id: user.id, username: user.name, name: user.name, team_id: TEAM.id },
    api_app_id: APP_ID,
  };
}

function messageSpot(spot: Extract<Spot, { on: "message" }>): JsonObject {
  const isEphemeral = spot.message.ephemeralTo !== null;
  return {
    container: {
      type: "message",
      message_ts: spot.message.ts,
      channel_id: spot.channel.id,
      is_ephemeral: isEphemeral,
      ...(spot.message.threadTs === null ? {} : { thread_ts: spot.message.threadTs }),
    },
    channel: { id: spot.channel.id, name: spot.channel.kind === "im" ? "directmessage" : spot.channel.name },
    // Slack does not keep ephemeral messages, so it cannot send them along.
    ...(isEphemeral ? {} : { message: messageJson(spot.message) }),
    response_url: spot.responseUrl,
  };
}

function viewSpot(view: StoredView): JsonObject {
  return { container: { type: "view", view_id: view.id }, view: viewJson(view) };
}
