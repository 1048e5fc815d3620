/**
 * How what a person does reaches the server: as an envelope that is sent again until it is acknowledged, that may come twice,
 * late, out of order, or under another name of the transport's (same meaning).
 */
import { type Answers, ChatError, type Delivery } from "../../../src/app/ports.ts";
import type { Message } from "../../../src/messages/message.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Server } from "./server.ts";

export type SlackWeather = { down: boolean; duplicates: number; losesAcks: number; slowestMs: number; losesAnswers: number };

/** One thing that a person did once, however often it is delivered. */
export type Act = {
  readonly id: number;
  readonly delivery: Delivery;
  /** The server has told Slack that it has it. */
  acked: boolean;
  readonly answers: Message[];
};

export type SimSlack = {
  readonly weather: SlackWeather;
  readonly acts: readonly Act[];
  /** Sends it; what is answered privately comes to `onAnswer`. */
  send(delivery: Omit<Delivery, "key" | "meaning">, onAnswer?: (message: Message) => void): Act;
};

/** When Slack tries again what was not acknowledged. */
const retriesMs = [4_000, 64_000, 300_000] as const;

export function createSimSlack(facts: {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly server: () => Server | null;
  readonly onAccepted: (act: Act, key: string, verdict: "new" | "duplicate" | "full") => void;
}): SimSlack {
  const { scheduler, random } = facts;
  const acts: Act[] = [];
  const weather: SlackWeather = { down: false, duplicates: 0, losesAcks: 0, slowestMs: 400, losesAnswers: 0 };

  async function arrive(act: Act, key: string, onAnswer: (message: Message) => void): Promise<void> {
    const server = facts.server();
    if (server === null || !server.life.alive || weather.down) return;
    const delivery = { ...act.delivery, key };
    const verdict = await server.door.accept(delivery);
    if (!server.life.alive) return;
    facts.onAccepted(act, key, verdict);
    if (verdict === "full") return;
    if (!random.chance(weather.losesAcks)) act.acked = true;
    if (verdict === "new") await server.door.serve(delivery, answersTo(act, server, onAnswer));
  }

  function answersTo(act: Act, server: Server, onAnswer: (message: Message) => void): Answers {
    const say = (message: Message) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const isLost = weather.down || random.chance(weather.losesAnswers);
      scheduler.after(random.between(50, weather.slowestMs), server.life, () => {
        if (isLost) {
          reject(new ChatError({ kind: "retry", reason: "chat_unreachable", message: "Slack does not answer" }));
          return;
        }
        act.answers.push(message);
        onAnswer(message);
        resolve();
      });
      return promise;
    };
    return {
      privately: say,
      openForm: () => Promise.reject(new ChatError({ kind: "never", reason: "form_expired", message: "expired" })),
    };
  }

  return {
    weather,
    acts,
    send(done, onAnswer = () => {}) {
      const id = acts.length + 1;
      const act: Act = { id, delivery: { ...done, key: `act-${id}`, meaning: `meaning-${id}` }, acked: false, answers: [] };
      acts.push(act);
      const deliver = (delayMs: number, key: string) =>
        void scheduler.after(delayMs, null, () => void arrive(act, key, onAnswer));
      deliver(random.between(20, weather.slowestMs), act.delivery.key);
      for (const [index, delayMs] of retriesMs.entries()) {
        scheduler.after(delayMs, null, () => {
          // A retry is the same act under the same name, or, after a reconnection, under another one.
          if (!act.acked) deliver(random.between(1, 300), random.chance(0.7) ? act.delivery.key : `${act.delivery.key}-${index}`);
        });
      }
      if (random.chance(weather.duplicates)) {
        const lateMs = random.chance(0.5) ? random.between(1, 3_000) : random.between(10_000, 400_000);
        deliver(lateMs, random.chance(0.5) ? act.delivery.key : `${act.delivery.key}-twin`);
      }
      return act;
    },
  };
}
