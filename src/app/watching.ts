/**
 * After the end: the containers of a rollout are watched for a while. What they were like is in the store, when to look
 * again is a timer's row; so a restart loses nothing. The judgement itself is core/watch.ts.
 */
import type { GantryConfig } from "../config/valid.ts";
import type { HostState, LaterEvent, RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { judge, type WatchFinding, type WatchSample, watchRule } from "../core/watch.ts";
import { whyBackByItself } from "./bad-live.ts";
import type { Clock, Fleet } from "./ports.ts";
import { isWatched } from "./recording.ts";
import { watchKey } from "./rollbacks.ts";
import { proofRetryMs } from "./soak-proof.ts";
import type { Store } from "./store.ts";
import { graceMs } from "./timers.ts";
import type { Work } from "./work.ts";

export type Watching = {
  /** How what runs on the host is doing has changed. */
  seen(host: string): void;
  ring(rollout: number, now: number): void;
  /** Another rollout has begun in the environment: what is seen from now on is its affair. */
  giveWay(to: RolloutState, at: number): void;
  /** Watches that tripped and rollouts that found bad what is live, where the policy is to go back and nothing has followed: a crash may have come between. */
  owed(config: GantryConfig): readonly { readonly key: SlotKey; readonly why: string }[];
};

export function createWatching(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly work: Work;
  readonly tell: (rollout: number, event: LaterEvent) => void;
  readonly armTimers: () => void;
}): Watching {
  const { store, clock, fleet, work, tell } = parts;
  const startedAt = clock.now();

  function seen(host: string): void {
    work.atomically(() => {
      for (const { number, state } of store.rollouts.watched()) {
        if (!state.hosts.some((h) => h.host === host && stands(h))) continue;
        const again = look(state, clock.now());
        if (typeof again === "number") wakeAt(number, again);
      }
    });
  }

  /** When to look again although nothing new was seen; null: not before something is. */
  function look(state: RolloutState, now: number): "tripped" | number | null {
    const { finding, lookAgainAt } = judge({ rule: watchRule, samples: samplesOf(state), since: state.endedAt ?? now, now });
    if (finding === null) return lookAgainAt === null ? null : Math.max(lookAgainAt, now + 1);
    tell(state.number, { type: "watch_raised", at: now, finding });
    return "tripped";
  }

  function wakeAt(rollout: number, at: number): void {
    store.timers.set({ rollout, name: "watch", wakeAt: at });
    work.afterwards(parts.armTimers);
  }

  function ring(rollout: number, now: number): void {
    work.atomically(() => {
      store.timers.clear(rollout, "watch");
      const state = work.rollout(rollout)?.state;
      const until = state?.watch?.until;
      if (state === undefined || until === undefined || !isWatched(state)) return;
      const again = look(state, now);
      if (again === "tripped") return;
      // Whoever is unwell when the time is over has not been judged yet.
      if (now >= until && again === null) end(state, until, now);
      else wakeAt(rollout, again ?? until);
    });
  }

  /** That all was quiet is for the hosts to say: they are asked, for as long as a host may be waited for after a start. */
  function end(state: RolloutState, until: number, now: number): void {
    const { number } = state;
    const since = Math.max(until, startedAt);
    const spoke = (host: string) => fleet.answeredSince(host, since) && (store.slots.get(host, state)?.observedAt ?? 0) >= since;
    const watched = watchedHosts(state);
    const silent = watched.filter((host) => !spoke(host));
    if (silent.length > 0 && now < since + graceMs) {
      store.timers.set({ rollout: number, name: "watch", wakeAt: now + proofRetryMs });
      work.afterwards(() => ask(silent));
      return;
    }
    // That all stayed well is said, and what was not soaked is called good, by what was heard and never by silence, of nobody least of all.
    const quiet = watched.length > 0 && silent.length === 0;
    tell(number, { type: "watch_ended", at: now, quiet, ...(quiet ? {} : { silent }) });
  }

  function ask(hosts: readonly string[]): void {
    for (const host of hosts) fleet.nudge(host);
  }

  /** Hosts that still have of this rollout what it brought them. */
  function watchedHosts(state: RolloutState): string[] {
    const known = new Map(store.hosts.all().map((host) => [host.name, host]));
    const slots = store.slots.ofEnvironment(state).filter((slot) => slot.release === state.release);
    return state.hosts
      .filter((h) => stands(h) && slots.some((slot) => slot.host === h.host) && (known.get(h.host)?.revokedAt ?? null) === null)
      .map((h) => h.host);
  }

  function samplesOf(state: RolloutState): WatchSample[] {
    const { service, environment, endedAt } = state;
    const hosts = watchedHosts(state);
    const series = store.slots.series({ service, environment, since: endedAt ?? 0 });
    return hosts.flatMap((host) => sinceTheEnd(series.filter((sample) => sample.host === host)));
  }

  function giveWay(to: RolloutState, at: number): void {
    for (const { number, state } of store.rollouts.watched()) {
      const isHere = state.service === to.service && state.environment === to.environment;
      if (isHere && number !== to.number) tell(number, { type: "watch_ended", at, quiet: false });
    }
  }

  function owed(config: GantryConfig): { key: SlotKey; why: string }[] {
    return config.services.flatMap(({ name: service, environments }) =>
      environments.flatMap(({ name: environment }) => {
        const left = foundBad({ service, environment });
        if (left !== null) return [{ key: { service, environment }, why: left }];
        const state = store.rollouts.live(service, environment)?.state;
        const finding = state?.watch?.finding ?? null;
        if (state === undefined || finding === null || state.policy.watch.onUnwell !== "rollback") return [];
        if (store.rollouts.byRequest(watchKey(state.number)) !== null || !isNews(state, finding)) return [];
        return [{ key: { service, environment }, why: whyOf(finding) }];
      }),
    );
  }

  function foundBad({ service, environment }: SlotKey): string | null {
    const last = store.rollouts.lastEnded(service, environment, ["succeeded", "incomplete", "restored", "stuck"])?.state;
    if (last === undefined || store.rollouts.byRequest(watchKey(last.number)) !== null) return null;
    const isOld = clock.now() > (last.endedAt ?? 0) + owedForMs;
    return isOld ? null : whyBackByItself(store, last);
  }

  /** Long after the watch a finding is an old story, unless its host is still unwell. */
  function isNews(state: RolloutState, { host }: WatchFinding): boolean {
    if (clock.now() <= (state.watch?.until ?? 0)) return true;
    const slot = store.slots.get(host, state);
    return slot?.release === state.release && slot.observed?.live?.health !== "ok";
  }

  return { seen, ring, giveWay, owed };
}

/** After that people have looked at what was found bad. */
const owedForMs = 15 * 60_000;

function stands({ status }: HostState): boolean {
  return status === "healthy" || status === "unchanged";
}

function whyOf({ host, found }: WatchFinding): string {
  return `the watch found ${host}: ${found}`;
}

/** Of one host, oldest first. Restarts are counted from what they were at the end; a new container begins anew. */
function sinceTheEnd(samples: readonly WatchSample[]): WatchSample[] {
  let before = samples[0]?.restarts ?? 0;
  return samples.map((sample) => {
    if (sample.restarts < before) before = 0;
    return { ...sample, restarts: sample.restarts - before };
  });
}
