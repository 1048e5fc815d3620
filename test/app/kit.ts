/** The application on a real store, with a clock that stands still and fakes for everything outside that a test may break. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type App, createApp } from "../../src/app/create-gantry.ts";
import type { Chat, Clock, Forge, Log, Place, Tickets } from "../../src/app/ports.ts";
import type { GantryConfig } from "../../src/config/valid.ts";
import type { Message } from "../../src/messages/message.ts";
import { ManualClock } from "../../src/rehearsal/slack/clock.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { valid } from "../config/files.ts";
import { noon } from "../kit/rollouts.ts";

export type OpenStore = ReturnType<typeof openStore>;

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function aClock(): { readonly clock: Clock; passes(ms: number): Promise<void> } {
  const hand = new ManualClock(noon);
  const wakeAt = (at: number, wake: () => void) => hand.after(Math.max(0, at - hand.now()), wake);
  return {
    clock: { now: () => hand.now(), mono: () => hand.now(), wakeAt, soon: setImmediate },
    async passes(ms) {
      await settled();
      await hand.advance(ms);
      await settled();
    },
  };
}

/** A store in a folder of its own; removed with the test file. */
export function aStore(): OpenStore {
  const folder = mkdtempSync(join(tmpdir(), "gantry-app-"));
  const store = openStore({ folder, migrations: migrationsFolder });
  after(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return store;
}

/** How many rows were ever written: every one of them waits for the disk. */
export function writesOf(store: OpenStore): number {
  return Number(store.db.prepare("select total_changes()").pluck().get());
}

/** Lets everything that is ready run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export type FakeChat = Chat & {
  /** What each person was told directly. */
  readonly told: { readonly user: string; readonly message: Message; readonly key: string }[];
  /** Everything that was posted. */
  readonly posted: { readonly channel: string; readonly message: Message; readonly key: string }[];
  /** Whatever is said throws this. */
  fault: Error | null;
};

/** Slack with a memory and one fault. */
export function fakeChat(): FakeChat {
  const chat: FakeChat = {
    told: [],
    posted: [],
    fault: null,
    async post({ channel, message, key }): Promise<Place> {
      if (chat.fault !== null) throw chat.fault;
      chat.posted.push({ channel, message, key });
      return { channel, ts: String(chat.posted.length) };
    },
    async update() {
      if (chat.fault !== null) throw chat.fault;
    },
    async whisper() {
      if (chat.fault !== null) throw chat.fault;
    },
    async tell(facts) {
      if (chat.fault !== null) throw chat.fault;
      chat.told.push(facts);
    },
    async publishHome() {},
    groupMembers: async () => [],
    state: () => ({ connected: chat.fault === null, since: 0, reason: chat.fault === null ? null : "chat_unreachable" }),
  };
  return chat;
}

/** An application on the store, without hosts. */
export function anApp(facts: {
  readonly store: OpenStore;
  readonly clock: Clock;
  readonly chat?: Chat;
  readonly config?: GantryConfig;
  readonly forge?: Forge;
  readonly tickets?: Tickets;
}): App {
  const { store, clock, chat = fakeChat(), config = valid({}), forge = null, tickets = null } = facts;
  const registry = { tags: async () => [], digest: async () => null, platforms: async () => null };
  const fleet = () => ({
    isConnected: () => false,
    answeredSince: () => false,
    nudge() {},
    drop() {},
    can: () => null,
    ask: async () => {},
  });
  return createApp({ store, config, clock, log: silent, chat, registry, forge, tickets, fleet });
}
