/** What people can do in Slack, down to the envelope: the window and the tests' people both act through this. */
import type { Capabilities } from "./capabilities.ts";
import type { Delivery, Outcome } from "./delivery.ts";
import {
  blockActionsPayload,
  blockSuggestionPayload,
  eventPayload,
  type Spot,
  shortcutPayload,
  slashPayload,
} from "./payloads.ts";
import { applyResponse } from "./response-url.ts";
import { BOT_USER, type SlackState } from "./state.ts";
import type { Channel, JsonObject, StoredMessage, StoredView, User } from "./types.ts";
import { commandText, escapeControl, typedText } from "./typing.ts";
import { initialValues } from "./view-values.ts";
import { viewJson } from "./views.ts";

export type ActsFacts = {
  readonly state: SlackState;
  readonly capabilities: Capabilities;
  readonly delivery: Delivery;
  readonly scopes: readonly string[];
  /** Event types that the app subscribed to (`app_mention`, `app_home_opened`, `message.im`). */
  readonly events: readonly string[];
};

/** Where an element stands, before its payload exists. */
export type Place =
  | { readonly on: "message"; readonly channel: Channel; readonly message: StoredMessage }
  | { readonly on: "view"; readonly view: StoredView };

export type Press = { readonly user: User; readonly place: Place; readonly action: JsonObject; readonly label: string };

export class Acts {
  readonly #state: SlackState;
  readonly #capabilities: Capabilities;
  readonly #delivery: Delivery;
  readonly #scopes: readonly string[];
  readonly #events: readonly string[];

  constructor(facts: ActsFacts) {
    this.#state = facts.state;
    this.#capabilities = facts.capabilities;
    this.#delivery = facts.delivery;
    this.#scopes = facts.scopes;
    this.#events = facts.events;
  }

  /** A line typed into a channel or thread. Resolves when the app acknowledged what it was told, or Slack gave up. */
  async say(facts: { user: User; channel: Channel; text: string; threadTs: string | null }): Promise<void> {
    if (facts.text.startsWith("/")) return await this.#command(facts);
    const message = this.#state.addMessage({
      channel: facts.channel.id,
      user: facts.user.id,
      text: typedText(facts.text, this.#state),
      threadTs: facts.threadTs,
    });
    await this.#announce({ message, channel: facts.channel });
  }

  /** A button pressed, an option chosen: `action` carries what the element adds (`value`, `selected_option` …). */
  async press(facts: Press): Promise<Outcome> {
    const { user, place } = facts;
    const spot: Spot =
      place.on === "view"
        ? place
        : {
            ...place,
            responseUrl: this.#capabilities.responseUrl({ channel: place.channel.id, user: user.id, ts: place.message.ts }),
          };
    const payload = blockActionsPayload({
      user,
      action: { ...facts.action, action_ts: this.#state.ids.ts(this.#state.clock.now()) },
      spot,
      triggerId: this.#capabilities.trigger({
        user: user.id,
        ...(place.on === "view" && place.view.type === "modal" ? { viewId: place.view.id } : {}),
      }),
      state: place.on === "message" ? initialValues(place.message.blocks) : {},
    });
    const outcome = await this.#delivery.deliver("interactive", payload);
    if (outcome.kind === "failed") this.#showPressFailure(facts, outcome.error);
    return outcome;
  }

  /** Asks the app for the options of an external select. Empty when it does not answer. */
  async suggest(facts: {
    user: User;
    place: Place;
    blockId: string;
    actionId: string;
    value: string;
  }): Promise<readonly JsonObject[]> {
    const spot: Spot = facts.place.on === "view" ? facts.place : { ...facts.place, responseUrl: "" };
    const outcome = await this.#delivery.deliver("interactive", blockSuggestionPayload({ ...facts, spot }));
    if (outcome.kind === "failed") return [];
    const groups = Array.isArray(outcome.answer["option_groups"]) ? (outcome.answer["option_groups"] as JsonObject[]) : [];
    const loose = Array.isArray(outcome.answer["options"]) ? (outcome.answer["options"] as JsonObject[]) : [];
    return [...loose, ...groups.flatMap((group) => (Array.isArray(group["options"]) ? (group["options"] as JsonObject[]) : []))];
  }

  async openHome(user: User): Promise<void> {
    if (!this.#events.includes("app_home_opened")) return;
    const home = this.#state.homes.get(user.id);
    await this.#event({
      type: "app_home_opened",
      user: user.id,
      channel: this.#state.directChannel(user.id).id,
      tab: "home",
      event_ts: this.#state.ids.ts(this.#state.clock.now()),
      ...(home === undefined ? {} : { view: viewJson(home) }),
    });
  }

  /** A global shortcut, or one on a message. */
  async shortcut(facts: {
    user: User;
    callbackId: string;
    on: { channel: Channel; message: StoredMessage } | null;
  }): Promise<Outcome> {
    const { user, on } = facts;
    const payload = shortcutPayload({
      user,
      callbackId: facts.callbackId,
      triggerId: this.#capabilities.trigger({ user: user.id }),
      actionTs: this.#state.ids.ts(this.#state.clock.now()),
      on:
        on === null
          ? null
          : { ...on, responseUrl: this.#capabilities.responseUrl({ channel: on.channel.id, user: user.id, ts: on.message.ts }) },
    });
    return await this.#delivery.deliver("interactive", payload);
  }

  async #command(facts: { user: User; channel: Channel; text: string; threadTs: string | null }): Promise<void> {
    const { user, channel } = facts;
    const [, command = "", text = ""] = /^(\/\S*)\s*([\s\S]*)$/.exec(facts.text) ?? [];
    const known = this.#scopes.includes("commands") ? this.#state.commands.get(command) : undefined;
    const { threadTs } = facts;
    const whisper = (line: string) => this.#state.notice({ channel: channel.id, user: user.id, text: line, threadTs });
    this.#state.addMessage({ kind: "command", channel: channel.id, user: user.id, text: escapeControl(facts.text), threadTs });
    if (known === undefined) return whisper(`\`${command}\` is not a valid command.`);
    if (threadTs !== null) return whisper(`\`${command}\` is not supported in threads. Sorry!`);
    const target = { channel: channel.id, user: user.id, ts: null };
    const payload = slashPayload({
      user,
      channel,
      command,
      text: commandText({ text: text.trim(), shouldEscape: known.shouldEscape, state: this.#state }),
      responseUrl: this.#capabilities.responseUrl(target),
      triggerId: this.#capabilities.trigger({ user: user.id }),
    });
    const outcome = await this.#delivery.deliver("slash_commands", payload);
    if (outcome.kind === "failed") return whisper(`${command} failed with the error "${outcome.error}"`);
    if (outcome.answer["text"] !== undefined || outcome.answer["blocks"] !== undefined) {
      this.#answerInAck({ target, answer: outcome.answer, command });
    }
  }

  #answerInAck(facts: { target: { channel: string; user: string; ts: null }; answer: JsonObject; command: string }): void {
    try {
      applyResponse({ state: this.#state, target: facts.target, body: facts.answer });
    } catch {
      this.#state.notice({ ...facts.target, text: `${facts.command} failed with the error "invalid_command_response"` });
    }
  }

  /** Tells the app about a message, when it is one that it may hear. */
  async #announce(facts: { message: StoredMessage; channel: Channel }): Promise<void> {
    const { message, channel } = facts;
    const event = {
      user: message.user,
      text: message.text,
      ts: message.ts,
      channel: channel.id,
      event_ts: message.ts,
      ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
    };
    if (channel.kind === "im") {
      if (this.#hears("message.im", "im:history")) await this.#event({ type: "message", channel_type: "im", ...event });
      return;
    }
    if (!message.text.includes(`<@${BOT_USER}>`)) return;
    if (!channel.members.has(BOT_USER)) {
      const text = `<@${BOT_USER}> is not in this channel, so it did not see your message.`;
      return this.#state.notice({ channel: channel.id, user: message.user, text });
    }
    if (this.#hears("app_mention", "app_mentions:read")) await this.#event({ type: "app_mention", ...event });
  }

  #hears(event: string, scope: string): boolean {
    return this.#events.includes(event) && this.#scopes.includes(scope);
  }

  async #event(event: JsonObject): Promise<void> {
    const eventId = this.#state.ids.next("Ev");
    await this.#delivery.event(eventPayload({ event, eventId, nowMs: this.#state.clock.now() }));
  }

  #showPressFailure(facts: Press, error: string): void {
    const text = `"${facts.label}" failed with the error "${error}"`;
    if (facts.place.on === "message") {
      this.#state.notice({ channel: facts.place.channel.id, user: facts.user.id, text, threadTs: facts.place.message.threadTs });
    } else {
      facts.place.view.errors = { ...facts.place.view.errors, "": text };
      this.#state.changed();
    }
  }
}
