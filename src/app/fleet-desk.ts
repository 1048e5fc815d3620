/** What the agents ask and report: enrolment, the desired picture, the observed one. */
import { createHash, randomBytes } from "node:crypto";
import type { GantryConfig } from "../config/valid.ts";
import { isReasonCode, type ReasonCode } from "../core/reasons.ts";
import type { Failure, HostState, LaterEvent } from "../core/rollout-state.ts";
import type { DesiredPicture, DesiredSlot, ObservedImage, ObservedSlot, PrepareImage } from "../core/slot.ts";
import type { Conductor } from "./conductor.ts";
import { hasLabels } from "./planner.ts";
import type { Clock, FleetDesk, HostIdentity, Log } from "./ports.ts";
import type { Store, StoredHost, StoredRollout, StoredSlot } from "./store.ts";

/** How long an enrolment token may be used. */
const tokenLifeMs = 60 * 60_000;

export type DeskParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** A function, because the conductor needs the hub and the hub needs this desk. */
  readonly conductor: () => Conductor;
  /** A host's liveness or step changed: cards that show it are drawn again. */
  readonly redraw: (rollout: number) => void;
};

/** A one-time token for a host; only its hash is stored. */
export function makeToken(store: Store, facts: { name: string; labels: Readonly<Record<string, string>>; at: number }): string {
  const token = `gnt_${randomBytes(24).toString("base64url")}`;
  const { name, labels, at } = facts;
  store.hosts.addToken({ tokenHash: hashOf(token), name, labels, at, expiresAt: at + tokenLifeMs });
  return token;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export type Desk = FleetDesk & {
  /** A rollout ended: hosts that joined its environment meanwhile get the live release now. */
  convergeAll(): readonly string[];
};

export function createFleetDesk(parts: DeskParts): Desk {
  const { store, config, clock, log } = parts;

  function enrol(facts: Parameters<FleetDesk["enrol"]>[0]): ReturnType<FleetDesk["enrol"]> {
    const { name, publicKey } = facts;
    return store.transact(() => {
      const spent = store.hosts.spendToken({ tokenHash: hashOf(facts.token), name, at: clock.now() });
      if (spent === null) return { refused: "bad_token" as const };
      const labels = { ...facts.labels, ...spent.labels };
      store.hosts.put({ name, labels, publicKey, at: clock.now() });
      log.info({ host: name, labels }, "host enrolled");
      return { name, publicKey, labels };
    });
  }

  function identity(name: string): HostIdentity | { readonly refused: ReasonCode } {
    const host = store.hosts.find(name);
    if (host === null) return { refused: "unknown_host" };
    if (host.revokedAt !== null) return { refused: "host_revoked" };
    return { name: host.name, publicKey: host.publicKey, labels: host.labels };
  }

  /** A host that joins an environment gets the release that is live there, by itself. True when it is to get one now. */
  function converge(host: StoredHost, labels: Readonly<Record<string, string>>): boolean {
    const places = config.services.flatMap((service) => service.environments.map((environment) => ({ service, environment })));
    const mine = places.filter(({ environment }) => hasLabels(labels, environment.hosts));
    return mine.map((place) => bringTo(host, place.service.name, place.environment.name)).some((changed) => changed);
  }

  function bringTo(host: StoredHost, service: string, environment: string): boolean {
    const live = store.rollouts.live(service, environment);
    if (live === null || store.rollouts.active(service, environment) !== null) return false;
    const { release } = live.state;
    const slot = store.slots.get(host.name, { service, environment });
    // A slot that a rollout has written is that rollout's affair, unless the host was away for a whole life since.
    const isNew = (slot?.generation ?? 0) === 0 || host.enrolledAt > (live.state.endedAt ?? 0);
    if (!isNew || slot?.release === release) return false;
    if (store.verdicts.newest({ service, environment, release })?.verdict === "bad") return false;
    store.slots.desire({ service, environment, host: host.name, rollout: live.number, release });
    log.info({ host: host.name, service, environment, release }, "new host gets the live release");
    return true;
  }

  function redrawActive(host: string): void {
    for (const rollout of store.rollouts.allActive()) {
      if (rollout.state.hosts.some((h) => h.host === host)) parts.redraw(rollout.number);
    }
  }

  function desiredSlot(slot: StoredSlot): DesiredSlot {
    const { service, environment, generation } = slot;
    const release = slot.release === null ? null : store.releases.find(service, slot.release);
    return {
      service,
      environment,
      generation,
      rollout: slot.rollout ?? 0,
      release:
        release === null
          ? null
          : {
              number: release.number,
              digest: release.digest,
              commit: release.commit,
              spec: release.spec,
              mirrors: mirrorsOf(config, release.spec.container.image),
            },
    };
  }

  function prepareFor(host: string, rollout: StoredRollout): PrepareImage[] {
    const waits = rollout.state.hosts.some((h) => h.host === host && h.status === "waiting");
    const release = store.releases.find(rollout.state.service, rollout.state.release);
    if (!waits || release === null) return [];
    const { image } = release.spec.container;
    const { service, environment, number } = rollout.state;
    return [{ service, environment, rollout: number, image, digest: release.digest, mirrors: mirrorsOf(config, image) }];
  }

  function desired(host: string): DesiredPicture {
    return {
      epoch: store.epoch,
      serverId: store.serverId,
      slots: store.slots
        .ofHost(host)
        .filter((s) => s.generation > 0)
        .map(desiredSlot),
      prepare: store.rollouts.allActive().flatMap((rollout) => prepareFor(host, rollout)),
    };
  }

  return {
    convergeAll: () =>
      store.transact(() =>
        store.hosts
          .all()
          .filter((h) => h.revokedAt === null && converge(h, h.labels))
          .map((h) => h.name),
      ),
    serverId: () => store.serverId,
    epoch: () => store.epoch,
    head: () => store.history.head(),
    enrol,
    identity,
    connected({ host, agentVersion, labels }) {
      store.transact(() => {
        store.hosts.seen({ name: host, agentVersion, at: clock.now() });
        const known = store.hosts.find(host);
        if (known === null) return;
        const ignored = Object.keys(labels).filter((label) => labels[label] !== known.labels[label]);
        if (ignored.length > 0) {
          const words = "labels given at the agent's start are not those of its enrolment and do not count: enrol it again";
          log.warn({ host, ignored, given: labels, labels: known.labels }, words);
        }
        converge(known, known.labels);
      });
      log.info({ host, agentVersion }, "agent connected");
      redrawActive(host);
    },
    disconnected(host) {
      log.warn({ host }, "agent disconnected");
      try {
        store.hosts.seen({ name: host, at: clock.now() });
        redrawActive(host);
      } catch (error) {
        // Nobody is there to catch it: a full disk must not end the process because a host left.
        log.error({ err: error, host }, "a host's absence could not be recorded");
      }
    },
    desired,
    observed(host, picture) {
      const now = clock.now();
      store.transact(() => {
        store.hosts.seen({ name: host, agentVersion: picture.agentVersion, at: now });
        store.hosts.setEngine(host, picture.engine);
        for (const slot of picture.slots) store.slots.observe({ host, slot, at: now });
      });
      for (const rollout of store.rollouts.allActive()) {
        const events = eventsFor(store, { host, rollout, slots: picture.slots, images: picture.images, at: now });
        for (const event of events) parts.conductor().tell(rollout.number, event);
        if (rollout.state.hosts.some((h) => h.host === host)) parts.redraw(rollout.number);
      }
      parts.conductor().hostChanged(host);
    },
  };
}

function mirrorsOf(config: GantryConfig, image: string): string[] {
  const slash = image.indexOf("/");
  const registry = config.registries.find((r) => r.host === image.slice(0, slash));
  return (registry?.mirrors ?? []).map((mirror) => `${mirror}${image.slice(slash)}`);
}

/** What a host's report means for a rollout. Absolute reports: saying it twice is ignored by the reducer. */
function eventsFor(
  store: Store,
  facts: {
    host: string;
    rollout: StoredRollout;
    slots: readonly ObservedSlot[];
    images: readonly ObservedImage[];
    at: number;
  },
): LaterEvent[] {
  const { host, rollout, at } = facts;
  const { service, environment, number } = rollout.state;
  const mine = rollout.state.hosts.find((h) => h.host === host);
  if (mine === undefined) return [];
  const image = facts.images.find((i) => i.service === service && i.environment === environment && i.rollout === number);
  const events = image === undefined || mine.status !== "waiting" ? [] : imageEvents(image, host, at);
  const slot = facts.slots.find((s) => s.service === service && s.environment === environment);
  const wanted = store.slots.get(host, { service, environment });
  if (slot === undefined || wanted === null || slot.generation !== wanted.generation) return events;
  if (!isAbout(slot, wanted)) return events;
  return [...events, ...slotEvents(slot, mine, at)];
}

/** A success only counts for the release that is wanted: a restored server may count generations anew. */
function isAbout(slot: ObservedSlot, wanted: StoredSlot): boolean {
  return slot.outcome?.ok !== true || slot.live === null || slot.live.release === wanted.release;
}

function imageEvents(image: ObservedImage, host: string, at: number): LaterEvent[] {
  switch (image.state) {
    case "pulling":
      return [];
    case "present":
      return [{ type: "image_present", at, host }];
    case "failed":
      return [{ type: "image_failed", at, host, reason: reasonOf(image.reason, "pull_failed"), detail: image.detail }];
  }
}

function slotEvents(slot: ObservedSlot, host: HostState, at: number): LaterEvent[] {
  const { outcome } = slot;
  switch (host.status) {
    case "swapping":
      if (outcome === null) return [];
      if (!outcome.ok) return [{ type: "host_failed", at, host: host.host, ...failureOf(outcome) }];
      return [{ type: "host_swapped", at, host: host.host, tookMs: outcome.tookMs, restarts: slot.live?.restarts ?? 0 }];
    case "restoring":
      if (outcome === null) return [];
      if (!outcome.ok) return [{ type: "host_restore_failed", at, host: host.host, ...failureOf(outcome) }];
      return [{ type: "host_restored", at, host: host.host }];
    case "healthy":
      return unwellEvents(slot, host, at);
    case "unchanged":
    case "waiting":
    case "failed":
    case "skipped":
    case "returning":
    case "restored":
    case "stuck":
      return [];
  }
}

function failureOf(outcome: { reason: string; detail: string; logTail: readonly string[] }): Failure {
  return { reason: reasonOf(outcome.reason, "internal"), detail: outcome.detail, logTail: outcome.logTail };
}

function reasonOf(text: string, otherwise: ReasonCode): ReasonCode {
  return isReasonCode(text) ? text : otherwise;
}

/** A container that restarted since its swap is a crash loop, however well it looks at this moment. */
function unwellEvents(slot: ObservedSlot, known: HostState, at: number): LaterEvent[] {
  const { live } = slot;
  const { host } = known;
  if (live === null) {
    return [{ type: "host_unwell", at, host, reason: "exited", detail: "its container is gone", logTail: [] }];
  }
  const since = live.restarts - known.restarts;
  const reason = unwellReason(live.health, since);
  if (reason === null) return [];
  const detail = live.detail ?? `its container restarted ${since} times`;
  return [{ type: "host_unwell", at, host, reason, detail, logTail: live.logTail ?? [] }];
}

function unwellReason(health: string, restarts: number): ReasonCode | null {
  if (health === "exited") return "exited";
  if (health === "restarting" || restarts > 0) return "crash_loop";
  return health === "failing" ? "unhealthy" : null;
}
