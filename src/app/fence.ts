/**
 * The fence: a server that knows less than its agents stands still. It was restored from an older copy, lost commits with its
 * disk, or two servers run on copies of the same data; whatever it would order now could undo what people have decided since.
 *
 * The measure is what an agent was last told: the epoch, the history's head, the generations of its slots. Each only rises
 * while there is one server, so an agent that knows more proves that there was, or is, another past. Then the server freezes:
 * durably, with a reason, without a word to any agent; containers go on. Only a person ends it (`adopt`): what is found on the
 * hosts becomes what should be, under a higher epoch.
 *
 * An agent that has last obeyed a *lower* epoch was away when that was done. It does not freeze anything: before it is told
 * anything, what is found there is taken in likewise. Until then `mayTell` says no for its host.
 */
import type { GantryConfig } from "../config/valid.ts";
import type { FreezeFacts } from "../core/facts.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Person, RolloutState } from "../core/rollout-state.ts";
import { type DesiredSlot, type Head, type ObservedSlot, type SlotKey, slotName } from "../core/slot.ts";
import { type AdoptReport, adoptLate, carryOut, type EnvironmentFound, planAdoption } from "./adopt.ts";
import type { Conductor } from "./conductor.ts";
import type { Clock, Log } from "./ports.ts";
import type { ChainFault, Store, StoredSlot } from "./store.ts";

/** What an agent says of itself: at the connection only epoch and head, in a report the rest. Old agents leave out what they do not know. */
export type AgentSays = {
  readonly host: string;
  readonly epoch?: number | undefined;
  readonly head?: Head | undefined;
  readonly slots?: readonly ObservedSlot[] | undefined;
  readonly orders?: readonly DesiredSlot[] | undefined;
  readonly engine?: { readonly ok: boolean } | undefined;
  readonly whole?: boolean | undefined;
};

/** What has been heard of a host over its present connection. */
export type Heard = {
  readonly epoch: number | null;
  readonly head: Head | null;
  /** null: it has not reported yet. */
  readonly slots: readonly ObservedSlot[] | null;
  readonly orders: readonly DesiredSlot[];
  readonly engineOk: boolean;
  /** False: it may have slots of which it does not know. Old agents do not say, and count as if they knew. */
  readonly isWhole: boolean;
};

export type FenceParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: GantryConfig;
  /** A function, because the conductor needs the hub, the hub the desk, and the desk this fence. */
  readonly conductor: () => Pick<Conductor, "tell" | "atomically">;
  readonly isConnected: (host: string) => boolean;
  readonly nudge: (host: string) => void;
  /** What is live there is known now. */
  readonly converge: (key: SlotKey) => void;
  /** The freeze is over without an adoption: everything that stood still is looked at again. */
  readonly thawed: () => void;
};

export type Fence = {
  /** Looks at what an agent says. True: the server is frozen, now or already. */
  check(says: AgentSays): boolean;
  /** What the store itself has found wrong with its history: it stands still likewise. Nothing when it does so already. */
  suspect(fault: ChainFault): void;
  /** After a start: what was under way stands still when the server was frozen, or restored, meanwhile. */
  recover(): void;
  isFrozen(): boolean;
  /** Why, with all hosts that say so by now; null while it is not frozen. */
  frozen(): FreezeFacts | null;
  /** How far each agent knows the history, as it said over its present connection; who knows only of an older epoch is left out. */
  heads(): readonly { readonly host: string; readonly head: Head }[];
  /** What a state-changing act is answered while frozen; null while all is well. */
  refusal(): Refusal | null;
  /** Whether the host may be told anything: not while frozen, nor before what was found there is taken in. */
  mayTell(host: string): boolean;
  /** Hosts that have to come, since an adoption that heard none of the environment, before anybody knows what is live there. */
  awaited(key: SlotKey): readonly string[];
  /**
   * A person has taken the host's key away: what it claims, and what only it could say, counts no more. That ends a freeze which
   * it brought about, once another host has said that it knows nothing more; as long as none has, it may have been right.
   */
  revoked(host: string, by: Person | null): void;
  /** Takes what runs for what should be and ends the freeze. `preview`: only says what it would do. */
  adopt(facts: { readonly by: Person; readonly preview?: boolean }): AdoptReport;
};

/** Acts of people since an adoption, at most, for it to be remembered when the history is found at fault. */
const adoptionsSought = 10_000;

/** Environments of which an adoption heard no host, and the number of the first rollout after it. */
type Unheard = { readonly found: readonly Pick<EnvironmentFound, "service" | "environment" | "awaits">[]; readonly next: number };

export function createFence(parts: FenceParts): Fence {
  const { store, clock, log } = parts;
  const heard = new Map<string, Heard>();
  /** Hosts that know what this server knows, since their present connection began. */
  const settled = new Set<string>();
  let lastUnheard: Unheard | null = null;

  function check(says: AgentSays): boolean {
    const host = remember(says);
    const frozen = store.freeze.current();
    if (frozen !== null) return !(accuserIsGone(frozen) && withdraw(frozen, null));
    const fault = faultOf(says.host, host);
    // A last report may have been on its way when its key was taken away.
    if (fault !== null && store.hosts.find(says.host)?.revokedAt === null) {
      freeze({ ...fault, at: clock.now(), host: says.host });
      return true;
    }
    if (fault === null) settle(says.host, host);
    return false;
  }

  function remember(says: AgentSays): Heard {
    const isReport = says.slots !== undefined;
    const known = isReport ? heard.get(says.host) : undefined;
    if (!isReport) settled.delete(says.host);
    const now: Heard = {
      epoch: says.epoch ?? known?.epoch ?? null,
      head: says.head ?? known?.head ?? null,
      slots: says.slots ?? null,
      // It shows them in every report until it obeys: those of an earlier one are no longer what it goes by.
      orders: says.orders ?? [],
      engineOk: says.engine?.ok ?? true,
      isWhole: says.whole ?? true,
    };
    heard.set(says.host, now);
    return now;
  }

  /** Epoch 0: it has never obeyed this server, so whatever else it knows is of another one. Any lower epoch: see `settle`. */
  function faultOf(host: string, says: Heard): Pick<FreezeFacts, "reason" | "detail"> | null {
    const { epoch, head } = says;
    if (epoch === null || epoch < store.epoch) return null;
    if (epoch > store.epoch) {
      return { reason: "server_behind", detail: `${host} has obeyed epoch ${epoch}, and this server is at ${store.epoch}.` };
    }
    const mine = store.history.head();
    if (head !== null && head.seq > mine.seq) {
      const detail = `${host} knows the history up to #${head.seq}, and here it ends at #${mine.seq}.`;
      return { reason: "server_behind", detail };
    }
    if (head !== null && head.seq > 0 && store.history.hashAt(head.seq) !== head.hash) {
      const detail = `${host} knows #${head.seq} of the history as ${head.hash.slice(0, 12)}, and here it is another.`;
      return { reason: "history_forked", detail };
    }
    const ahead = toldOf(host, says).find((slot) => slot.generation > generationOf(host, slot));
    if (ahead === undefined) return null;
    const own = generationOf(host, ahead);
    const detail = `${host} was told generation ${ahead.generation} of ${slotName(ahead)}, and here it is ${own}.`;
    return { reason: "server_behind", detail };
  }

  /**
   * Only what it was told counts: a container may carry a generation of another server. Old agents do not tell the two apart,
   * so of them only slots count of which this server has wanted something.
   */
  function toldOf(host: string, says: Heard): readonly { service: string; environment: string; generation: number }[] {
    if (says.head !== null || says.orders.length > 0) return says.orders;
    return (says.slots ?? []).filter((slot) => generationOf(host, slot) > 0);
  }

  function generationOf(host: string, slot: { service: string; environment: string }): number {
    return store.slots.get(host, slot)?.generation ?? 0;
  }

  function freeze(facts: FreezeFacts): void {
    store.transact(() => {
      store.freeze.set(facts);
      store.history.act({ at: facts.at, kind: "frozen", by: null, facts: { ...facts } });
    });
    standStill(facts);
  }

  function standStill(frozen: FreezeFacts): void {
    log.error({ ...frozen }, "frozen: nothing is sent to any agent until `gantry adopt`");
    for (const { number, state } of store.rollouts.allActive()) {
      if (state.pauses.some((pause) => pause.reason === "server_behind")) continue;
      const pause = { type: "paused", at: clock.now(), reason: "server_behind", by: null, why: frozen.detail } as const;
      parts.conductor().tell(number, pause);
    }
  }

  /** Hosts by whose word this server is behind. Of those that went meanwhile their last word counts. */
  function accusers(): { readonly host: string; readonly fault: Pick<FreezeFacts, "reason" | "detail"> }[] {
    return [...heard].flatMap(([host, says]) => {
      const fault = store.hosts.find(host)?.revokedAt === null ? faultOf(host, says) : null;
      return fault === null ? [] : [{ host, fault }];
    });
  }

  function accuserIsGone({ host }: FreezeFacts): boolean {
    return host !== null && store.hosts.find(host)?.revokedAt !== null;
  }

  /** Those that have obeyed a server before, are there, and have said all they know: what they do not know, they contradict. */
  function witnesses(besides: string): readonly string[] {
    const hasSpoken = ({ epoch, slots }: Heard) => slots !== null && (epoch ?? 0) > 0;
    return [...heard].flatMap(([host, says]) => (host !== besides && hasSpoken(says) && parts.isConnected(host) ? [host] : []));
  }

  function frozen(): FreezeFacts | null {
    const now = store.freeze.current();
    if (now === null || now.host === null) return now;
    if (accuserIsGone(now)) return { ...now, detail: `${now.detail}${goneText(now.host)}` };
    const others = accusers().flatMap(({ host }) => (host === now.host ? [] : [host]));
    return { ...now, detail: `${now.detail}${othersText(now.host, { others, agree: witnesses(now.host).length })}` };
  }

  /** The host that brought the freeze about was revoked: what others say like it keeps it up, and so does what it never said. */
  function withdraw({ host, at, detail }: FreezeFacts, by: Person | null): boolean {
    const [next] = accusers();
    if (next !== undefined) {
      store.freeze.set({ ...next.fault, at, host: next.host });
      return false;
    }
    if (host === null || witnesses(host).length === 0) return false;
    parts.conductor().atomically(() => {
      store.freeze.clear();
      store.history.act({ at: clock.now(), kind: "unfrozen", by, facts: { host, detail } });
      for (const { number } of store.rollouts.allActive()) {
        parts.conductor().tell(number, { type: "resumed", at: clock.now(), reason: "server_behind", by: null });
      }
    });
    log.warn(
      { by, host, detail },
      "the host that froze this server is revoked, and nobody else says what it said: the freeze is over",
    );
    for (const [name, says] of heard) if (parts.isConnected(name)) settle(name, says);
    for (const name of heard.keys()) parts.nudge(name);
    parts.thawed();
    return true;
  }

  /** What a person has adopted in spite of a fault stands. */
  function adoptedAt(): number {
    return lastAdoption()?.seq ?? 0;
  }

  function lastAdoption() {
    return store.history.acts(adoptionsSought).find((act) => act.kind === "adopted");
  }

  /** The host knows what we know, or what it knows is taken in now. */
  function settle(host: string, says: Heard): void {
    if (settled.has(host)) return;
    const isPast = store.epoch > 1 && says.epoch !== store.epoch;
    if (isPast && says.slots === null) return;
    const isAwaited = (key: SlotKey) => awaited(key).length > 0;
    const known = isPast ? parts.conductor().atomically(() => adoptLate(parts, { host, says, isAwaited })) : [];
    if (known === null) return;
    settled.add(host);
    for (const key of known) parts.converge(key);
    if (isPast) parts.nudge(host);
  }

  /** Of the newest adoption: the history is the memory of it. */
  function unheard(): Unheard {
    if (lastUnheard !== null) return lastUnheard;
    const { found = [], next = 0 } = (lastAdoption()?.facts ?? {}) as Partial<Unheard>;
    lastUnheard = { found: found.filter((e) => (e.awaits ?? []).length > 0), next };
    return lastUnheard;
  }

  function awaited({ service, environment }: SlotKey): readonly string[] {
    const { found, next } = unheard();
    const mine = found.find((e) => e.service === service && e.environment === environment);
    if (mine === undefined) return [];
    // Somebody has deployed since, or a host has come.
    if ((store.rollouts.live(service, environment)?.number ?? 0) >= next) return [];
    return mine.awaits.filter((host) => store.hosts.find(host)?.revokedAt === null);
  }

  function adopt(facts: { by: Person; preview?: boolean }): AdoptReport {
    const plan = planAdoption(parts, heard);
    if (facts.preview === true) return plan.report;
    const before = [...settled];
    try {
      parts.conductor().atomically(() => {
        carryOut(parts, { plan, by: facts.by });
        // Before anybody hears of the commit: what it frees may be told at once.
        for (const { host } of plan.report.hosts) settled.add(host);
      });
    } catch (error) {
      settled.clear();
      for (const host of before) settled.add(host);
      throw error;
    }
    lastUnheard = null;
    const { epoch, away } = plan.report;
    log.warn({ by: facts.by, epoch, away }, "adopted what runs; the freeze is over");
    for (const { host } of plan.report.hosts) parts.nudge(host);
    return plan.report;
  }

  return {
    check,
    suspect(fault) {
      if (store.freeze.current() !== null) return;
      if (fault.seq <= adoptedAt()) {
        log.warn({ ...fault }, "the history does not hold before the last adoption; a person has gone on from there");
        return;
      }
      const detail = `the history does not hold at #${fault.seq} (${fault.what}).`;
      freeze({ reason: "history_forked", at: clock.now(), host: null, detail });
    },
    recover() {
      const frozen = store.freeze.current();
      if (frozen !== null) standStill(frozen);
    },
    isFrozen: () => store.freeze.current() !== null,
    frozen,
    heads: () =>
      [...heard].flatMap(([host, { head, epoch }]) => {
        const isOfToday = head !== null && epoch === store.epoch && parts.isConnected(host);
        return isOfToday ? [{ host, head }] : [];
      }),
    refusal() {
      const now = frozen();
      return now === null ? null : refuse(now.reason, refusalText(now));
    },
    mayTell(host) {
      if (store.freeze.current() !== null) return false;
      return settled.has(host) || (store.epoch === 1 && !heard.has(host));
    },
    awaited,
    revoked(host, by) {
      heard.delete(host);
      settled.delete(host);
      for (const key of unheard().found) if (key.awaits.includes(host)) parts.converge(key);
      const frozen = store.freeze.current();
      if (frozen?.host === host) withdraw(frozen, by);
    },
    adopt,
  };
}

/** Whether it is one host's word against all others', which a person must know before going by it. */
function othersText(host: string, { others, agree }: { readonly others: readonly string[]; readonly agree: number }): string {
  if (others.length > 0) return ` More than this server know also: ${others.join(", ")}.`;
  if (agree === 0) return " No other host is connected that could say otherwise.";
  const rest = agree === 1 ? "the one other host that is connected knows" : `the ${agree} other hosts that are connected know`;
  return ` Only ${host} says so; ${rest} nothing more. If it cannot be right: \`gantry revoke ${host}\` ends this.`;
}

function goneText(host: string): string {
  const ends = "it ends by itself when one comes that knows nothing more, and with `gantry adopt`";
  return ` ${host} is revoked since, and no other host is connected that could contradict it: ${ends}.`;
}

function refusalText({ at, detail }: FreezeFacts): string {
  const since = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return `Gantry stands still since ${since} UTC: ${detail} Nothing is sent to the hosts, and what runs there goes on.`;
}

/**
 * What an adoption found on a slot is changed by people only: the release that it made live is not brought to a host on which
 * something else was found, and where nobody has decided (`rollout` null) nothing is.
 */
export function leftAsAdopted(slot: StoredSlot | null, live: RolloutState | null): boolean {
  if (slot === null || slot.generation === 0) return false;
  return slot.rollout === null || (live?.kind === "adopt" && slot.rollout === live.number);
}
