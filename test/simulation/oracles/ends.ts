/** What is called a success: I12 (every host proved the digest, for the whole soak), verdicts, and I17 (reports of the right generation). */
import type { HostStatus, RolloutState } from "../../../src/core/rollout-state.ts";
import type { ObservedPicture, ObservedSlot } from "../../../src/core/slot.ts";
import type { Change } from "../world/memory-store/ledger.ts";
import { slotName } from "../world/slot-name.ts";
import type { Containers } from "./containers.ts";
import { type Ground, placeOf, type Recorded } from "./ground.ts";

export type Ends = {
  onCommit(changes: readonly Change[]): void;
  onHeard(host: string, picture: ObservedPicture, instance: string): void;
  onTaken(host: string, picture: ObservedPicture): void;
  onRestore(): void;
};

/** A report travels, waits in buffers and may be held up for as long as it takes to give a connection up. */
const reportAgeMs = 45_000;
/** So long an agent may take to see it: three probes in a row must fail, eight seconds apart. */
const agentSeesMs = 32_000;
/** True time in a soak, at least: a clock that was set is followed slowly. */
const steadyShare = 0.94;

export function watchEnds(ground: Ground, containers: Containers): Ends {
  const { world, fail, reached } = ground;
  const { store } = world.disk;
  const logs = new Map<number, Recorded[]>();
  const heard = new Map<string, ObservedSlot>();
  /** Which process of a host said it: a new one may have forgotten what it was told just before the old one died. */
  const speakers = new Map<string, string>();
  /** What was wanted before the commit that is looked at: it may want something else already. */
  const wanted = new Map<string, number>();
  /** When it was said, by the server's clock. */
  const saidAt = new Map<string, number>();
  /** When the soak of a rollout was to end, as its last event left it. */
  const soakEnds = new Map<number, number | null>();

  function onCommit(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.table === "event") onEvent(change.number, change.seq);
      if (change.table === "verdict") onVerdict(change.id);
    }
    for (const change of changes) {
      if (change.table !== "slot") continue;
      wanted.set(slotName(change.host, change), store.slots.get(change.host, change)?.generation ?? 0);
    }
  }

  function onEvent(number: number, seq: number): void {
    const event = store.rollouts.events(number)[seq - 1];
    const state = store.rollouts.find(number)?.state;
    if (event === undefined || state === undefined) return;
    const log = logs.get(number) ?? [];
    log.push({ event, seq, at: world.scheduler.now() });
    logs.set(number, log);
    if (event.type === "host_swapped") judgeSwap(state, event.host);
    if (event.type === "soaked") judgeSoak(state, log);
    if (event.type === "soaked") judgeProof(state, soakEnds.get(number) ?? null);
    soakEnds.set(number, state.soakEndsAt);
    if (event.type === "paused") reached("paused");
    if (
      state.endedAt !== null &&
      log.filter((r) => r.event.type !== "watch_raised" && r.event.type !== "watch_ended").at(-1)?.seq === seq
    ) {
      reached(`ended: ${state.kind === "rollback" ? "rollback " : ""}${state.phase}`);
      if (state.phase === "succeeded" && state.kind !== "adopt") judgeSuccess(state);
    }
  }

  function judgeSwap(state: RolloutState, host: string): void {
    reached("swaps");
    const key = slotName(host, state);
    const report = heard.get(key);
    const generation = wanted.get(key);
    if (generation === undefined || report === undefined) return;
    if (report.generation !== generation) {
      fail("I17", `${host} counts as swapped by a report of generation ${report.generation}; ${generation} is wanted`);
    }
    if (report.live?.release !== state.release && !world.forgetful.has(host))
      fail("I12", `${host} counts as swapped to r${state.release} and serves r${report.live?.release ?? "nothing"}`);
    judgeServed(state, host, { words: "counts as swapped", withinMs: Number.POSITIVE_INFINITY });
  }

  function judgeServed(state: RolloutState, host: string, { words, withinMs }: { words: string; withinMs: number }): void {
    const digest = store.releases.find(state.service, state.release)?.digest;
    // A clone reports as the host that it was copied from.
    const machines = world.sites.filter((s) => s.host === host).map((s) => s.machine);
    const times = machines
      .map((machine) => containers.servedAt(machine, placeOf(state), digest ?? ""))
      .filter((at) => at !== null);
    const last = times.length === 0 ? null : Math.max(...times);
    if (last === null) fail("I12", `${host} ${words} with r${state.release} in #${state.number}, and never ran it`);
    else if (world.scheduler.now() - last > withinMs)
      fail(
        "I12",
        `${host} ${words} with r${state.release} in #${state.number}, and has not run it for ${world.scheduler.now() - last} ms`,
      );
  }

  function serverTime(): number {
    return world.server?.clock.now() ?? Number.NEGATIVE_INFINITY;
  }

  function judgeSoak(state: RolloutState, log: readonly Recorded[]): void {
    reached("soaks");
    const now = world.scheduler.now();
    const last = log.findLast((r) => r.event.type === "host_swapped");
    const skipped = log.some((r) => r.event.type === "soak_skipped" && r.seq > (last?.seq ?? 0));
    // One that goes back, or ends without having been good, has had the soak of its batch only.
    const isEnd = state.phase === "succeeded" || state.phase === "incomplete";
    const soakMs = isEnd ? (state.policy?.endSoakMs ?? 0) : (state.policy?.soakMs ?? 0);
    if (last === undefined || skipped || last.at < world.timeSlippedAt) return;
    if (now - last.at < soakMs * steadyShare - 50) fail("I12", `#${state.number} soaked for ${now - last.at} ms of ${soakMs}`);
  }

  /** Silence was held against a host; now it has said that it serves well. */
  function judgeLate(host: string, slot: ObservedSlot): void {
    const state = store.rollouts.active(slot.service, slot.environment)?.state;
    if (state === undefined || !["queued", "rolling", "soaking"].includes(state.phase)) return;
    const known = state.hosts.find((h) => h.host === host);
    if (known?.status !== "failed" || known.attempt === 0 || known.served === true) return;
    if (known.reason !== "host_lost" && known.reason !== "deadline_passed" && known.reason !== "no_progress") return;
    const wanted = store.slots.get(host, slot);
    if (wanted?.rollout !== state.number || wanted.generation !== slot.generation || slot.outcome?.ok !== true) return;
    if (slot.live?.release === state.release && slot.live.health === "ok")
      fail("LATE", `${host} has come to serve r${state.release}, and still counts as failed in #${state.number}`);
  }

  /** Time alone proves nothing: every host has said after the end of the soak that it is well. */
  function judgeProof(state: RolloutState, soakEndsAt: number | null): void {
    if (soakEndsAt === null) return;
    // What has passed since, in true time; a clock that was set runs up to a twentieth off.
    const sinceMs = Math.max(0, serverTime() - soakEndsAt) / steadyShare;
    for (const { host, status } of state.hosts) {
      if (!isPartOfProof(status)) continue;
      judgeServed(state, host, { words: "has proved its soak", withinMs: sinceMs + agentSeesMs });
      const at = saidAt.get(slotName(host, state)) ?? Number.NEGATIVE_INFINITY;
      if (at < soakEndsAt)
        fail(
          "I12",
          `the soak of #${state.number} ended, and ${host} has not been heard since ${soakEndsAt - at} ms before its end`,
        );
    }
  }

  function judgeSuccess(state: RolloutState): void {
    const open = state.hosts.filter((h) => h.status !== "healthy" && h.status !== "unchanged");
    if (open.length > 0) fail("I12", `#${state.number} succeeded, and ${open.map((h) => `${h.host} is ${h.status}`).join(", ")}`);
    if (state.hosts.length === 0) fail("I12", `#${state.number} succeeded on no host at all`);
    for (const h of state.hosts)
      if (isPartOfProof(h.status)) judgeServed(state, h.host, { words: "is part of a success", withinMs: reportAgeMs });
  }

  function onVerdict(id: number): void {
    const verdict = store.verdict(id);
    if (verdict === undefined) return;
    reached(`judged ${verdict.verdict}`);
    world.trace.note(`#${verdict.rollout}`, `r${verdict.release} is judged ${verdict.verdict} in ${placeOf(verdict)}`);
    if (verdict.verdict !== "good") return;
    const rollout = store.rollouts.find(verdict.rollout);
    const log = logs.get(verdict.rollout) ?? [];
    const phase = rollout?.state.phase;
    if (rollout?.state.kind === "adopt") return;
    if (phase !== "succeeded") fail("I12", `#${verdict.rollout} judged r${verdict.release} good while ${phase}`);
    const needsSoak =
      rollout !== null && rollout.state.kind !== "rollback" && rollout.state.hosts.some((h) => h.status === "healthy");
    if (
      needsSoak &&
      store.rollouts.events(verdict.rollout).every((e) => e.type !== "soaked") &&
      log.every((r) => r.event.type !== "soak_skipped")
    )
      fail("I12", `#${verdict.rollout} judged r${verdict.release} good without any soak`);
  }

  return {
    onCommit,
    onHeard(host, picture, instance) {
      for (const slot of picture.slots) {
        const key = slotName(host, slot);
        const before = heard.get(key)?.generation ?? 0;
        if (slot.generation < before && speakers.get(key) === instance && !world.forgetful.has(host)) {
          fail("I7", `${host} reports generation ${slot.generation} of ${placeOf(slot)} after ${before}`);
        }
        heard.set(key, slot);
        speakers.set(key, instance);
        saidAt.set(key, serverTime());
      }
    },
    onTaken(host, picture) {
      if (store.freeze.current() !== null || picture.epoch !== store.epoch) return;
      for (const slot of picture.slots) {
        const own = store.slots.get(host, slot)?.generation ?? 0;
        judgeLate(host, slot);
        // Who has forgotten what it was told knows it from labels only, and those may be another server's.
        if (slot.generation > own && !world.forgetful.has(host))
          fail(
            "I8",
            `${host} is at generation ${slot.generation} of ${placeOf(slot)}, the server at ${own}, and it is not frozen`,
          );
      }
    },
    onRestore() {
      logs.clear();
      soakEnds.clear();
      wanted.clear();
    },
  };
}

/** What served the release already is as much a part of the proof as what was swapped. */
function isPartOfProof(status: HostStatus): boolean {
  return status === "healthy" || status === "unchanged";
}
