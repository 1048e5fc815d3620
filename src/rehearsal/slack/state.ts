/** The workspace's memory: people, channels, messages, views, the log, and the news that something changed. */
import { EventEmitter } from "node:events";
import type { RehearsalClock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { Names } from "./mrkdwn.ts";
import type { Channel, Command, Group, LogEntry, StoredMessage, StoredView, User } from "./types.ts";

export const TEAM = { id: "T0REHEARSE", domain: "rehearsal" } as const;
export const APP_ID = "A0GANTRY";
export const BOT_ID = "B0GANTRY";
export const BOT_USER = "U0GANTRY";
export const SLACKBOT = "USLACKBOT";
/** Enough for any test; a demo left open for a week does not eat the machine. */
const LOG_LIMIT = 50_000;

type Unstamped<T> = T extends unknown ? Omit<T, "at"> : never;

export class SlackState {
  readonly clock: RehearsalClock;
  readonly ids: Ids;
  readonly users = new Map<string, User>();
  readonly channels = new Map<string, Channel>();
  readonly groups = new Map<string, Group>();
  readonly commands = new Map<string, Command>();
  readonly messages: StoredMessage[] = [];
  /** user -> open modals, the top one last. */
  readonly modals = new Map<string, StoredView[]>();
  readonly homes = new Map<string, StoredView>();
  readonly log: LogEntry[] = [];
  readonly #news = new EventEmitter().setMaxListeners(0);
  #version = 0;

  constructor(facts: { clock: RehearsalClock; ids: Ids }) {
    this.clock = facts.clock;
    this.ids = facts.ids;
  }

  /** Counts changes that a person could see. */
  get version(): number {
    return this.#version;
  }

  changed(): void {
    this.#version += 1;
    this.#news.emit("changed");
    this.#news.emit("recorded");
  }

  /** Calls back after every visible change; the returned function stops it. */
  onChange(listener: () => void): () => void {
    this.#news.on("changed", listener);
    return () => this.#news.off("changed", listener);
  }

  /** Calls back after every entry of the log too. */
  onAnything(listener: () => void): () => void {
    this.#news.on("recorded", listener);
    return () => this.#news.off("recorded", listener);
  }

  record(entry: Unstamped<LogEntry>): void {
    this.log.push({ at: this.clock.now(), ...entry } as LogEntry);
    if (this.log.length > LOG_LIMIT) this.log.splice(0, this.log.length - LOG_LIMIT);
    this.#news.emit("recorded");
  }

  /** By id or name (`ana`, `@ana`, `U0ANA`). */
  user(nameOrId: string): User | undefined {
    const wanted = nameOrId.replace(/^@/, "");
    return this.users.get(wanted) ?? [...this.users.values()].find((user) => user.name === wanted);
  }

  /** By id or name (`deploys`, `#deploys`, `C0DEPLOYS`). */
  channel(nameOrId: string): Channel | undefined {
    const wanted = nameOrId.replace(/^#/, "");
    return (
      this.channels.get(wanted) ??
      [...this.channels.values()].find((channel) => channel.kind === "public" && channel.name === wanted)
    );
  }

  /** The direct conversation between a person and the app, made when first needed. */
  directChannel(userId: string): Channel {
    const id = `D0${userId.slice(1).replace(/^0/, "")}`;
    const existing = this.channels.get(id);
    if (existing !== undefined) return existing;
    const channel: Channel = { id, name: userId, kind: "im", members: new Set([userId, BOT_USER]), archived: false };
    this.channels.set(id, channel);
    return channel;
  }

  message(facts: { channel: string; ts: string }): StoredMessage | undefined {
    return this.messages.find((message) => message.channel === facts.channel && message.ts === facts.ts);
  }

  addMessage(facts: Partial<StoredMessage> & Pick<StoredMessage, "channel" | "user">): StoredMessage {
    const message: StoredMessage = {
      ts: this.ids.ts(this.clock.now()),
      kind: "message",
      threadTs: null,
      broadcast: false,
      ephemeralTo: null,
      text: "",
      blocks: [],
      metadata: null,
      edited: 0,
      showsEdited: false,
      reactions: new Map(),
      ...facts,
    };
    this.messages.push(message);
    this.changed();
    return message;
  }

  removeMessage(message: StoredMessage): void {
    const at = this.messages.indexOf(message);
    if (at >= 0) this.messages.splice(at, 1);
    this.changed();
  }

  /** A line from Slack itself, seen by one person. */
  notice(facts: { channel: string; user: string; text: string; threadTs?: string | null }): void {
    const { channel, user, text, threadTs = null } = facts;
    this.addMessage({ channel, user: SLACKBOT, ephemeralTo: user, text, threadTs });
  }

  view(facts: { id?: string | undefined; externalId?: string | undefined }): StoredView | undefined {
    const all = [...[...this.modals.values()].flat(), ...this.homes.values()];
    if (facts.id !== undefined) return all.find((view) => view.id === facts.id);
    return all.find((view) => view.externalId !== "" && view.externalId === facts.externalId);
  }

  names(): Names {
    return {
      user: (id) => this.users.get(id)?.name ?? id,
      channel: (id) => this.channels.get(id)?.name ?? id,
      group: (id) => this.groups.get(id)?.handle ?? id,
    };
  }
}
