/** The agent's end of the wire: dials for ever, as src/fleet/link.ts does. */
import type { Clock } from "../../../src/app/ports.ts";
import type { DesiredPicture, ObservedPicture } from "../../../src/core/slot.ts";
import type { FromServer, Introduction, ServerSays } from "./hub.ts";
import type { End, Wire } from "./network.ts";
import type { Random } from "./random.ts";

export type SimLink = { changed(): void; isConnected(): boolean; wire(): Wire | null };

const firstMs = 500;
const capMs = 30_000;
const settledMs = 250;

export function createSimLink(facts: {
  readonly clock: Clock;
  readonly random: Random;
  /** Begins a connection; null when nobody answers. */
  readonly dial: (end: End) => Wire | null;
  readonly introduction: () => Introduction;
  readonly observed: () => ObservedPicture;
  readonly onDesired: (picture: DesiredPicture) => void;
  readonly onWelcome: (serverId: string) => void;
  readonly onServer: (says: ServerSays) => void;
}): SimLink {
  const { clock, random } = facts;
  let wire: Wire | null = null;
  let isIn = false;
  let enteredAt = 0;
  let failures = 0;
  let queued = false;
  let asked = 0;

  function dial(): void {
    const mine = facts.dial({ onMessage: (message) => hear(message as FromServer), onClose: () => lost() });
    wire = mine;
    asked = 0;
    if (mine === null) lost();
    else mine.send("agent", { type: "introduction", introduction: facts.introduction() });
  }

  function lost(): void {
    if (isIn && clock.mono() - enteredAt >= settledMs) failures = 0;
    isIn = false;
    wire = null;
    const bound = Math.min(capMs, firstMs * 2 ** Math.min(failures, 20));
    failures += 1;
    clock.wakeAt(clock.now() + random.next() * bound, dial);
  }

  function hear(message: FromServer): void {
    switch (message.type) {
      case "welcome":
        isIn = true;
        enteredAt = clock.mono();
        facts.onWelcome(message.serverId);
        facts.onServer(message);
        wire?.send("agent", { type: "observed", picture: facts.observed(), answers: asked });
        return;
      case "refused":
        return;
      case "desired":
        asked = message.asked;
        facts.onDesired(message.picture);
        changed();
    }
  }

  function changed(): void {
    if (queued) return;
    queued = true;
    clock.soon(() => {
      queued = false;
      if (isIn) wire?.send("agent", { type: "observed", picture: facts.observed(), answers: asked });
    });
  }

  dial();
  return { changed, isConnected: () => isIn, wire: () => wire };
}
