/** What the agents ask and report: enrolment, the desired picture, the observed one. */
import type { GantryConfig } from "../config/valid.ts";
import { imagesOf } from "../core/pins.ts";
import type { ObservedPicture, ObservedSlot } from "../core/slot.ts";
import { mayTellSlot } from "./abilities.ts";
import type { Conductor } from "./conductor.ts";
import type { Convergence } from "./convergence.ts";
import { desiredPicture } from "./desired-picture.ts";
import { createEnrolment } from "./enrolment.ts";
import type { Fence } from "./fence.ts";
import type { Clock, Fleet, FleetDesk, Log } from "./ports.ts";
import { eventsOf } from "./reports.ts";
import { sightsOf } from "./sights.ts";
import type { Store, StoredSlot } from "./store.ts";

export { makeToken } from "./enrolment.ts";

export type DeskParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** A function, because the conductor needs the hub and the hub needs this desk. */
  readonly conductor: () => Conductor;
  readonly convergence: () => Convergence;
  readonly fleet: () => Pick<Fleet, "can">;
  readonly fence: () => Pick<Fence, "check" | "mayTell">;
  /** A host's liveness or step changed: cards that show it are drawn again. */
  readonly redraw: (rollout: number) => void;
};

export type Desk = FleetDesk & {
  /** It has reported since it connected: what is known of it is of today. */
  isHeard(host: string): boolean;
};

/** What changed on a host with a report. */
type News = {
  /** A step, or what runs: cards show it. */
  readonly stepped: boolean;
  /** Whether it serves, and how well: rollouts and the watch care. */
  readonly turned: boolean;
};

export function createFleetDesk(parts: DeskParts): Desk {
  const { store, config, clock, log, conductor, convergence, fence } = parts;
  const heard = new Set<string>();

  function redrawActive(host: string): void {
    for (const state of conductor().active()) if (state.hosts.some((h) => h.host === host)) parts.redraw(state.number);
  }

  function connected(facts: Parameters<FleetDesk["connected"]>[0]): void {
    const { host, agentVersion, labels, head, epoch } = facts;
    heard.delete(host);
    conductor().atomically(() => {
      store.hosts.seen({ name: host, agentVersion, at: clock.now() });
      const known = store.hosts.find(host);
      if (known !== null) warnOfLabels(host, labels, known.labels);
      if (!fence().check({ host, epoch, head })) convergence().host(host);
      // Rollouts are told when it has reported: what it served before it went away says nothing of now.
      redrawActive(host);
    });
    log.info({ host, agentVersion }, "agent connected");
  }

  function warnOfLabels(host: string, given: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): void {
    const ignored = Object.keys(given).filter((label) => given[label] !== labels[label]);
    if (ignored.length === 0) return;
    const words = "labels given at the agent's start are not those of its enrolment and do not count: enrol it again";
    log.warn({ host, ignored, given, labels }, words);
  }

  function disconnected(host: string): void {
    heard.delete(host);
    log.warn({ host }, "agent disconnected");
    try {
      conductor().atomically(() => {
        store.hosts.seen({ name: host, at: clock.now() });
        conductor().hostChanged(host);
        redrawActive(host);
      });
    } catch (error) {
      // Nobody is there to catch it: a full disk must not end the process because a host left.
      log.error({ err: error, host }, "a host's absence could not be recorded");
    }
  }

  /** One transaction for all that a report brings with it: the report is forgotten, or everything that follows from it counts. */
  function observed(host: string, picture: ObservedPicture): void {
    const isFirst = !heard.has(host);
    heard.add(host);
    try {
      conductor().atomically(() => takeIn(host, picture, isFirst));
    } catch (error) {
      if (isFirst) heard.delete(host);
      throw error;
    }
  }

  function takeIn(host: string, picture: ObservedPicture, isFirst: boolean): void {
    const news = record(host, picture);
    const frozen = fence().check({ host, ...picture });
    tellRollouts(host, picture, news);
    if (news.turned || isFirst) conductor().hostChanged(host);
    if (news.turned) conductor().hostSeen(host);
    conductor().hostReported(host);
    if (frozen) return;
    if (isFirst) convergence().host(host);
    else convergence().followUp(host);
  }

  function record(host: string, picture: ObservedPicture): News {
    const at = clock.now();
    store.hosts.seen({ name: host, agentVersion: picture.agentVersion, at });
    store.hosts.setEngine(host, picture.engine);
    let news: News = { stepped: false, turned: false };
    for (const { slot, before, seenAt } of sightsOf(picture, store.slots.ofHost(host))) {
      store.slots.observe({ host, slot, at: seenAt ?? at });
      const turned = news.turned || before === null || conditionOf(before) !== conditionOf(slot);
      news = { turned, stepped: turned || news.stepped || before?.step !== slot.step };
    }
    return news;
  }

  function tellRollouts(host: string, { slots, images }: ObservedPicture, news: News): void {
    const at = clock.now();
    for (const state of conductor().active()) {
      if (!state.hosts.some((h) => h.host === host)) continue;
      const release = store.releases.find(state.service, state.release);
      const needed = release === null ? [] : imagesOf(release);
      const report = { host, at, slots, images, needed, wanted: store.slots.get(host, state) };
      const told = eventsOf(report, state).map((event) => conductor().tell(state.number, event));
      // What moves is drawn anyway.
      if (news.stepped && !told.some(({ kind }) => kind === "moved")) parts.redraw(state.number);
    }
  }

  return {
    serverId: () => store.serverId,
    epoch: () => store.epoch,
    head: () => store.history.head(),
    ...createEnrolment(parts),
    isHeard: (host) => heard.has(host),
    connected,
    disconnected,
    desired(host) {
      if (!fence().mayTell(host)) return null;
      const mayHear = (slot: StoredSlot) => !convergence().isOldGoal(slot) && mayTellSlot({ store, fleet: parts.fleet() }, slot);
      return desiredPicture({ store, config, mayHear }, host);
    },
    observed,
  };
}

function conditionOf({ live, generation, unseen }: ObservedSlot): string {
  const sight = unseen === true ? `${generation} unseen` : `${generation}`;
  return live === null ? `${sight} empty` : `${sight} ${live.containerId} ${live.health} ${live.restarts}`;
}
