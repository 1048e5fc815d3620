/**
 * What the connected hosts use: the newest sample of each, in memory. It is of this moment and nothing else depends on it, so a
 * server that starts has none until its agents speak. What a card shows of it is stored, once, when a rollout changes a slot.
 */
import type { GantryConfig } from "../config/valid.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import type { ContainerSample, UsageSample, Used } from "../core/usage.ts";
import type { Clock, Fleet } from "./ports.ts";
import type { Store } from "./store.ts";

export type HostUsage = { readonly host: string; readonly at: number; readonly sample: UsageSample };

export type UsageBoard = {
  /** Containers of places that the configuration does not have are passed over: nobody grows the series by inventing names. */
  note(host: string, sample: UsageSample): void;
  /** Of hosts that are connected and have spoken of it lately. */
  all(): readonly HostUsage[];
  of(host: string): HostUsage | null;
};

/** Agents sample four times as often. */
const freshMs = 60_000;

export function createUsageBoard(facts: {
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly fleet: Pick<Fleet, "isConnected">;
}): UsageBoard {
  const { config, clock, fleet } = facts;
  const places = new Set(
    config.services.flatMap((s) => s.environments.map((e) => placeName({ service: s.name, environment: e.name }))),
  );
  const newest = new Map<string, HostUsage>();

  function fresh(usage: HostUsage): boolean {
    return fleet.isConnected(usage.host) && clock.now() - usage.at <= freshMs;
  }

  function of(host: string): HostUsage | null {
    const usage = newest.get(host);
    return usage !== undefined && fresh(usage) ? usage : null;
  }

  return {
    note(host, sample) {
      const containers = sample.containers.filter((container) => places.has(placeName(container)));
      newest.set(host, { host, at: clock.now(), sample: { ...sample, containers } });
    },
    of,
    all() {
      for (const [host, usage] of newest) if (!fresh(usage)) newest.delete(host);
      return [...newest.values()];
    },
  };
}

function placeName({ service, environment }: SlotKey): string {
  return `${service} ${environment}`;
}

export type Noting = { readonly store: Store; readonly usage: Pick<UsageBoard, "of"> };

/**
 * Inside the transaction, before something else is desired of the host: what its released container uses. Of one that this
 * rollout brought it is the end, of any other the beginning.
 */
export function noteBeforeChange({ store, usage }: Noting, host: string, state: RolloutState): void {
  const container = releasedOn(usage, host, state);
  if (container === null) return;
  const moment = isBroughtBy(store, state, container, host) ? "after" : "before";
  store.usage.note({ rollout: state.number, host, moment, used: usedBy(container) });
}

/** Inside the transaction that ends the rollout. */
export function noteAtEnd({ store, usage }: Noting, state: RolloutState): void {
  for (const { host } of state.hosts) {
    const container = releasedOn(usage, host, state);
    if (container === null || !isBroughtBy(store, state, container, host)) continue;
    store.usage.note({ rollout: state.number, host, moment: "after", used: usedBy(container) });
  }
}

type Measured = ContainerSample & { readonly usage: NonNullable<ContainerSample["usage"]> };

function releasedOn(usage: Noting["usage"], host: string, { service, environment }: SlotKey): Measured | null {
  const all = usage.of(host)?.sample.containers ?? [];
  const found = all.find((c) => c.released && c.service === service && c.environment === environment);
  return found === undefined || found.usage === null ? null : { ...found, usage: found.usage };
}

/** Generations tell: a restart has the same release before and after. */
function isBroughtBy(store: Store, state: RolloutState, container: ContainerSample, host: string): boolean {
  const slot = store.slots.get(host, state);
  if (slot === null || slot.rollout !== state.number) return false;
  return slot.generation === container.generation && container.release === state.release;
}

function usedBy({ usage, cores }: Measured): Used {
  return { cores, memoryBytes: usage.memoryBytes };
}
