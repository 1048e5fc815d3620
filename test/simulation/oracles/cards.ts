/** What people see: I20 (the last card shows how it ended) and I22 (Slack would take every message). */
import type { Message } from "../../../src/messages/message.ts";
import { checkBlocks } from "../../../src/rehearsal/slack/block-rules.ts";
import type { Block } from "../../../src/rehearsal/slack/types.ts";
import type { Ground } from "./ground.ts";

export type Cards = {
  /** The server has drawn a card and is about to send it. */
  onDrawn(key: string, message: Message): void;
  onMessage(message: Message): void;
  finish(): void;
};

/** Checking a message costs more than making one. */
const checkEvery = 23;

export function watchCards({ world, fail, reached }: Ground): Cards {
  const versions = new Map<Message, number>();
  let messages = 0;

  function check(message: Message): void {
    const findings = checkBlocks(message.blocks as unknown as readonly Block[], "message");
    if (findings.length > 0) fail("I22", `Slack would refuse a message: ${findings.join("; ")}`);
    if (message.text.length > 40_000) fail("I22", `a text of ${message.text.length} characters`);
  }

  return {
    onDrawn(key, message) {
      const number = Number(/^rollout-(\d+)$/.exec(key)?.[1] ?? 0);
      const stored = world.disk.store.rollouts.find(number);
      if (stored !== null) versions.set(message, stored.version);
    },
    onMessage(message) {
      reached("messages");
      messages += 1;
      if (messages % checkEvery === 1) check(message);
    },
    finish() {
      for (const { number, version, cardTs, state } of world.disk.store.rollouts.list({
        service: null,
        environment: null,
        limit: 1_000,
      })) {
        // An adoption is a record, not something that is under way; and what is still to be drawn is not wrong yet.
        if (state.kind === "adopt" || world.disk.store.outbox.isOpen(`card:${number}`)) continue;
        const card = world.chat.posted.find((p) => p.place.ts === cardTs && p.key === `rollout-${number}`);
        if (card === undefined) {
          fail("I20", `#${number} has no card`);
          continue;
        }
        check(card.message);
        const shown = versions.get(card.message);
        if (shown !== version) fail("I20", `the card of #${number} shows version ${shown} of ${version}`);
      }
    },
  };
}
