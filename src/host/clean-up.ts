/**
 * Removes images that nobody needs any more, so that hosts do not fill up with what was deployed once. Only what this
 * agent fetched itself, as its state directory says: an image of unknown origin is somebody else's.
 *
 * An image stays when an order names it, when the server says that a rollback would start it, when a plan asks to have it
 * ready, when any container of ours was made from it, and when it is among the newest `keep` of its repository besides those.
 * The engine refuses to remove what another container uses, and is never forced.
 */
import type { Clock, Log } from "../app/ports.ts";
import { membersOf } from "../core/members.ts";
import type { DesiredPicture, DesiredSlot } from "../core/slot.ts";
import type { Engine } from "./engine.ts";
import type { Limit } from "./limits.ts";

/** One image that this agent fetched. */
export type Fetched = {
  /** The repository that the order named: its images are counted together, whichever mirror they came from. */
  readonly image: string;
  /** `repository@digest` as the engine has it. */
  readonly ref: string;
  readonly digest: string;
  /** When an order needed it last, in epoch milliseconds. */
  readonly usedAt: number;
};

export type CleanUp = {
  /** An order needed this image. `fetched`: it was not there before, and is this agent's from now on. */
  used(image: Omit<Fetched, "usedAt"> & { readonly fetched: boolean }): void;
  /** Something has ended: look after a while, once, however often it is said. */
  soon(): void;
  /** Before a pull. Resolves with how many images went, always: what cannot be cleaned stays. */
  makeRoom(when: "now" | "when short"): Promise<number>;
  stop(): void;
};

/** What a service file says that says nothing. */
const usualKeep = 2;
const afterMs = 10_000;
/** Less free space than this is worth a look before the next pull. */
const shortBytes = 2 * 1024 ** 3;

export function createCleanUp(facts: {
  readonly engine: Pick<Engine, "list" | "removeImage" | "freeBytes">;
  readonly clock: Clock;
  readonly log: Log;
  readonly limit: Limit;
  readonly fetched: readonly Fetched[];
  readonly save: (fetched: readonly Fetched[]) => Promise<void>;
  readonly orders: () => DesiredPicture | null;
}): CleanUp {
  const { engine, clock, log, limit } = facts;
  let fetched = facts.fetched;
  let running: Promise<number> | null = null;
  let cancel: (() => void) | null = null;
  let stopped = false;

  function remember(next: readonly Fetched[]): void {
    fetched = next;
    // Lost entries only mean that an image stays for good.
    facts.save(next).catch((error) => log.warn({ error: String(error) }, "the list of fetched images cannot be written down"));
  }

  function used({ image, ref, digest, fetched: isNew }: Parameters<CleanUp["used"]>[0]): void {
    const known = fetched.find((one) => one.ref === ref);
    if (known === undefined && !isNew) return;
    remember([...fetched.filter((one) => one !== known), { image, ref, digest, usedAt: clock.now() }]);
  }

  function soon(): void {
    if (cancel !== null || stopped || fetched.length === 0) return;
    cancel = clock.wakeAt(clock.now() + afterMs, () => {
      cancel = null;
      void run();
    });
  }

  function run(): Promise<number> {
    running ??= clean().finally(() => {
      running = null;
    });
    return running;
  }

  async function clean(): Promise<number> {
    let removed = 0;
    try {
      // Without an order nobody has said what is needed.
      if (facts.orders() === null || spare({ fetched, orders: facts.orders(), inUse: [] }).length === 0) return 0;
      const inUse = (await engine.list()).map((container) => container.labels["gantry.digest"] ?? "");
      for (const { ref } of spare({ fetched, orders: facts.orders(), inUse })) {
        // Asked anew each time: an order may have come meanwhile.
        const one = spare({ fetched, orders: facts.orders(), inUse }).find((each) => each.ref === ref);
        if (one === undefined || stopped) continue;
        if (!(await limit(() => engine.removeImage(ref)))) continue;
        removed += 1;
        remember(fetched.filter((each) => each !== one));
        log.info({ image: ref }, "an image that nobody needs was removed");
      }
    } catch (thrown) {
      log.warn({ detail: String(thrown) }, "images could not be cleaned up; tried again later");
    }
    return removed;
  }

  return {
    used,
    soon,
    async makeRoom(when) {
      if (fetched.length === 0) return 0;
      const free = when === "now" ? 0 : await engine.freeBytes();
      return free !== null && free < shortBytes ? await run() : 0;
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

/** Those that may go, longest unused first. `inUse`: digests of this host's containers. */
export function spare(facts: {
  readonly fetched: readonly Fetched[];
  readonly orders: DesiredPicture | null;
  readonly inUse: readonly string[];
}): readonly Fetched[] {
  const { slots = [], prepare = [] } = facts.orders ?? {};
  const ordered = slots.flatMap((slot) => (slot.release === null ? [] : membersOf(slot.release).map((m) => m.digest)));
  const wayBack = slots.flatMap((slot) => slot.wayBack ?? []);
  const needed = new Set([...ordered, ...wayBack, ...prepare.map((p) => p.digest), ...facts.inUse]);
  const byAge = facts.fetched.filter((one) => !needed.has(one.digest)).sort((a, b) => a.usedAt - b.usedAt);
  return byAge.filter((one) => {
    const newer = byAge.filter((other) => other.image === one.image && byAge.indexOf(other) > byAge.indexOf(one));
    return newer.length >= keepOf(slots, one.image);
  });
}

/** Where services share a repository the one that keeps most is heard. */
function keepOf(slots: readonly DesiredSlot[], image: string): number {
  const keeps = slots.flatMap((slot) => (usesImage(slot, image) ? [slot.keep ?? usualKeep] : []));
  return keeps.length === 0 ? usualKeep : Math.max(...keeps);
}

function usesImage({ release }: DesiredSlot, image: string): boolean {
  return release !== null && membersOf(release).some((member) => member.container.image === image);
}
