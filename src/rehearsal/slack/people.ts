/** A person in the workspace, as a test writes about them: `await ana.says("/deploy api prod abc123")`. */
import type { Acts, Place } from "./acts.ts";
import { fillField } from "./filling.ts";
import type { Forms } from "./forms.ts";
import { type Button, buttonsOf, renderBlocks, seen, textObject } from "./render.ts";
import { BOT_USER, type SlackState } from "./state.ts";
import type { Block, Channel, JsonObject, SeenMessage, StoredMessage, StoredView, User } from "./types.ts";

/** A modal or Home tab as its person sees it. */
export type SeenView = {
  readonly id: string;
  readonly callback_id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly buttons: readonly string[];
  readonly values: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  /** block_id -> message; `""` is about the whole modal. */
  readonly errors: Readonly<Record<string, string>>;
  readonly rendered: string;
};

export type WhereOptions = {
  /** A channel's name or id, `gantry` for the direct conversation with the app, or `home`. Default: the first channel. */
  readonly in?: string;
};

export type PersonFacts = { readonly user: User; readonly state: SlackState; readonly acts: Acts; readonly forms: Forms };

type FoundButton = { readonly button: Button; readonly place: Place };

export class Person {
  readonly #user: User;
  readonly #state: SlackState;
  readonly #acts: Acts;
  readonly #forms: Forms;

  constructor(facts: PersonFacts) {
    this.#user = facts.user;
    this.#state = facts.state;
    this.#acts = facts.acts;
    this.#forms = facts.forms;
  }

  get id(): string {
    return this.#user.id;
  }

  get name(): string {
    return this.#user.name;
  }

  /** `/deploy …` is a command, `@gantry …` a mention, anything else a message. Resolves when the app acked it or Slack gave up. */
  async says(text: string, options: WhereOptions & { readonly thread?: string } = {}): Promise<void> {
    await this.#acts.say({ user: this.#user, channel: this.#channel(options.in), text, threadTs: options.thread ?? null });
  }

  /**
   * Presses the button with this label: in the open modal, or on the newest message that has it (`on`: that message). Accepts its confirm
   * dialog; with `confirm: false` dismisses it, with `confirm: true` insists that there is one. Rejects with the buttons that can be seen.
   */
  async clicks(label: string, options: WhereOptions & { readonly on?: string; readonly confirm?: boolean } = {}): Promise<void> {
    const { button, place } = this.#findButton(label, options);
    const confirm = button.element["confirm"];
    if (options.confirm !== undefined && confirm === undefined) throw new Error(`the button "${label}" asks for no confirmation`);
    if (options.confirm === false) return;
    const { type, text, value, style } = button.element;
    const action = {
      type,
      text,
      value,
      ...(style === undefined ? {} : { style }),
      action_id: button.action_id,
      block_id: button.block_id,
    };
    await this.#acts.press({ user: this.#user, place, action, label });
  }

  /** Sends a press that no visible button stands for: a stale or forged one. `ts` defaults to the app's newest message. */
  async clicksRaw(action: { action_id: string; value?: string; ts?: string; block_id?: string; in?: string }): Promise<void> {
    const channel = this.#channel(action.in);
    const message = this.#messageFor(channel, action.ts);
    const { action_id, value, block_id = "raw" } = action;
    const press = { type: "button", text: { type: "plain_text", text: "raw" }, value, action_id, block_id };
    await this.#acts.press({ user: this.#user, place: { on: "message", channel, message }, action: press, label: action_id });
  }

  /** Fills fields of the open modal, named by block_id or label; options by their text. */
  async fills(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [field, value] of Object.entries(values)) {
      const view = this.#forms.top(this.#user);
      if (view === null) throw new Error(`${this.name} has no modal open`);
      await fillField({ state: this.#state, acts: this.#acts, user: this.#user, view, field, value });
    }
  }

  /** Submits the open modal. What Slack or the app finds wrong with it is in `modal().errors` then. */
  async submits(): Promise<void> {
    await this.#forms.submit(this.#user);
  }

  /** Closes the open modal. */
  async closes(): Promise<void> {
    await this.#forms.close(this.#user);
  }

  async opensHome(): Promise<void> {
    await this.#acts.openHome(this.#user);
  }

  /** Uses a shortcut: a global one, or one on the message `on`. */
  async usesShortcut(callbackId: string, options: WhereOptions & { readonly on?: string } = {}): Promise<void> {
    const channel = this.#channel(options.in);
    const on = options.on === undefined ? null : { channel, message: this.#messageFor(channel, options.on) };
    await this.#acts.shortcut({ user: this.#user, callbackId, on });
  }

  /** Everything that this person can read there, oldest first, threads included; the open modal's errors last. */
  sees(channel?: string): SeenMessage[] {
    const { id } = this.#channel(channel);
    const messages = this.#state.messages.filter((message) => message.channel === id && this.#canSee(message));
    return [...messages.map((message) => seen(message, this.#state)), ...this.#formErrors()];
  }

  modal(): SeenView | null {
    const view = this.#forms.top(this.#user);
    return view === null ? null : this.#seenView(view);
  }

  home(): SeenView | null {
    const view = this.#state.homes.get(this.#user.id);
    return view === undefined ? null : this.#seenView(view);
  }

  #canSee(message: StoredMessage): boolean {
    return message.kind === "message" && (message.ephemeralTo === null || message.ephemeralTo === this.id);
  }

  #formErrors(): SeenMessage[] {
    const errors = this.#forms.top(this.#user)?.errors ?? {};
    return Object.values(errors).map((text) => ({
      ts: "modal",
      user: "slackbot",
      text,
      blocks: [],
      ephemeralTo: this.name,
      edited: 0,
      buttons: [],
      rendered: text,
    }));
  }

  #findButton(label: string, options: WhereOptions & { readonly on?: string }): FoundButton {
    const places = this.#places(options);
    for (const place of places) {
      const button = buttonsOf(blocksOf(place)).find((candidate) => candidate.label === label);
      if (button !== undefined) return { button, place };
    }
    const visible = places.flatMap((place) => buttonsOf(blocksOf(place)).map((button) => `"${button.label}"`));
    throw new Error(`${this.name} sees no button "${label}". Visible buttons: ${visible.join(", ") || "none"}`);
  }

  /** Where buttons can be, the likeliest first. */
  #places(options: WhereOptions & { readonly on?: string }): Place[] {
    const modal = this.#forms.top(this.#user);
    if (modal !== null && options.on === undefined && options.in === undefined) return [{ on: "view", view: modal }];
    if (options.in === "home") {
      const view = this.#state.homes.get(this.id);
      return view === undefined ? [] : [{ on: "view", view }];
    }
    const channel = this.#channel(options.in);
    const messages = this.#state.messages.filter((message) => message.channel === channel.id && this.#canSee(message)).reverse();
    const chosen =
      options.on === "latest" ? messages.slice(0, 1) : messages.filter((message) => (options.on ?? message.ts) === message.ts);
    return chosen.map((message) => ({ on: "message", channel, message }));
  }

  #messageFor(channel: Channel, ts: string | undefined): StoredMessage {
    const message = this.#state.messages.findLast(
      (candidate) => candidate.channel === channel.id && (ts === undefined ? candidate.user === BOT_USER : candidate.ts === ts),
    );
    if (message === undefined) throw new Error(`there is no message ${ts ?? "of the app"} in #${channel.name}`);
    return message;
  }

  #channel(nameOrId: string | undefined): Channel {
    const bot = this.#state.users.get(BOT_USER)?.name;
    if (nameOrId !== undefined && nameOrId.replace(/^@/, "") === bot) return this.#state.directChannel(this.id);
    const channel = nameOrId === undefined ? [...this.#state.channels.values()][0] : this.#state.channel(nameOrId);
    if (channel === undefined) throw new Error(`there is no channel "${nameOrId}"`);
    return channel;
  }

  #seenView(view: StoredView): SeenView {
    const names = this.#state.names();
    return {
      id: view.id,
      callback_id: String(view.body["callback_id"] ?? ""),
      title: textObject(view.body["title"], names),
      blocks: view.blocks,
      buttons: buttonsOf(view.blocks).map((button) => button.label),
      values: view.values,
      errors: view.errors,
      rendered: renderBlocks(view.blocks, names),
    };
  }
}

function blocksOf(place: Place): readonly Block[] {
  return place.on === "view" ? place.view.blocks : place.message.blocks;
}
