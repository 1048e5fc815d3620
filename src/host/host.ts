/**
 * One host: a worker per slot, the images, the engine's health, and the two pictures. Orders come in as a whole picture and
 * are obeyed only from the one server of this host, never from an older epoch.
 */
import type { Log } from "../app/ports.ts";
import type { DesiredPicture, DesiredSlot, ObservedPicture, SlotKey } from "../core/slot.ts";
import { slotName } from "../core/slot.ts";
import { createEngineGuard } from "./engine-guard.ts";
import { createImages } from "./images.ts";
import { marksOf } from "./labels.ts";
import { createLimit } from "./limits.ts";
import type { Hands } from "./prove.ts";
import { createSlotWorker, type Failpoint, type SlotWorker } from "./slot-worker.ts";
import type { HostState, Journal, JournalEntry } from "./state.ts";

export type Host = {
  /** Takes the server's picture. Returns why it was refused, or null. */
  obey(picture: DesiredPicture): "stale_desired" | "foreign_server" | null;
  observed(): ObservedPicture;
  /** Finishes the step under way, and undoes a swap that has not proved itself; containers keep running. */
  stop(): Promise<void>;
};

export type HostParts = Hands & {
  readonly log: Log;
  readonly state: Pick<HostState, "orders" | "journal"> & {
    readonly files: Pick<HostState["files"], "orders" | "journal">;
  };
  /** The server that may give orders; null until one has enrolled this host. */
  readonly serverId: () => string | null;
  readonly envDir: string;
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
const pullsAtOnce = 2;

export function createHost(parts: HostParts): Host {
  const { engine, clock, log, state, onChange } = parts;
  const workers = new Map<string, SlotWorker>();
  const heavy = createLimit(heavyAtOnce);
  const pulls = createLimit(pullsAtOnce);
  const { random } = parts;
  const images = createImages({ engine, limit: (work) => pulls(() => heavy(work)), clock, log, random, onChange });
  let journal: Journal = state.journal;
  let orders: DesiredPicture | null = state.orders;
  let stopped = false;
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
      for (const container of await engine.list()) {
        const marks = marksOf(container.labels);
        if (marks !== null && !stopped && !workers.has(slotName(marks))) addWorker(marks);
      }
    } catch (thrown) {
      log.warn({ detail: String(thrown) }, "could not list containers");
      void guard.whenBack();
    }
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
      key,
      images,
      limit: heavy,
      entry: journal[name] ?? null,
      write,
      report: onChange,
      failpoint: parts.failpoint ?? (() => undefined),
      engineBack: guard.whenBack,
      engineBreaks: () => engineBreaks,
    });
    workers.set(name, worker);
    onChange();
    return worker;
  }

  function hand(slots: readonly DesiredSlot[], confirmed: boolean): void {
    for (const slot of slots) {
      const worker = workers.get(slotName(slot)) ?? addWorker(slot);
      if (worker.want(slot, confirmed)) continue;
      const { service, environment, generation } = slot;
      log.error({ service, environment, generation, reason: "stale_desired" }, "refuses an order older than one it has obeyed");
    }
  }

  function obey(picture: DesiredPicture): ReturnType<Host["obey"]> {
    const refused = refusalOf({ picture, orders, serverId: parts.serverId() });
    if (refused !== null) {
      const known = { knownServer: parts.serverId(), knownEpoch: orders?.epoch ?? 0 };
      log.error({ reason: refused, serverId: picture.serverId, epoch: picture.epoch, ...known }, "refuses the server's orders");
      return refused;
    }
    if (stopped) return null;
    orders = picture;
    // Beside the work, not before it: what an order has done can be told from the labels alone.
    state.files.orders.save(picture).catch((error) => log.error({ error: String(error) }, "the orders cannot be written down"));
    images.prepare(picture.prepare);
    hand(picture.slots, true);
    onChange();
    return null;
  }

  if (orders !== null) hand(orders.slots, false);

  return {
    obey,
    observed: () => ({
      bootId: parts.bootId,
      agentVersion: parts.agentVersion,
      epoch: orders?.epoch ?? 0,
      engine: guard.health(),
      slots: [...workers.values()].map((worker) => worker.observed()),
      images: images.observed(),
    }),
    async stop() {
      stopped = true;
      guard.stop();
      images.stop();
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
    },
  };
}

/** Epochs of one server only rise; another server is a stranger however high its epoch. */
function refusalOf(facts: {
  picture: Pick<DesiredPicture, "epoch" | "serverId">;
  orders: Pick<DesiredPicture, "epoch" | "serverId"> | null;
  serverId: string | null;
}): "stale_desired" | "foreign_server" | null {
  const { picture, orders, serverId } = facts;
  const known = serverId ?? orders?.serverId ?? null;
  if (known !== null && known !== picture.serverId) return "foreign_server";
  if (orders !== null && orders.serverId === picture.serverId && picture.epoch < orders.epoch) return "stale_desired";
  return null;
}
