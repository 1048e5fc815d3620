/** Gathers what messages show, from the store: cards are projections of rows and of nothing else. */
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../config/valid.ts";
import type {
  EnvironmentStatus,
  HistoryLine,
  HostFacts,
  LockFacts,
  ReleaseFacts,
  RolloutFacts,
  SlotFacts,
} from "../core/facts.ts";
import type { Plan } from "../core/plan.ts";
import type { Release } from "../core/release.ts";
import type { Readiness } from "../core/rollback-estimate.ts";
import { hasEnded, type RolloutState } from "../core/rollout-state.ts";
import { type Head, liveNow, type ObservedSlot, type SlotKey, type SlotStep } from "../core/slot.ts";
import { besidesOf } from "../core/spec-change.ts";
import { type ContainerSample, median, type UsageChange, usageChange } from "../core/usage.ts";
import { approvalsFor } from "./asked.ts";
import { type PlaceReader, readAllPlaces, readOnePlace } from "./place-reader.ts";
import { goodBesides, hasLabels, leavingPhases, leftBy, rollbackTarget } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import { readinessAt } from "./readiness.ts";
import { createRequirements, dependantsOf } from "./requirements.ts";
import type { Store, StoredHost, StoredRollout, StoredSlot } from "./store.ts";
import type { HostUsage, UsageBoard } from "./usage.ts";
import { isLeftOver } from "./why-behind.ts";

export type FactsParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly fleet: Fleet;
  readonly usage: Pick<UsageBoard, "of">;
  /** Which of the two are set up. */
  readonly links: { readonly github: boolean; readonly jira: boolean };
  readonly now: () => number;
};

export type Facts = {
  rollout(stored: StoredRollout): RolloutFacts;
  status(facts: { service: string | null; environment: string | null }): EnvironmentStatus[];
  history(facts: { service: string | null; environment: string | null; limit: number }): HistoryLine[];
  hosts(): HostFacts[];
  /** Which of the environment's hosts have the release ready, serving it or as the previous container, and how long it takes. */
  readiness(service: string, environment: string, release: number | null): Readiness;
};

export function createFacts(parts: FactsParts): Facts {
  const { store, config, fleet, now } = parts;
  const requirements = createRequirements({ store, config, fleet, now, isHeard: () => true });

  function release(service: string, number: number | null): ReleaseFacts | null {
    return number === null ? null : store.releases.brief(service, number);
  }

  function configOf(
    service: string,
    environment: string,
  ): { service: ServiceConfig | null; environment: EnvironmentConfig | null } {
    const found = config.services.find((s) => s.name === service) ?? null;
    return { service: found, environment: found?.environments.find((e) => e.name === environment) ?? null };
  }

  function readiness(service: string, environment: string, target: number | null): Readiness {
    const key = { service, environment };
    return readyOn(key, { slots: store.slots.ofEnvironment(key), target, hosts: store.hosts.all() });
  }

  function readyOn(
    { service, environment }: SlotKey,
    found: { slots: readonly StoredSlot[]; target: number | null; hosts: readonly StoredHost[] },
  ): Readiness {
    return readinessAt({
      ...found,
      environment: configOf(service, environment).environment,
      isConnected: (host) => fleet.isConnected(host),
      past: () => store.rollouts.swapTimes(service, environment),
    });
  }

  function rolloutFacts(stored: StoredRollout): RolloutFacts {
    const { state, plan } = stored;
    const { service, environment } = state;
    const settings = configOf(service, environment);
    const wanted = store.releases.find(service, state.release);
    if (wanted === null) throw new Error(`rollout ${state.number} names release ${state.release}, which is not stored`);
    const target =
      state.phase === "succeeded" || state.phase === "incomplete" ? rollbackTarget(store, service, environment) : null;
    const approvals = settings.environment === null ? null : approvalsFor(settings.environment, stored.allowBad !== null);
    const goBackTo = target?.number ?? state.from;
    return {
      state,
      plan,
      release: { number: wanted.number, commit: wanted.commit, digest: wanted.digest },
      from: release(service, state.from),
      ...besides(wanted, state, plan),
      ref: stored.ref,
      change: stored.change,
      notSetUp: notSetUp(settings.service),
      steps: stepsOf(store.slots.ofEnvironment({ service, environment }), state.number),
      away: state.hosts.map((h) => h.host).filter((host) => !fleet.isConnected(host)),
      approvers: approvals?.from ?? [],
      notRequester: approvals?.notRequester ?? stored.allowBad !== null,
      allowBad: stored.allowBad,
      healthDeclared: wanted.spec.health.probe.kind !== "none",
      notSoakedIn: notSoakedIn(service, settings.environment, state.release),
      readiness: { ...readiness(service, environment, goBackTo), release: goBackTo },
      why: stored.why,
      ...lineFacts(stored),
      leftOut: settings.environment === null ? [] : leftOut(settings.environment, state),
      ...requirementFacts(state),
      ...changeOf(usageChange(store.usage.of(state.number))),
      head: headOrNull(store.history.head()),
      now: now(),
    };
  }

  function besides(now: Release, { service, environment, from }: RolloutState, plan: Plan): Pick<RolloutFacts, "besides"> {
    const before = from === null ? null : store.releases.find(service, from);
    return besidesOf({ before, now, environment, today: plan.secrets });
  }

  /** A way back waits for no service, and what has ended for nothing. */
  function requirementFacts(state: RolloutState): Pick<RolloutFacts, "lacking" | "dependants"> {
    if (hasEnded(state)) return {};
    const waiting = state.hosts.filter((h) => h.status === "waiting").map((h) => h.host);
    const lacking = state.kind === "rollback" || state.phase === "restoring" ? [] : requirements.lacking(state.service, waiting);
    const dependants = dependantsOf(parts, state);
    return { ...(lacking.length > 0 && { lacking }), ...(dependants.length > 0 && { dependants }) };
  }

  /** Its place in line and what holds the line up; nothing of it when it does not wait there. */
  function lineFacts({ state, number }: StoredRollout): Pick<RolloutFacts, "position" | "behind"> {
    if (state.phase !== "in_line") return { position: null, behind: null };
    const { service, environment } = state;
    const at = store.rollouts.inLine(service, environment).findIndex((r) => r.number === number);
    const rollout = store.rollouts.active(service, environment)?.number ?? null;
    const lock = heldNow(store.locks.find(state));
    return { position: at < 0 ? null : at + 1, behind: rollout === null && lock === null ? null : { rollout, lock } };
  }

  /** A lock whose time has passed holds nothing, even before somebody has swept it away. */
  function heldNow(lock: LockFacts | null): LockFacts | null {
    return lock === null || (lock.until !== null && lock.until <= now()) ? null : lock;
  }

  /** One that was taken out after it had begun there is part of it all the same. */
  function leftOut(environment: EnvironmentConfig, { hosts, ...key }: RolloutState): RolloutFacts["leftOut"] {
    return store.hosts.all().flatMap(({ name, intent, revokedAt, labels }) => {
      if (intent === null || revokedAt !== null || !hasLabels(labels, environment.hosts)) return [];
      return hosts.some((h) => h.host === name) ? [] : [{ host: name, intent, ...servesBad(name, key) }];
    });
  }

  function servesBad(host: string, { service, environment }: SlotKey): { readonly bad?: number } {
    const bad = store.slots.get(host, { service, environment })?.observed?.live?.release ?? null;
    if (bad === null || store.verdicts.newest({ service, environment, release: bad })?.verdict !== "bad") return {};
    return { bad };
  }

  /** Commits and tickets that a service file promises and nobody can look up. */
  function notSetUp(service: ServiceConfig | null): string[] {
    const github = service?.repository !== undefined && service.repository !== null && !parts.links.github;
    const jira = (service?.ticketProjects.length ?? 0) > 0 && !parts.links.jira;
    return [
      ...(github ? ["GitHub is not set up: commits are not shown"] : []),
      ...(jira ? ["Jira is not set up: tickets are not looked up"] : []),
    ];
  }

  /** By the service file as it is now: that is where a person would write it. */
  function declaresHealth(service: string): boolean {
    return config.services.find((s) => s.name === service)?.spec.health.probe.kind !== "none";
  }

  function notSoakedIn(service: string, environment: EnvironmentConfig | null, wanted: number): string | null {
    const earlier = environment?.after ?? null;
    if (earlier === null) return null;
    const verdict = store.verdicts.newest({ service, environment: earlier, release: wanted });
    return verdict?.verdict === "good" ? null : earlier;
  }

  /** `hosts`: those that belong there; null: it has gone from the configuration. Every look into the store is by index and made once: a board has many places. */
  function statusOf(place: PlaceReader, key: SlotKey, hosts: readonly string[] | null): EnvironmentStatus {
    const { service, environment } = key;
    const enrolled = place.hosts();
    const newest = store.rollouts.lastEnded(service, environment, leavingPhases);
    const live = liveOf(key, newest);
    const back = goodBesides(store, key, newest === null ? null : leftBy(newest.state));
    const slots = place.slots(key);
    const isConfigured = hosts !== null;
    const shown = hosts ?? slots.map((slot) => slot.host);
    return {
      ...key,
      live: release(service, live?.state.release ?? null),
      since: live?.state.endedAt ?? null,
      by: live?.state.requester.name ?? null,
      active: place.active(key)?.state ?? null,
      lastTrouble: newest !== null && isTrouble(newest.state) ? newest.state : null,
      isConfigured,
      slots: shown.map((host) =>
        slotFacts(
          host,
          slots.find((s) => s.host === host),
        ),
      ),
      leftOver: isConfigured ? slots.filter((slot) => !hosts.includes(slot.host) && isLeft(slot)).map((slot) => slot.host) : [],
      rollbackTo: release(service, back),
      readiness: readyOn(key, { slots, target: back, hosts: enrolled }),
      ...usedBy(key, live?.state.release ?? null, shown),
      ...(declaresHealth(service) ? {} : { healthDeclared: false }),
      lock: heldNow(place.lock(key)),
      line: place.line(key).map((r) => r.state),
    };
  }

  function isLeft(slot: StoredSlot): boolean {
    const host = store.hosts.find(slot.host);
    return host !== null && isLeftOver(config, host, slot);
  }

  /** Medians over the hosts that serve the release; an odd host is told of by itself. */
  function usedBy(key: SlotKey, release: number | null, hosts: readonly string[]): Pick<EnvironmentStatus, "usage"> {
    const all = hosts.flatMap((host) => parts.usage.of(host)?.sample.containers ?? []);
    const isHere = (c: ContainerSample) => c.released && c.service === key.service && c.environment === key.environment;
    const used = all.filter((c) => isHere(c) && c.release === release);
    const memory = used.flatMap((c) => (c.usage === null ? [] : [c.usage.memoryBytes]));
    const cores = used.flatMap((c) => (c.cores === null ? [] : [c.cores]));
    if (memory.length === 0) return {};
    const isTimed = cores.length === memory.length;
    return { usage: { hosts: memory.length, cores: isTimed ? median(cores) : null, memoryBytes: median(memory) } };
  }

  /** Usually what ended last: then it need not be read again. */
  function liveOf({ service, environment }: SlotKey, newest: StoredRollout | null): StoredRollout | null {
    const isLive = newest !== null && (newest.state.phase !== "stuck" || newest.state.kind === "rollback");
    return isLive ? newest : store.rollouts.live(service, environment);
  }

  /** Places with a rollout under way that the configuration does not have any more. */
  function orphans(): SlotKey[] {
    const active = store.rollouts.allActive().map(({ state }) => ({ service: state.service, environment: state.environment }));
    return active.filter((key) => configOf(key.service, key.environment).environment === null);
  }

  function slotFacts(host: string, slot: StoredSlot | undefined): SlotFacts {
    const observed = slot?.observed ?? null;
    return {
      host,
      connected: fleet.isConnected(host),
      release: observed?.live?.release ?? null,
      health: healthOf(observed),
      detail: liveNow(observed)?.detail ?? null,
    };
  }

  return {
    rollout: rolloutFacts,
    readiness,
    status({ service, environment }) {
      const wanted = (key: SlotKey) =>
        (service === null || key.service === service) && (environment === null || key.environment === environment);
      const place = service === null || environment === null ? readAllPlaces(store) : readOnePlace(store);
      const enrolled = place.hosts().filter((h) => h.revokedAt === null);
      const configured = config.services.flatMap((s) =>
        s.environments
          .filter((e) => wanted({ service: s.name, environment: e.name }))
          .map((e) => statusOf(place, { service: s.name, environment: e.name }, namesWith(enrolled, e))),
      );
      return [
        ...configured,
        ...orphans()
          .filter(wanted)
          .map((key) => statusOf(place, key, null)),
      ];
    },
    history(facts) {
      return store.rollouts.list(facts).map(({ state, plan }) => ({
        state,
        commit: plan.commit,
        fromCommit: release(state.service, state.from)?.commit ?? null,
      }));
    },
    hosts() {
      return store.hosts.all().map((host) => ({
        name: host.name,
        labels: host.labels,
        connected: fleet.isConnected(host.name),
        lastSeenAt: host.lastSeenAt,
        agentVersion: host.agentVersion,
        revoked: host.revokedAt !== null,
        intent: host.intent,
        engine: host.engine,
        slots: store.slots.ofHost(host.name).map((slot) => ({
          service: slot.service,
          environment: slot.environment,
          release: slot.observed?.live?.release ?? null,
          health: slot.observed === null ? "empty" : healthOf(slot.observed),
        })),
        ...machineOf(parts.usage.of(host.name)),
      }));
    },
  };
}

function changeOf(usage: UsageChange | null): Pick<RolloutFacts, "usage"> {
  return usage === null ? {} : { usage };
}

function healthOf(observed: ObservedSlot | null): SlotFacts["health"] {
  return observed === null || observed.unseen === true ? "unknown" : (observed.live?.health ?? "empty");
}

/** Ended, but not over: a person has something to see to. */
function isTrouble({ phase, watch }: RolloutState): boolean {
  return phase === "stuck" || phase === "incomplete" || watch?.finding != null;
}

function machineOf(usage: HostUsage | null): Pick<HostFacts, "usage"> {
  if (usage === null) return {};
  const { machine, coresInUse, diskFreeBytes } = usage.sample;
  return { usage: { machine, coresInUse, diskFreeBytes } };
}

function headOrNull(head: Head): Head | null {
  return head.seq === 0 ? null : head;
}

function namesWith(hosts: readonly StoredHost[], environment: EnvironmentConfig): string[] {
  return hosts.filter((h) => hasLabels(h.labels, environment.hosts)).map((h) => h.name);
}

/** Where each agent is, as long as its report is about this rollout's wish. */
export function stepsOf(slots: readonly StoredSlot[], rollout: number): Record<string, SlotStep> {
  const mine = slots.filter((s) => s.rollout === rollout && s.observed?.generation === s.generation);
  return Object.fromEntries(mine.map((s) => [s.host, s.observed?.step ?? "idle"]));
}
