/** Who is told of everything that really happens: the oracles. Called as it happens, inside the event. */
import type { Reply } from "../../../src/app/door.ts";
import type { Delivery } from "../../../src/app/ports.ts";
import type { DesiredPicture, ObservedPicture } from "../../../src/core/slot.ts";
import type { Message } from "../../../src/messages/message.ts";
import type { Posted } from "./chat.ts";
import type { Box, Happening, Machine } from "./machine.ts";
import type { Change } from "./memory-store/ledger.ts";
import type { Act } from "./slack.ts";
import type { Site } from "./world.ts";

export type Watcher = {
  onCommit(changes: readonly Change[]): void;
  onAccepted(act: Act, key: string, verdict: "new" | "duplicate" | "full"): void;
  /** `reply` null: before the work. */
  onDispatch(delivery: Delivery, reply: Reply | null): void;
  onMessage(said: { readonly key: string; readonly message: Message; readonly to: "channel" | "thread" | "person" }): void;
  /** The server has drawn a message and is about to send it. */
  onDrawn(key: string, message: Message): void;
  onCard(posted: Posted): void;
  /** The server puts a picture on the wire. */
  onSent(host: string, picture: DesiredPicture): void;
  /** A report of the agent process `instance` has arrived; the desk hears of it next. */
  onHeard(host: string, picture: ObservedPicture, instance: string): void;
  onOrder(site: Site, picture: DesiredPicture, refused: string | null): void;
  onHappening(machine: Machine, happening: Happening): void;
  /** An agent is about to change a container. */
  onTouch(site: Site, box: Box, method: string): void;
  /** An agent ended at its start, because another one works on its machine. */
  onHeldBack(site: Site): void;
  onServerStart(): void;
  /** `lost`: commits that were not on the disk. */
  onServerEnd(facts: { readonly lost: number }): void;
  /** The server's data are those of an earlier time. */
  onRestore(): void;
  /** The desk has taken in a report. */
  onTaken(host: string, picture: ObservedPicture): void;
  onFault(where: string, error: unknown): void;
};
