/**
 * One host: a worker per slot, the images, the engine's health, and the two pictures. Orders come in as a whole picture and
 * are obeyed only from the one server of this host, never from an older epoch.
 */
import type { Log } from "../app/ports.ts";
import type { DesiredPicture, DesiredSlot, Head, ObservedPicture, SlotKey } from "../core/slot.ts";
import { slotName } from "../core/slot.ts";
import { createCleanUp, type Fetched } from "./clean-up.ts";
import type { ContainerState } from "./engine.ts";
import { createEngineGuard } from "./engine-guard.ts";
import { createImages } from "./images.ts";
import { gateLabel, marksOf } from "./labels.ts";
import { createLimit, createLimitPerKey } from "./limits.ts";
import { mountedNames } from "./mounts.ts";
import { isOlder, refusalOf, takenOver } from "./obedience.ts";
import type { Hands } from "./prove.ts";
import type { SecretTools } from "./secrets.ts";
import type { Serving } from "./slot-report.ts";
import { mendGate } from "./slot-swap.ts";
import { createSlotWorker, type Failpoint, type SlotWorker } from "./slot-worker.ts";
import type { HostState, Journal, JournalEntry } from "./state.ts";
import { plainTools, type SwapTools } from "./swap-tools.ts";

export type Host = {
  /** Takes the server's picture. Returns why it was refused, or null. */
  obey(picture: DesiredPicture): "stale_desired" | "foreign_server" | null;
  /** How far the server says that it is. One that is behind, or asks, is shown what this host was last told. */
  hearServer(says: { readonly epoch: number; readonly head?: Head; readonly orders: boolean }): void;
  /** How much this host has heard of its server. */
  known(): { readonly epoch: number; readonly head?: Head };
  observed(): ObservedPicture;
  /** What serves in all slots. */
  serving(): readonly Serving[];
  /** Finishes the step under way, and undoes a swap that has not proved itself; containers keep running. */
  stop(): Promise<void>;
};

export type HostParts = Hands & {
  readonly log: Log;
  readonly state: Pick<HostState, "orders" | "journal"> & {
    readonly files: Pick<HostState["files"], "orders" | "journal"> & Partial<Pick<HostState["files"], "images">>;
    /** Images that this host's agent fetched, as the state directory knows; absent: none. */
    readonly images?: readonly Fetched[];
  };
  /** The server that may give orders; null until one has enrolled this host. */
  readonly serverId: () => string | null;
  readonly envDir: string;
  /** Absent: the plain order. */
  readonly swaps?: SwapTools;
  /** Absent: none are given. */
  readonly secrets?: SecretTools;
  readonly bootId: string;
  readonly agentVersion: string;
  readonly failpoint?: Failpoint;
  /** In [0, 1). Only spreads retries. */
  readonly random: () => number;
  /** The observed picture has changed. */
  readonly onChange: () => void;
};

/** More only lengthens each gap on one engine (measured; perf.md section 3). */
const heavyAtOnce = 4;
const pullsAtOnce = 3;
/** Fewer than that: a registry that hangs must not hold up the others. */
const pullsPerRegistry = 2;

export function createHost(parts: HostParts): Host {
  const { engine, clock, log, state, onChange } = parts;
  const { swaps = plainTools } = parts;
  const workers = new Map<string, SlotWorker>();
  const heavy = createLimit(heavyAtOnce);
  const pulls = createLimit(pullsAtOnce);
  const { random } = parts;
  const limit = createLimitPerKey({ perKey: pullsPerRegistry, whole: (work) => pulls(() => heavy(work)) });
  const cleanUp = createCleanUp({
    engine,
    clock,
    log,
    limit: heavy,
    fetched: state.images ?? [],
    save: async (fetched) => await state.files.images?.save(fetched),
    orders: () => orders,
  });
  const images = createImages({ engine, limit, cleanUp, clock, log, random, onChange });
  let journal: Journal = state.journal;
  let orders: DesiredPicture | null = state.orders;
  let showsOrders = false;
  let refuses: ObservedPicture["refuses"];
  let stopped = false;
  /** Every container of the engine was looked at: slots without a worker are empty. */
  let isWhole = false;
  /** Counted when it goes and when it is back: a swap may end between the two. */
  let engineBreaks = 0;

  const guard = createEngineGuard({
    engine,
    clock,
    log,
    onChange: () => {
      if (!guard.health().ok) engineBreaks += 1;
      onChange();
    },
    onEvent: (event) => {
      const worker = workers.get(slotName(event)) ?? addWorker(event);
      worker.poke(event.containerId);
    },
    onBack: () => {
      engineBreaks += 1;
      images.engineBack();
      for (const worker of workers.values()) worker.poke();
      void discover();
    },
  });

  /** Containers of slots that no order names: they are reported, and an interrupted swap among them is ended. */
  async function discover(): Promise<void> {
    try {
      const containers = await engine.list();
      for (const container of containers) {
        const marks = marksOf(container.labels);
        if (marks !== null && !stopped && !workers.has(slotName(marks))) addWorker(marks);
      }
      if (!isWhole) {
        isWhole = true;
        onChange();
      }
      await tidyFolders(containers);
    } catch (thrown) {
      log.warn({ detail: String(thrown) }, "could not list containers");
      void guard.whenBack();
    }
  }

  /** An engine may have containers of an agent of another name, which go on with the folders of this state directory. */
  async function tidyFolders(containers: readonly ContainerState[]): Promise<void> {
    const { gates } = swaps;
    if (gates === null && parts.secrets === undefined) return;
    const mounted = await mountedNames(engine);
    await gates?.sweep(new Set([...containers.map((c) => c.labels[gateLabel] ?? ""), ...mounted]));
    await parts.secrets?.files.sweep(new Set([...containers.map((c) => marksOf(c.labels)?.secrets?.folder ?? ""), ...mounted]));
    // The engine starts none of them without its gate, and does so when this agent may not be there.
    for (const state of containers) await mendGate({ gates, log }, state);
  }

  function addWorker(slot: SlotKey): SlotWorker {
    const key: SlotKey = { service: slot.service, environment: slot.environment };
    const name = slotName(key);
    const write = (entry: JournalEntry) => {
      journal = { ...journal, [name]: entry };
      return state.files.journal.save(journal);
    };
    const worker = createSlotWorker({
      ...parts,
      swaps,
      secrets: parts.secrets ?? null,
      key,
      images,
      limit: heavy,
      entry: journal[name] ?? null,
      write,
      report: () => {
        cleanUp.soon();
        onChange();
      },
      failpoint: parts.failpoint ?? (() => undefined),
      engineBack: guard.whenBack,
      engineBreaks: () => engineBreaks,
    });
    workers.set(name, worker);
    onChange();
    return worker;
  }

  /** Those that were refused, because this host has obeyed a newer one. */
  function hand(slots: readonly DesiredSlot[], confirmed: boolean): DesiredSlot[] {
    return slots.filter((slot) => {
      const worker = workers.get(slotName(slot)) ?? addWorker(slot);
      if (worker.want(slot, confirmed)) return false;
      const { service, environment, generation } = slot;
      log.error({ service, environment, generation, reason: "stale_desired" }, "refuses an order older than one it has obeyed");
      return true;
    });
  }

  function obey(picture: DesiredPicture): ReturnType<Host["obey"]> {
    const refusal = refusalOf({ picture, orders, serverId: parts.serverId() });
    if (refusal !== null) {
      refuse(refusal);
      return refusal.reason;
    }
    if (stopped) return null;
    orders = takenOver(picture, orders);
    // Beside the work, not before it: what an order has done can be told from the labels alone.
    state.files.orders.save(orders).catch((error) => log.error({ error: String(error) }, "the orders cannot be written down"));
    images.prepare(picture.prepare);
    cleanUp.soon();
    const stale = hand(picture.slots, true);
    showsOrders = stale.length > 0;
    const named = stale.map((slot) => `${slotName(slot)} generation ${slot.generation}`);
    refuses = showsOrders
      ? { reason: "stale_desired", detail: `older than what this host has obeyed: ${named.join(", ")}` }
      : undefined;
    onChange();
    return null;
  }

  /** Everything keeps serving as it is. */
  function refuse(refusal: NonNullable<ObservedPicture["refuses"]>): void {
    log.error({ reason: refusal.reason, knownServer: parts.serverId() }, `refuses the server's orders: ${refusal.detail}`);
    refuses = refusal;
    showsOrders = refusal.reason === "stale_desired";
    onChange();
  }

  /** Of the server of this host: what another one has said is nobody's business. */
  function ownOrders(): DesiredPicture | null {
    const known = parts.serverId();
    return orders !== null && (known === null || known === orders.serverId) ? orders : null;
  }

  function known(): ReturnType<Host["known"]> {
    const own = ownOrders();
    return { epoch: own?.epoch ?? 0, ...(own?.head === undefined ? {} : { head: own.head }) };
  }

  function hearServer(says: Parameters<Host["hearServer"]>[0]): void {
    const own = ownOrders();
    // Of another epoch than ours it may be ahead and yet know nothing of what this host was told under the old one.
    showsOrders = own !== null && (says.orders || says.epoch !== own.epoch || isOlder(says.head, own.head));
  }

  if (orders !== null) hand(orders.slots, false);
  cleanUp.soon();

  return {
    obey,
    hearServer,
    known,
    observed: () => ({
      bootId: parts.bootId,
      agentVersion: parts.agentVersion,
      ...known(),
      ...(showsOrders ? { orders: ownOrders()?.slots ?? [] } : {}),
      ...(refuses === undefined ? {} : { refuses }),
      engine: guard.health(),
      whole: isWhole,
      slots: [...workers.values()].map((worker) => worker.observed()),
      images: images.observed(),
    }),
    serving: () => [...workers.values()].flatMap((worker) => worker.serving()),
    async stop() {
      stopped = true;
      guard.stop();
      images.stop();
      cleanUp.stop();
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await swaps.holder?.close();
    },
  };
}
