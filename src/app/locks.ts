/** Locks: a person holds an environment, with a reason, until a time or until it is given back. Nothing but a rollback begins meanwhile. */
import type { LockFacts } from "../core/facts.ts";
import { refuse } from "../core/reasons.ts";
import type { SlotKey } from "../core/slot.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import type { Done, Gantry, Refused } from "./gantry.ts";
import { lockOf, lockSentence } from "./gates.ts";
import type { Line } from "./line.ts";
import { keyOf, lockersOf, nameOf, type Place, placeOf, unlockersOf } from "./place.ts";

export type LockParts = RequestParts & {
  readonly line: Pick<Line, "advance">;
  /** Draws the card of a rollout again: those in line show what they wait for. */
  readonly redraw: (rollout: number) => void;
};

export type Locks = Pick<Gantry, "lock" | "unlock"> & {
  /** After a start, and after anything that may have cleared locks: ends those whose time has passed, and wakes for the next. */
  arm(): void;
  stop(): void;
};

const storeRetryMs = 5_000;
/** While the server is frozen nothing is written; a lock whose time has passed holds nothing meanwhile. */
const frozenRetryMs = 60_000;
const longestReason = 300;

export function createLocks(parts: LockParts): Locks {
  const { store, config, clock, log, people, line, conductor } = parts;
  let cancelWake: (() => void) | null = null;
  let stopped = false;

  async function lock(facts: Parameters<Gantry["lock"]>[0]): Promise<Done | Refused> {
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return refused(place);
    const { actor, forMs } = facts;
    const refusal = await people.refusal({ actor, roles: lockersOf(place), what: `lock ${nameOf(place)}` });
    if (refusal !== null) return refused(refusal);
    const why = facts.why.trim().slice(0, longestReason);
    if (why === "") {
      const next = `Say why: \`/gantry lock ${nameOf(place)} <why> [--for 2h]\`.`;
      return refused(refuse("missing_word", "A lock needs a reason, for everybody who finds it.", next));
    }
    const key = keyOf(place);
    const answer = conductor.atomically((): Done | Refused => {
      const now = clock.now();
      const known = lockOf(store, key, now);
      if (known !== null && !isSame(known.by, actor)) return refused(heldByAnother(place, known));
      const fresh: LockFacts = { by: actor, at: now, why, until: forMs === null ? null : now + forMs };
      store.locks.put(key, fresh);
      store.history.act({ at: now, kind: "locked", by: actor, facts: { ...key, why, until: fresh.until } });
      return { kind: "done", text: `${lockSentence(place, fresh)}${goesOn(key)}` };
    });
    changed(key);
    return answer;
  }

  /** A lock stops nothing that has begun. */
  function goesOn(key: SlotKey): string {
    const active = store.rollouts.active(key.service, key.environment);
    return active === null ? "" : ` #${active.number} is under way and goes on; nothing new begins.`;
  }

  function heldByAnother(place: Place, known: LockFacts) {
    const who = `${known.by.name}, or ${unlockersOf(place).join(" or ")}`;
    return refuse("locked", lockSentence(place, known), `Only ${who} can take it away: \`/gantry unlock ${nameOf(place)}\`.`);
  }

  async function unlock(facts: Parameters<Gantry["unlock"]>[0]): Promise<Done | Refused> {
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return refused(place);
    const { actor } = facts;
    const key = keyOf(place);
    const seen = lockOf(store, key, clock.now());
    const refusal =
      seen === null || isSame(seen.by, actor)
        ? null
        : await people.refusal({ actor, roles: unlockersOf(place), what: `take away the lock of ${seen.by.name}` });
    if (refusal !== null)
      return refused({ ...refusal, text: `${refusal.text} ${seen === null ? "" : lockSentence(place, seen)}` });
    const answer = conductor.atomically((): Done | Refused => {
      const known = lockOf(store, key, clock.now());
      if (known === null) return { kind: "done", text: `${nameOf(place)} is not locked.` };
      // Somebody else locked it while the role was looked up.
      if (seen === null || !isSame(known.by, seen.by)) return refused(heldByAnother(place, known));
      end(key, { kind: "unlocked", by: actor });
      return { kind: "done", text: `${nameOf(place)} is not locked any more.${comesNext(key)}` };
    });
    changed(key);
    return answer;
  }

  function comesNext(key: SlotKey): string {
    const first = store.rollouts.inLine(key.service, key.environment)[0];
    return first === undefined ? "" : ` #${first.number} is first in line.`;
  }

  function end(key: SlotKey, facts: { readonly kind: "unlocked" | "lock_expired"; readonly by: LockFacts["by"] | null }): void {
    const known = store.locks.find(key);
    store.locks.remove(key);
    const lockedBy = known?.by ?? null;
    store.history.act({
      at: clock.now(),
      kind: facts.kind,
      by: facts.by,
      facts: { ...key, lockedBy, lockedAt: known?.at ?? null },
    });
  }

  /** After the commit. */
  function changed(key: SlotKey): void {
    arm();
    for (const { number } of store.rollouts.inLine(key.service, key.environment)) parts.redraw(number);
    line.advance(key);
  }

  function arm(): void {
    cancelWake?.();
    cancelWake = null;
    if (stopped) return;
    const next = store.locks.nextExpiry();
    if (next === null) return;
    if (next <= clock.now()) expire();
    else cancelWake = clock.wakeAt(next, expire);
  }

  function expire(): void {
    cancelWake = null;
    if (stopped) return;
    if (store.freeze.current() !== null) {
      cancelWake = clock.wakeAt(clock.now() + frozenRetryMs, expire);
      return;
    }
    try {
      const due = store.locks.expired(clock.now());
      store.transact(() => {
        for (const key of due) end(key, { kind: "lock_expired", by: null });
      });
      for (const key of due) log.info({ ...key }, "a lock ended by its time");
      arm();
      for (const key of due) changed(key);
    } catch (error) {
      log.error({ err: error }, "a lock whose time has passed could not be cleared yet; it holds nothing any more");
      cancelWake = clock.wakeAt(clock.now() + storeRetryMs, expire);
    }
  }

  return {
    lock,
    unlock,
    arm,
    stop() {
      stopped = true;
      cancelWake?.();
    },
  };
}

function isSame(a: { readonly kind: string; readonly id: string }, b: { readonly kind: string; readonly id: string }): boolean {
  return a.kind === b.kind && a.id === b.id;
}
