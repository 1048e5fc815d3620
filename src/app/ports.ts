/**
 * What the application needs from the world, in domain words. Every port has exactly two implementations:
 * the real adapter, and a stand-in or fake that passes the same contract tests.
 */
import type { Ask } from "../core/ask.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { ServerSecret } from "../core/secrets.ts";
import type { DesiredPicture, Head, ObservedPicture } from "../core/slot.ts";
import type { Form, HomeView, Message } from "../messages/message.ts";

/** Epoch milliseconds. The only source of time in app/ and the adapters. */
export interface Clock {
  /** The time of day; one that was set is followed slowly, so that durations hold (steady-time.ts). */
  now(): number;
  /** Milliseconds since some moment, the same for every process of one boot: goes on evenly when somebody sets the time of day. */
  mono(): number;
  /** Calls back once at or after `at`; the returned function cancels. Never the only memory of anything. */
  wakeAt(at: number, wake: () => void): () => void;
  /** Calls back after the work of this turn of the event loop: what else comes in the same turn is taken with it. */
  soon(work: () => void): void;
}

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Who acts. `slack` ids are user ids (U…), `local` ids are operating-system users on the server's own socket. */
export type Actor = {
  readonly kind: "slack" | "local" | "system";
  readonly id: string;
  /** For texts where a mention cannot be rendered. */
  readonly name: string;
};

// ---------------------------------------------------------------- chat

export type Place = { readonly channel: string; readonly ts: string };

/** A chat call failed. `gone`: the message or channel is no more; `retry`: try again, after `retryAfterMs` if given; `never`: do not. */
export class ChatError extends Error {
  readonly kind: "gone" | "retry" | "never";
  readonly reason: ReasonCode;
  readonly retryAfterMs: number | null;
  constructor(facts: {
    kind: "gone" | "retry" | "never";
    reason: ReasonCode;
    message: string;
    retryAfterMs?: number;
    cause?: unknown;
  }) {
    super(facts.message, { cause: facts.cause });
    this.name = "ChatError";
    this.kind = facts.kind;
    this.reason = facts.reason;
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

export interface Chat {
  /**
   * Posts. `key` stands in the message's metadata; the same key is not posted twice by one process. A post whose answer was lost is made
   * again: two cards of one rollout do no harm, since buttons name the rollout.
   */
  post(facts: { channel: string; threadTs?: string; broadcast?: boolean; message: Message; key: string }): Promise<Place>;
  /** Replaces a message. Calls for one place may be coalesced to the newest by the adapter's scheduler. */
  update(facts: { place: Place; message: Message }): Promise<void>;
  /** Shown to one person only. */
  whisper(facts: { channel: string; user: string; message: Message }): Promise<void>;
  /** A direct message to one person. */
  tell(facts: { user: string; message: Message; key: string }): Promise<void>;
  publishHome(facts: { user: string; view: HomeView }): Promise<void>;
  /** Members of a user group. Cached for a minute; `fresh` asks Slack again. */
  groupMembers(group: string, options?: { fresh?: boolean }): Promise<readonly string[]>;
  state(): { readonly connected: boolean; readonly since: number; readonly reason: ReasonCode | null };
}

/** What a person did, on whatever surface. Everything in it may be stored: no capability (response_url, trigger_id), no token. */
export type Delivery = {
  /** Identity of the transport's message: a redelivery has the same. */
  readonly key: string;
  /** Identity of the act: two deliveries of one act share it even when their keys differ. */
  readonly meaning: string | null;
  readonly actor: Actor;
  readonly channel: string | null;
  readonly threadTs: string | null;
  readonly act: /** The words typed, with the slash command's own verb in front: `/deploy api prod abc` is `deploy api prod abc`. */
    | { readonly kind: "command"; readonly text: string }
    /** A button. `action` is its action_id (`verb:approve`), `value` its value as it came. `place` is the message it stood on. */
    | { readonly kind: "press"; readonly action: string; readonly value: string; readonly place: Place | null }
    /** A submitted modal. `values` by block_id. */
    | {
        readonly kind: "form";
        readonly form: string;
        readonly context: string;
        readonly values: Readonly<Record<string, string>>;
      }
    | { readonly kind: "home" };
};

/** Ways to answer that live only as long as the request (response_url, trigger_id). After a restart the app falls back to `Chat`. */
export interface Answers {
  privately(message: Message): Promise<void>;
  /** Opens a modal; must be called within 3 s of the delivery. Rejects with ChatError when the trigger is spent. */
  openForm(form: Form): Promise<void>;
}

/** Where surfaces bring what people do. What `accept` resolved is durable: wait for it before the acknowledgement. */
export interface Door {
  /** Never rejects. `full`: the store cannot take it; nothing was recorded, tell the person. */
  accept(delivery: Delivery): Promise<"new" | "duplicate" | "full">;
  /** Does the work of an accepted delivery; answers by itself, never rejects. */
  serve(delivery: Delivery, answers: Answers): Promise<void>;
}

// ---------------------------------------------------------------- registry, GitHub, Jira

/** An outside service failed. `reason` says which way (unreachable, auth …). */
export class OutsideError extends Error {
  readonly reason: ReasonCode;
  readonly retryAfterMs: number | null;
  constructor(facts: { reason: ReasonCode; message: string; retryAfterMs?: number; cause?: unknown }) {
    super(facts.message, { cause: facts.cause });
    this.name = "OutsideError";
    this.reason = facts.reason;
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

export interface Registry {
  /** All tags of a repository (no order promised). Rejects with OutsideError. */
  tags(repository: string): Promise<readonly string[]>;
  /** The manifest digest of a tag; of a digest itself, when it is there; else null. Rejects with OutsideError. */
  digest(repository: string, tag: string): Promise<string | null>;
  /** What the image runs on, as `linux/amd64`; null when it is not there or does not say. Rejects with OutsideError. */
  platforms(repository: string, digest: string): Promise<readonly string[] | null>;
}

/** What a registry is told to know who asks. Secret. */
export type RegistryLogin =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** To be exchanged for tokens at the registry's token service. */
  | { readonly kind: "identity"; readonly token: string };

export interface RegistryLogins {
  /** `source` says where it came from, for people; null: there is none. Read anew each time, never rejects. */
  find(host: string): Promise<{ readonly login: RegistryLogin; readonly source: string } | null>;
  /** Where logins are looked for, for people. */
  readonly place: string;
}

/** `version`: a keyed hash, the same for the same value. */
export type SecretValue = { readonly bytes: Uint8Array; readonly version: string };

/** Secrets of the server, by the providers of gantry.yml. */
export interface Secrets {
  /** Reads it anew. Rejects with OutsideError secret_missing, whose message never holds what was read. */
  read(secret: ServerSecret): Promise<SecretValue>;
}

export type Commit = {
  readonly sha: string;
  readonly title: string;
  readonly author: string;
  readonly at: number;
  readonly url: string;
};

export type Comparison = {
  /** Oldest first; at most 250. */
  readonly commits: readonly Commit[];
  readonly total: number;
  /** Commits that run now and would be gone: more than 0 means that the new one is not a descendant. */
  readonly behind: number;
  readonly url: string;
};

/** A source forge: GitHub. Every call has a deadline and rejects with OutsideError. Repositories are `owner/name`. */
export interface Forge {
  /** Branch, tag or (short) SHA to the full commit; null when there is no such ref. */
  resolve(facts: { repository: string; ref: string }): Promise<string | null>;
  compare(facts: { repository: string; base: string; head: string }): Promise<Comparison>;
  /** Creates the deployment of a rollout, or finds it when it exists already (by its payload). Returns its id. */
  openDeployment(facts: {
    repository: string;
    commit: string;
    environment: string;
    rollout: number;
    description: string;
  }): Promise<string>;
  setDeploymentState(facts: {
    repository: string;
    deployment: string;
    state: "queued" | "in_progress" | "success" | "failure" | "error" | "inactive";
    description: string;
    environment: string;
  }): Promise<void>;
}

export type Ticket = { readonly key: string; readonly summary: string; readonly status: string; readonly url: string };

/** A ticket system: Jira. Every call has a deadline and rejects with OutsideError. */
export interface Tickets {
  /** Those of the keys that exist. */
  find(keys: readonly string[]): Promise<readonly Ticket[]>;
  /** Adds a comment once: `marker` stands in its text and is looked for first. */
  comment(facts: { key: string; marker: string; text: string }): Promise<void>;
}

// ---------------------------------------------------------------- fleet

/** The server's side of the agents' connections. */
export interface Fleet {
  isConnected(host: string): boolean;
  /** What it said last was so at that time or later: it had been asked by then. When it was heard does not tell. */
  answeredSince(host: string, at: number): boolean;
  /** What is desired of this host has changed: send the whole picture. Does nothing when the host is away. */
  nudge(host: string): void;
  /** Ends the host's connection; whoever comes next must prove itself again. */
  drop(host: string): void;
  /** What its agent says that it can (core/abilities.ts); null: it is away. */
  can(host: string): readonly string[] | null;
  /** Asks its agent, and resolves when all is told. Rejects with AskError: it is away, too old, or says no. */
  ask(host: string, order: Ask): Promise<void>;
}

export type HostIdentity = {
  readonly name: string;
  readonly publicKey: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** What the fleet adapter asks of the application. All synchronous: the store answers at once. */
export interface FleetDesk {
  serverId(): string;
  epoch(): number;
  /** Spends a one-time token. The token's name and labels are binding; labels given by the agent are added to them. */
  /** The newest entry of the history, for the challenge: an agent that knows a newer one brings what it was told. */
  head(): Head;
  enrol(facts: {
    token: string;
    name: string;
    publicKey: string;
    labels: Readonly<Record<string, string>>;
  }): HostIdentity | { readonly refused: ReasonCode };
  identity(name: string): HostIdentity | { readonly refused: ReasonCode };
  /** `labels`: those that the agent was started with now. They count at enrolment only. */
  connected(facts: {
    host: string;
    agentVersion: string;
    labels: Readonly<Record<string, string>>;
    /** The server's history as the agent last heard of it, and the highest epoch it has obeyed. */
    head?: Head;
    epoch?: number;
  }): void;
  disconnected(host: string): void;
  /** null: the server is frozen and says nothing. */
  desired(host: string): DesiredPicture | null;
  observed(host: string, picture: ObservedPicture): void;
}
