/** Where the metrics come from. Each is read when Prometheus asks. */
import type { App } from "../app/create-gantry.ts";
import type { Chat, Clock } from "../app/ports.ts";
import { isPaused } from "../core/rollout-state.ts";
import type { MetricSources } from "../http/metrics.ts";
import type { OpenedStore } from "../sqlite/open.ts";

/** More are not counted: one is a reason to look. */
const mostDead = 1_000;

export function sourcesOf(facts: { store: OpenedStore; app: App; chat: Chat; clock: Clock }): MetricSources {
  const { store, app, chat, clock } = facts;
  const queue = ({ open, oldestAt }: { open: number; oldestAt: number | null }) => {
    return { depth: open, oldestAgeMs: oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) };
  };
  return {
    inbox: () => ({ ...queue(store.inbox.depth()), dead: store.inbox.dead(mostDead).length }),
    outbox: () => {
      const depth = store.outbox.depth();
      return { ...queue(depth), dead: depth.dead };
    },
    rollouts: () => store.rollouts.countByPhase(),
    ended: () => store.rollouts.countEnded(),
    inLine: () =>
      store.rollouts.lines().reduce((sum, key) => sum + store.rollouts.inLine(key.service, key.environment).length, 0),
    paused: () => store.rollouts.allActive().filter(({ state }) => isPaused(state)).length,
    hosts: () => {
      const hosts = app.facts.hosts().filter((h) => !h.revoked);
      const connected = hosts.filter((h) => h.connected).length;
      return { connected, away: hosts.length - connected };
    },
    frozen: () => app.fence.isFrozen(),
    historyHead: () => store.history.head().seq,
    epoch: () => store.epoch,
    chatConnected: () => chat.state().connected,
    usage: () => app.usage.all(),
  };
}
