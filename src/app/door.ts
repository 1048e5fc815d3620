/**
 * Where every surface brings what people do. A delivery is in the inbox before it is acknowledged, is worked on once,
 * and whatever is still open after a crash is taken up at the next start.
 */

import { note } from "../messages/blocks.ts";
import type { Form, HomeView, Message } from "../messages/message.ts";
import type { Answers, Chat, Clock, Delivery, Door, Log } from "./ports.ts";
import { ChatError } from "./ports.ts";
import type { Store } from "./store.ts";

export type Reply =
  /** Only for the one who asked. */
  | { readonly kind: "private"; readonly message: Message }
  /** Opens a modal; `otherwise` where there are none. */
  | { readonly kind: "form"; readonly form: Form; readonly otherwise: Message }
  /** The rollout's own card says it all. `message` is for surfaces without cards (CLI). */
  | { readonly kind: "card"; readonly rollout: number; readonly message: Message };

export type DoorParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly chat: Chat;
  /** Understands the delivery and does what it asks. */
  readonly dispatch: (delivery: Delivery) => Promise<Reply>;
  readonly home: (delivery: Delivery) => HomeView;
  readonly faultMessage: (id: string) => Message;
  readonly newId: () => string;
  readonly failpoint?: (name: string) => void;
};

export type AppDoor = Door & {
  /** For a surface that answers by itself (CLI): accepts, acts, and returns the reply. `null`: a duplicate. */
  ask(delivery: Delivery): Promise<Reply | null>;
  /** Serves what an earlier process accepted and did not finish. */
  recover(): Promise<void>;
};

export function createDoor(parts: DoorParts): AppDoor {
  const { store, log, chat } = parts;
  const failpoint = parts.failpoint ?? (() => {});
  const turn = createTurns();

  /** Deliveries and outcomes that came in the same turn of the event loop share a commit: a full disk flush each would queue up. */
  const desk = createWriteDesk(parts);

  async function accept(delivery: Delivery): Promise<"new" | "duplicate" | "full"> {
    failpoint("inbox.before_insert");
    const verdict = await desk.add(delivery);
    failpoint("inbox.after_insert");
    return verdict;
  }

  async function act(delivery: Delivery): Promise<Reply> {
    try {
      return await parts.dispatch(delivery);
    } catch (error) {
      const id = parts.newId();
      log.error({ err: error, id, act: delivery.act.kind }, "a command failed inside Gantry");
      return { kind: "private", message: parts.faultMessage(id) };
    }
  }

  async function serve(delivery: Delivery, answers: Answers): Promise<void> {
    await turn();
    const item = store.inbox.byKey(delivery.key);
    if (item === null) return;
    failpoint("inbox.after_ack");
    try {
      if (delivery.act.kind === "home") await chat.publishHome({ user: delivery.actor.id, view: parts.home(delivery) });
      else await answer(delivery, await act(delivery), answers);
      desk.finish(item.id, "answered");
    } catch (error) {
      log.warn({ err: error, actor: delivery.actor.id }, "an answer could not be given");
      desk.finish(item.id, "answer lost");
    }
  }

  async function answer(delivery: Delivery, reply: Reply, answers: Answers): Promise<void> {
    switch (reply.kind) {
      case "card":
        // A private preview is used up; what stands in a channel is drawn anew by itself.
        if (delivery.act.kind !== "press" || delivery.act.place !== null) return;
        return answers.privately(note(`Under way as #${reply.rollout}; its card tells how it goes.`));
      case "private":
        return answers.privately(reply.message);
      case "form":
        try {
          return await answers.openForm(reply.form);
        } catch (error) {
          if (!(error instanceof ChatError)) throw error;
          log.warn({ err: error, actor: delivery.actor.id }, "a form could not be opened");
          return answers.privately(reply.otherwise);
        }
    }
  }

  /** The live ways to answer are gone with the process that had them; a whisper in the channel remains. */
  function laterAnswers(delivery: Delivery): Answers {
    const privately = async (message: Message): Promise<void> => {
      const { actor, channel, key } = delivery;
      if (actor.kind !== "slack") return;
      if (channel === null) await chat.tell({ user: actor.id, message, key: `answer-${key}` });
      else await chat.whisper({ channel, user: actor.id, message });
    };
    const openForm = async (): Promise<void> => {
      throw new ChatError({ kind: "never", reason: "stale_click", message: "the moment to open a form has passed" });
    };
    return { privately, openForm };
  }

  return {
    accept,
    serve,
    async ask(delivery) {
      const accepted = await accept(delivery);
      if (accepted === "duplicate") return null;
      const item = store.inbox.byKey(delivery.key);
      const reply = await act(delivery);
      if (item !== null) desk.finish(item.id, "answered");
      return reply;
    },
    async recover() {
      for (const { delivery } of store.inbox.open()) {
        log.info({ key: delivery.key, act: delivery.act.kind }, "taking up a command after a start");
        await serve(delivery, laterAnswers(delivery));
      }
    },
  };
}

/** Work begins one piece per turn of the event loop, so that what arrives meanwhile is recorded and acknowledged in between. */
function createTurns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  function next(): void {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(next);
  }
  return () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(next);
    return promise;
  };
}

type Arrival = { readonly delivery: Delivery; readonly resolve: (verdict: "new" | "duplicate" | "full") => void };

/**
 * Collects what a turn brings and writes it in one transaction. An outcome that is lost with the process only means that
 * its command is looked at again after the start, which every command bears.
 */
function createWriteDesk(parts: Pick<DoorParts, "store" | "clock" | "log">) {
  const { store, clock, log } = parts;
  let arrivals: Arrival[] = [];
  let outcomes: { readonly id: number; readonly outcome: string }[] = [];
  let due = false;

  function soon(): void {
    if (due) return;
    due = true;
    setImmediate(write);
  }

  function write(): void {
    due = false;
    const [added, ended] = [arrivals, outcomes];
    arrivals = [];
    outcomes = [];
    const now = clock.now();
    try {
      const fresh = store.transact(() => {
        for (const { id, outcome } of ended) store.inbox.finish(id, outcome, now);
        return added.map(({ delivery }) => store.inbox.add(delivery, now));
      });
      for (const [index, { resolve }] of added.entries()) resolve(fresh[index] === true ? "new" : "duplicate");
    } catch (error) {
      log.error({ err: error, deliveries: added.length, outcomes: ended.length }, "the inbox could not be written");
      for (const { resolve } of added) resolve("full");
    }
  }

  return {
    add(delivery: Delivery): Promise<"new" | "duplicate" | "full"> {
      const { promise, resolve } = Promise.withResolvers<"new" | "duplicate" | "full">();
      arrivals.push({ delivery, resolve });
      soon();
      return promise;
    },
    finish(id: number, outcome: string): void {
      outcomes.push({ id, outcome });
      soon();
    },
  };
}
