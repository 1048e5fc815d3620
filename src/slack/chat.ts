/**
 * The Chat port. A post whose answer was lost is made again: two cards are harmless, since every button names its rollout, and
 * finding the first one would take a scope to read the channel's history. Within this process the same `key` never posts twice.
 */
import { type Chat, ChatError, type Clock, type Place } from "../app/ports.ts";
import type { Message } from "../messages/message.ts";
import type { Whisper } from "./answers.ts";
import type { Call } from "./api.ts";
import { createBudget, type Outbound } from "./outbound.ts";
import { text } from "./payload.ts";
import type { Timing } from "./timing.ts";

export type ChatParts = { readonly chat: Chat; readonly whisper: Whisper };

const membersFreshMs = 60_000;
const mostRememberedPosts = 1_000;
const metadataType = "gantry_message";

export function createChat(options: {
  readonly call: Call;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly state: Chat["state"];
}): ChatParts {
  const { call, outbound, clock, timing } = options;
  const editBudget = createBudget({ capacity: timing.editBurst, perMinute: timing.editsPerMinute });
  const posts = createPosts();
  const members = createMembers({ call, clock });

  function post(facts: Parameters<Chat["post"]>[0]): Promise<Place> {
    return posts.once(facts.key, () => {
      return outbound.submit({
        lane: `post:${facts.channel}`,
        pauseKey: `chat.postMessage:${facts.channel}`,
        gapMs: timing.postGapMs,
        // A card goes before the log lines of others' threads.
        urgent: facts.threadTs === undefined,
        run: async () => placeOf(await call("chat.postMessage", postArgs(facts))),
      });
    });
  }

  async function edit({ place, message }: Parameters<Chat["update"]>[0]): Promise<void> {
    const { channel, ts } = place;
    try {
      // Blocks even if there are none: the card is replaced whole.
      await call("chat.update", { channel, ts, text: message.text, blocks: message.blocks, link_names: false });
    } catch (error) {
      // Who deleted the message must not keep the next one with its key from being posted.
      if (error instanceof ChatError && error.kind === "gone") posts.forget(place);
      throw error;
    }
  }

  async function whisperInThread(facts: Parameters<Whisper>[0]): Promise<void> {
    const { channel, threadTs, user, message } = facts;
    if (channel === null) return tell(facts);
    const thread = threadTs === null ? {} : { thread_ts: threadTs };
    const args = { channel, user, ...thread, ...contentArgs(message) };
    await outbound.submit({
      lane: `whisper:${channel}:${user}`,
      pauseKey: `chat.postEphemeral:${channel}`,
      gapMs: 0,
      run: () => call("chat.postEphemeral", args),
    });
  }

  async function tell(facts: { readonly user: string; readonly message: Message; readonly key: string }): Promise<void> {
    // chat.postMessage opens the direct message by itself when the channel is a user id: no im:write needed.
    await post({ channel: facts.user, message: facts.message, key: facts.key });
  }

  const chat: Chat = {
    post,
    update: (facts) => {
      const { channel, ts } = facts.place;
      const lane = { lane: `edit:${channel}:${ts}`, pauseKey: `chat.update:${channel}`, gapMs: timing.editGapMs };
      return outbound.submit({ ...lane, newest: true, budget: editBudget, run: () => edit(facts) });
    },
    whisper: (facts) => whisperInThread({ ...facts, threadTs: null, key: "" }),
    tell,
    publishHome: ({ user, view }) => {
      return outbound.submit({
        lane: `home:${user}`,
        pauseKey: `views.publish:${user}`,
        gapMs: timing.editGapMs,
        newest: true,
        run: async () => {
          await call("views.publish", { user_id: user, view: { type: "home", blocks: view.blocks } });
        },
      });
    },
    groupMembers: members,
    state: options.state,
  };
  return { chat, whisper: whisperInThread };
}

/** Posts by key, those under way and the latest that succeeded: a caller that could not note its success asks again. */
function createPosts() {
  const known = new Map<string, { readonly result: Promise<Place>; place: Place | null }>();
  return {
    once(key: string, make: () => Promise<Place>): Promise<Place> {
      const earlier = known.get(key);
      if (earlier !== undefined) return earlier.result;
      const entry: { readonly result: Promise<Place>; place: Place | null } = { result: make(), place: null };
      known.set(key, entry);
      if (known.size > mostRememberedPosts) known.delete(known.keys().next().value ?? key);
      entry.result.then(
        (place) => {
          entry.place = place;
        },
        () => known.delete(key),
      );
      return entry.result;
    },
    forget({ channel, ts }: Place): void {
      for (const [key, { place }] of known) if (place?.channel === channel && place.ts === ts) known.delete(key);
    },
  };
}

function contentArgs(message: Message): Record<string, unknown> {
  const blocks = message.blocks.length > 0 ? { blocks: message.blocks } : {};
  return { text: message.text, ...blocks, link_names: false };
}

function postArgs(facts: Parameters<Chat["post"]>[0]): Record<string, unknown> {
  const thread = facts.threadTs === undefined ? {} : { thread_ts: facts.threadTs, reply_broadcast: facts.broadcast === true };
  return {
    channel: facts.channel,
    ...thread,
    ...contentArgs(facts.message),
    unfurl_links: false,
    unfurl_media: false,
    metadata: { event_type: metadataType, event_payload: { key: facts.key } },
  };
}

function placeOf(answer: Record<string, unknown>): Place {
  const channel = text(answer, "channel");
  const ts = text(answer, "ts");
  if (channel !== null && ts !== null) return { channel, ts };
  throw new ChatError({ kind: "retry", reason: "chat_unreachable", message: "Slack, chat.postMessage: an answer without a ts" });
}

function createMembers(options: { readonly call: Call; readonly clock: Clock }): Chat["groupMembers"] {
  const { call, clock } = options;
  const kept = new Map<string, { readonly users: readonly string[]; readonly at: number }>();
  return async (group, { fresh = false } = {}) => {
    const known = kept.get(group);
    if (!fresh && known !== undefined && clock.now() - known.at < membersFreshMs) return known.users;
    const answer = await call("usergroups.users.list", { usergroup: group });
    const users = (Array.isArray(answer["users"]) ? answer["users"] : []).filter((user) => typeof user === "string");
    kept.set(group, { users, at: clock.now() });
    return users;
  };
}
