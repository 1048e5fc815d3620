/** Slack as the server speaks to it: messages with their buttons, slow, sometimes refusing, sometimes losing its answer. */
import { type Chat, ChatError, type Place } from "../../../src/app/ports.ts";
import type { HomeView, Message } from "../../../src/messages/message.ts";
import type { Random } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export type Posted = {
  readonly place: Place;
  readonly threadTs: string | null;
  readonly key: string;
  message: Message;
  editions: number;
  gone: boolean;
};

export type ChatWeather = { down: boolean; losesAnswers: number; rateLimits: number; gone: number; slowestMs: number };

export type SimChat = {
  readonly weather: ChatWeather;
  readonly posted: readonly Posted[];
  ofServer(life: Life): Chat;
};

export function createSimChat(facts: {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly onMessage: (said: {
    readonly key: string;
    readonly message: Message;
    readonly to: "channel" | "thread" | "person";
  }) => void;
  readonly onDrawn: (key: string, message: Message) => void;
  readonly onCard: (posted: Posted) => void;
}): SimChat {
  const { scheduler, random } = facts;
  const posted: Posted[] = [];
  const weather: ChatWeather = { down: false, losesAnswers: 0, rateLimits: 0, gone: 0, slowestMs: 16_000 };
  let stamps = 0;

  /** Slack does what it was asked when the call arrives; the answer may be lost on its way back. */
  function call<T>(life: Life, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const ms = random.between(weather.slowestMs >> 2, weather.slowestMs);
    if (weather.down) {
      const down = new ChatError({ kind: "retry", reason: "chat_unreachable", message: "Slack does not answer" });
      scheduler.after(ms, life, () => reject(down));
      return promise;
    }
    if (random.chance(weather.rateLimits)) {
      const slow = new ChatError({
        kind: "retry",
        reason: "chat_unreachable",
        message: "ratelimited",
        retryAfterMs: random.between(1_000, 30_000),
      });
      scheduler.after(ms, life, () => reject(slow));
      return promise;
    }
    const isLost = random.chance(weather.losesAnswers);
    scheduler.relay(scheduler.now() + Math.ceil(ms / 2), () => {
      try {
        const result = work();
        scheduler.after(Math.ceil(ms / 2), life, () => (isLost ? reject(answerLost()) : resolve(result)));
      } catch (error) {
        scheduler.after(Math.ceil(ms / 2), life, () => reject(error));
      }
    });
    return promise;
  }

  function find(place: Place): Posted {
    const found = posted.find((p) => p.place.ts === place.ts);
    if (found === undefined || found.gone)
      throw new ChatError({ kind: "gone", reason: "chat_gone", message: "message_not_found" });
    return found;
  }

  function ofServer(life: Life): Chat {
    const keys = new Map<string, Place>();
    return {
      async post({ channel, threadTs, message, key }) {
        facts.onDrawn(key, message);
        const before = keys.get(key);
        if (before !== undefined) return before;
        const place = await call(life, () => {
          stamps += 1;
          const made: Posted = {
            place: { channel, ts: `t${stamps}` },
            threadTs: threadTs ?? null,
            key,
            message,
            editions: 1,
            gone: false,
          };
          facts.onMessage({ key, message, to: threadTs === undefined ? "channel" : "thread" });
          if (threadTs === undefined) {
            posted.push(made);
            facts.onCard(made);
          }
          return made.place;
        });
        keys.set(key, place);
        return place;
      },
      async update({ place, message }) {
        facts.onDrawn(posted.find((p) => p.place.ts === place.ts)?.key ?? "", message);
        const work = call(life, () => {
          const found = find(place);
          if (random.chance(weather.gone)) {
            found.gone = true;
            find(place);
          }
          found.message = message;
          found.editions += 1;
          facts.onMessage({ key: found.key, message, to: "channel" });
          facts.onCard(found);
        });
        // As in src/slack/chat.ts: who deleted the message must not keep the next one with its key from being posted.
        await work.catch((error: unknown) => {
          if (error instanceof ChatError && error.kind === "gone")
            for (const [key, at] of keys) if (at.ts === place.ts) keys.delete(key);
          throw error;
        });
      },
      whisper: ({ message }) => call(life, () => facts.onMessage({ key: "", message, to: "person" })),
      tell: ({ message, key }) => call(life, () => facts.onMessage({ key, message, to: "person" })),
      publishHome: (_: { user: string; view: HomeView }) => call(life, () => undefined),
      groupMembers: () => call(life, () => []),
      state: () => ({ connected: !weather.down, since: 0, reason: weather.down ? "chat_unreachable" : null }),
    };
  }

  return { weather, posted, ofServer };
}

function answerLost(): ChatError {
  return new ChatError({ kind: "retry", reason: "chat_unreachable", message: "the answer was lost" });
}

export type Button = { readonly verb: string; readonly action: string; readonly value: string };

/** The buttons of a message, as a person could press them. */
export function buttonsOf(message: Message): Button[] {
  const buttons: Button[] = [];
  for (const block of message.blocks) {
    if (block.type !== "actions") continue;
    for (const element of block.elements) {
      if (element.type !== "button" || element.action_id === undefined) continue;
      buttons.push({ verb: element.action_id.replace(/^verb:/, ""), action: element.action_id, value: element.value ?? "" });
    }
  }
  return buttons;
}
