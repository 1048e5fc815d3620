/**
 * Where every surface brings what people do. A delivery is in the inbox before it is acknowledged, is worked on once,
 * and what comes of it is there before the person is told. Whatever is still open after a crash is taken up at the next start:
 * what was not settled is done, what was is only told.
 */

import { refuse } from "../core/reasons.ts";
import type { Phase } from "../core/rollout-state.ts";
import { note } from "../messages/blocks.ts";
import type { Form, HomeView, Message } from "../messages/message.ts";
import { refusalMessage } from "../messages/refusal.ts";
import { tooLate } from "../messages/too-late.ts";
import { LeaseEnded, withinLease } from "./lease.ts";
import type { Answers, Chat, Clock, Delivery, Door, Log } from "./ports.ts";
import { ChatError } from "./ports.ts";
import type { InboxItem, Store } from "./store.ts";
import { createWriteDesk } from "./write-desk.ts";

export type Reply =
  /** Only for the one who asked. */
  | { readonly kind: "private"; readonly message: Message /** Set when it says no. */; readonly refused?: true }
  /** Opens a modal; `otherwise` where there are none. */
  | { readonly kind: "form"; readonly form: Form; readonly otherwise: Message }
  /** The rollout's own card says it all. The rest is for surfaces without cards (CLI). */
  | {
      readonly kind: "card";
      readonly rollout: number;
      readonly message: Message;
      /** The ends in which what was asked for has come true. */
      readonly aims: readonly Phase[];
    };

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
  /** Its answer must reach the person, however long that takes: it may have changed something, or was meant to. */
  readonly changesState: (delivery: Delivery) => boolean;
  /** Something was put into the outbox. */
  readonly outboxChanged: () => void;
  readonly failpoint?: (name: string) => void;
};

export type AppDoor = Door & {
  /** For a surface that answers by itself (CLI): accepts, acts, and returns the reply. `null`: a duplicate, or the server ends and the next one does it. */
  ask(delivery: Delivery): Promise<Reply | null>;
  /** Serves what an earlier process accepted and did not finish. What is too old is not done; the person is told to type it again. */
  recover(): Promise<void>;
  /** Writes down which commands are done; from then on nothing is. Call it before the store is closed. */
  close(): void;
};

/** Who waited longer than this for a deploy or a rollback has done something else about it meanwhile. */
const staleAfterMs = 10 * 60_000;
/** So often a command is taken up after a start, before it is held to be what ends the process. */
const mostAttempts = 2;
/** Whoever is asked for a command (Slack, the registry) gives up long before. */
const leaseMs = 2 * 60_000;

export function createDoor(parts: DoorParts): AppDoor {
  const { store, clock, log, chat } = parts;
  const failpoint = parts.failpoint ?? (() => {});
  const turn = createTurns(clock);

  /** Deliveries and outcomes that came in the same turn of the event loop share a commit: a full disk flush each would queue up. */
  const desk = createWriteDesk({ store, clock, log, outboxChanged: parts.outboxChanged });

  /** Read before anything new is accepted: what this process serves is not among it. */
  let leftOver = store.inbox.open();

  async function accept(delivery: Delivery): Promise<"new" | "duplicate" | "full"> {
    failpoint("inbox.before_insert");
    const verdict = await desk.add(delivery);
    failpoint("inbox.after_insert");
    return verdict;
  }

  async function act(delivery: Delivery): Promise<Reply> {
    try {
      return await withinLease(clock, leaseMs, parts.dispatch(delivery));
    } catch (error) {
      if (error instanceof LeaseEnded) {
        log.error({ err: error, act: delivery.act.kind }, "a command does not come to an end");
        return noEnd;
      }
      if (isUnwritable(error)) {
        log.error({ err: error, act: delivery.act.kind }, "a command could not be recorded");
        return outcomeNotRecorded;
      }
      const id = parts.newId();
      log.error({ err: error, id, act: delivery.act.kind }, "a command failed inside Gantry");
      return { kind: "private", message: parts.faultMessage(id), refused: true };
    }
  }

  async function serve(delivery: Delivery, answers: Answers): Promise<void> {
    await turn();
    const item = store.inbox.byKey(delivery.key);
    if (item === null) return;
    failpoint("inbox.after_ack");
    if (delivery.act.kind === "home") return publishHome(delivery, item);
    const reply = await settled(item, await act(delivery));
    if (reply === null) return;
    failpoint("inbox.before_answer");
    try {
      await answer(delivery, reply, answers);
      failpoint("inbox.after_answer");
      desk.finish({ id: item.id, outcome: "answered" });
    } catch (error) {
      log.warn({ err: error, actor: delivery.actor.id }, "an answer could not be given");
      if (parts.changesState(delivery)) tellLater(item, laterMessage(reply));
      else desk.finish({ id: item.id, outcome: "answer lost" });
    }
  }

  /**
   * What may be told now; null: nothing any more. A no that is on no disk is not told: the next life might say yes. What only
   * looks is done again instead: it changes nothing, and what it says is of that moment.
   */
  async function settled({ id, delivery }: InboxItem, reply: Reply): Promise<Reply | null> {
    if (!parts.changesState(delivery)) return reply;
    const how = await desk.settle(id, { message: laterMessage(reply) });
    if (how === "closed") return null;
    const isNo = reply.kind === "private" && reply.refused === true;
    return how === "unwritten" && isNo ? outcomeNotRecorded : reply;
  }

  async function publishHome(delivery: Delivery, item: InboxItem): Promise<void> {
    try {
      await chat.publishHome({ user: delivery.actor.id, view: parts.home(delivery) });
      desk.finish({ id: item.id, outcome: "answered" });
    } catch (error) {
      log.warn({ err: error, actor: delivery.actor.id }, "a Home tab could not be drawn");
      desk.finish({ id: item.id, outcome: "answer lost" });
    }
  }

  /** By direct message, from the outbox: it is tried until Slack takes it. */
  function tellLater({ delivery, id }: InboxItem, message: Message | null, outcome = "answered later"): void {
    const { actor, key } = delivery;
    if (message !== null && actor.kind === "slack") desk.finish({ id, outcome, answer: { key, user: actor.id, message } });
    else desk.finish({ id, outcome: outcome === "answered later" ? "answered" : outcome });
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

  /** Which time this is. A store that cannot be written now counts nothing, and what is done says so by itself. */
  function claim({ id, attempt }: InboxItem): number {
    try {
      return store.inbox.claim(id) + 1;
    } catch (error) {
      log.warn({ err: error, id }, "an attempt could not be counted");
      return attempt + 1;
    }
  }

  /** It has ended the process each time that it was taken up. */
  function giveUp(item: InboxItem): void {
    log.error({ id: item.id, act: item.delivery.act.kind }, "a command was given up");
    const text = `What you asked for was begun ${mostAttempts + 1} times, and Gantry ended each time; it is not begun again.`;
    tellLater(item, refusalMessage(refuse("internal", text)), "given up");
  }

  /** The live ways to answer are gone with the process that had them. */
  async function takeUp(item: InboxItem): Promise<void> {
    const { delivery, receivedAt } = item;
    await turn();
    if (delivery.act.kind === "home") return publishHome(delivery, item);
    if (item.answer !== null) return tellLater(item, item.answer.message);
    const ageMs = clock.now() - receivedAt;
    const attempt = claim(item);
    log.info({ key: delivery.key, act: delivery.act.kind, ageMs, attempt }, "taking up a command after a start");
    if (attempt > mostAttempts) return giveUp(item);
    if (ageMs <= staleAfterMs) return tellLater(item, laterMessage(await act(delivery)));
    tellLater(item, tooLate({ act: delivery.act, receivedAt, now: clock.now() }));
  }

  return {
    accept,
    serve,
    async ask(delivery) {
      const accepted = await accept(delivery);
      if (accepted === "duplicate") return null;
      if (accepted === "full") return notRecorded;
      const item = store.inbox.byKey(delivery.key);
      if (item === null) return act(delivery);
      const reply = await settled(item, await act(delivery));
      if (reply !== null) desk.finish({ id: item.id, outcome: "answered" });
      return reply;
    },
    async recover() {
      const items = leftOver;
      leftOver = [];
      for (const item of items) await takeUp(item);
    },
    close: () => desk.close(),
  };
}

/** What is said when it is not said at once; null: the rollout's card tells. */
function laterMessage(reply: Reply): Message | null {
  switch (reply.kind) {
    case "card":
      return null;
    case "private":
      return reply.message;
    case "form":
      return reply.otherwise;
  }
}

const notRecorded: Reply = {
  kind: "private",
  message: refusalMessage(refuse("store_unwritable", "Gantry could not record this, so nothing will happen.")),
  refused: true,
};

/** It stands in the inbox, and is taken up after a restart unless that comes too late. */
const outcomeNotRecorded: Reply = {
  kind: "private",
  message: refusalMessage(
    refuse(
      "store_unwritable",
      "Gantry could not record what comes of this, so nothing has happened; if it is restarted within 10 min, it tries again.",
      "Free disk space, then look at `/gantry status` before you ask again.",
    ),
  ),
  refused: true,
};

const noEnd: Reply = {
  kind: "private",
  message: refusalMessage(
    refuse(
      "internal",
      "What you asked for has not come to an end within 2 min; it may still.",
      "Look at `/gantry status` before you ask again.",
    ),
  ),
  refused: true,
};

/** What SQLite says when the disk is full or broken: nobody's fault in Gantry. */
function isUnwritable(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" && /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/.test(code);
}

/** Work begins one piece per turn of the event loop, so that what arrives meanwhile is recorded and acknowledged in between. */
function createTurns(clock: Clock): () => Promise<void> {
  const waiting: (() => void)[] = [];
  function next(): void {
    waiting.shift()?.();
    if (waiting.length > 0) clock.soon(next);
  }
  return () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    if (waiting.length === 1) clock.soon(next);
    return promise;
  };
}
