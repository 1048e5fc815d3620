/** What tickets hear of a rollout's end: an item of the outbox for each, so that one that refuses does not silence the others. */
import { hasEnded } from "../core/rollout-state.ts";
import { ticketComment } from "../messages/deployment.ts";
import type { Facts } from "./facts.ts";
import type { Handler } from "./outbox.ts";
import type { Clock, Tickets } from "./ports.ts";
import type { OutboxItem, Store, StoredRollout } from "./store.ts";

export type TicketParts = {
  readonly store: Store;
  readonly clock: Clock;
  /** null: not set up. */
  readonly tickets: Tickets | null;
  readonly facts: Facts;
  readonly rolloutOf: (item: OutboxItem) => StoredRollout;
};

/** `tickets` is the end of a rollout, `ticket` the word on one of them. */
export function createTicketHandlers(parts: TicketParts): { readonly tickets: Handler; readonly ticket: Handler } {
  const { store, clock, tickets, facts, rolloutOf } = parts;

  async function spread(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    if (tickets === null || !hasEnded(stored.state)) return;
    const { number: rollout } = stored;
    const at = clock.now();
    store.transact(() => {
      for (const ticket of carrierOf(store, stored)?.change?.tickets ?? []) {
        if (ticketComment(facts.rollout(stored), ticket.key) === null) continue;
        const key = `ticket:${rollout}:${ticket.key}`;
        store.outbox.add({ key, kind: "ticket", rollout, body: { ticket: ticket.key }, at, replace: true });
      }
    });
  }

  async function comment(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    const { ticket: key } = item.body as { readonly ticket: string };
    const text = ticketComment(facts.rollout(stored), key);
    if (tickets === null || text === null) return;
    await tickets.comment({ key, marker: `gantry #${stored.number}`, text });
  }

  return { tickets: spread, ticket: comment };
}

/** The rollout whose commits the tickets stand in: a rollback speaks to those of the release that it took away. */
export function carrierOf(store: Store, stored: StoredRollout): StoredRollout | null {
  if (stored.state.kind !== "rollback") return stored;
  const { service, environment, from, number } = stored.state;
  const all = store.rollouts.list({ service, environment, limit: 200 });
  return all.find((r) => r.number < number && r.state.release === from && r.state.kind !== "rollback") ?? null;
}
