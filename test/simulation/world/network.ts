/**
 * The wires between agents and server. Each connection delivers in order; a direction that is blocked holds what was sent, as
 * TCP does, until it opens again or an end gives up. Pings are not played one by one: whoever has heard nothing for as long as
 * the real link and hub wait takes the other for dead.
 */
import type { Random } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export type Side = "agent" | "server";

/** What a host's cable lets through: `up` from the agent to the server. */
export type Cable = { upBlocked: boolean; downBlocked: boolean; slowestMs: number };

export type End = {
  /** Messages in order. */
  onMessage(message: unknown): void;
  onClose(): void;
};

export type Wire = {
  send(from: Side, message: unknown): void;
  close(from: Side): void;
  isOpen(side: Side): boolean;
  /** The cable changed, or a process was stopped: who hears nothing from now on will give up. */
  look(): void;
  /** A process ended; the kernel closes its sockets, unless the power went. */
  processEnded(side: Side, facts: { readonly silently: boolean }): void;
  /** Whether a ping sent now by the server would be answered within the time. */
  answersPing(): boolean;
};

/** As in hub.ts and link.ts. */
const deadMs = 15_000;
const heartbeatMs = 5_000;

export function createWire(facts: {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly cable: Cable;
  readonly lives: Readonly<Record<Side, Life>>;
  readonly ends: Readonly<Record<Side, End>>;
}): Wire {
  const { scheduler, random, cable, lives, ends } = facts;
  const open: Record<Side, boolean> = { agent: true, server: true };
  const arrived: Record<Side, number> = { agent: 0, server: 0 };
  const held: Record<Side, (() => void)[]> = { agent: [], server: [] };
  const deafSince: Record<Side, number | null> = { agent: null, server: null };

  const other = (side: Side): Side => (side === "agent" ? "server" : "agent");
  const isBlocked = (from: Side) => (from === "agent" ? cable.upBlocked : cable.downBlocked);

  /** What comes from this side arrives at the other in order. */
  function carry(from: Side, work: () => void): void {
    const at = Math.max(arrived[from], scheduler.now() + random.between(1, cable.slowestMs));
    arrived[from] = at;
    scheduler.relay(at, () => {
      if (isBlocked(from) || held[from].length > 0) held[from].push(work);
      else scheduler.after(0, lives[other(from)], work);
    });
  }

  function send(from: Side, message: unknown): void {
    if (!open[from]) return;
    carry(from, () => {
      if (open[other(from)]) ends[other(from)].onMessage(message);
    });
  }

  function close(from: Side): void {
    if (!open[from]) return;
    open[from] = false;
    carry(from, () => closedBy(other(from)));
    scheduler.after(0, lives[from], () => ends[from].onClose());
  }

  function closedBy(side: Side): void {
    if (!open[side]) return;
    open[side] = false;
    ends[side].onClose();
  }

  /** Nothing reaches this side. */
  function isDeaf(side: Side): boolean {
    const peer = lives[other(side)];
    return isBlocked(other(side)) || !open[other(side)] || !peer.alive || peer.stopped;
  }

  function listen(side: Side): void {
    if (!open[side]) return;
    if (!isDeaf(side)) {
      deafSince[side] = null;
      return;
    }
    if (deafSince[side] !== null) return;
    const since = scheduler.now();
    deafSince[side] = since;
    scheduler.after(deadMs + random.between(0, heartbeatMs), lives[side], () => {
      if (deafSince[side] !== since || !open[side]) return;
      if (isDeaf(side)) close(side);
      else deafSince[side] = null;
    });
  }

  return {
    send,
    close,
    isOpen: (side) => open[side],
    look() {
      for (const from of ["agent", "server"] as const) {
        if (isBlocked(from)) continue;
        for (const work of held[from].splice(0)) scheduler.after(0, lives[other(from)], work);
      }
      listen("agent");
      listen("server");
    },
    processEnded(side, { silently }) {
      open[side] = false;
      if (silently) listen(other(side));
      else carry(side, () => closedBy(other(side)));
    },
    answersPing() {
      const { alive, stopped } = lives.agent;
      return open.agent && alive && !stopped && !cable.upBlocked && !cable.downBlocked;
    },
  };
}
