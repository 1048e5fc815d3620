/** What a host's report means for a rollout. Reports are absolute: what is said twice is ignored by the reducer. */
import type { ReleaseImage } from "../core/pins.ts";
import { isReasonCode, type ReasonCode } from "../core/reasons.ts";
import { type Failure, type HostState, hostOf, type LaterEvent, type RolloutState } from "../core/rollout-state.ts";
import type { ObservedImage, ObservedPicture, ObservedSlot } from "../core/slot.ts";
import type { StoredSlot } from "./store.ts";

export type Report = Pick<ObservedPicture, "slots" | "images"> & {
  readonly host: string;
  readonly at: number;
  /** The images of the rollout's release: a host has none before it has all. */
  readonly needed: readonly ReleaseImage[];
  /** What is wanted there, with what was reported just now. */
  readonly wanted: StoredSlot | null;
};

export function eventsOf(report: Report, state: RolloutState): LaterEvent[] {
  const { host, at, wanted } = report;
  const { service, environment, number } = state;
  const mine = hostOf(state, host);
  if (mine === null) return [];
  const isHere = (key: { service: string; environment: string }) => key.service === service && key.environment === environment;
  const images = report.images.filter((i) => isHere(i) && i.rollout === number);
  const events = mine.status === "waiting" ? imageEvents(images, report) : [];
  const slot = report.slots.find(isHere);
  if (slot === undefined || wanted === null || slot.generation !== wanted.generation) return events;
  if (!isAbout(slot, wanted)) return events;
  if (isHollow(slot, wanted) && !isServing(mine)) return events;
  return [...events, ...slotEvents(slot, mine, at)];
}

/** A success only counts for the release that is wanted: a restored server may count generations anew. */
function isAbout(slot: ObservedSlot, wanted: StoredSlot): boolean {
  return slot.outcome?.ok !== true || slot.live === null || slot.live.release === wanted.release;
}

/** A success without the container that it is about: a cloned machine tells of containers that it does not have. */
function isHollow(slot: ObservedSlot, wanted: StoredSlot): boolean {
  return slot.outcome?.ok === true && slot.live === null && wanted.release !== null;
}

/** Where its container was seen: that it is gone is news. */
function isServing({ status }: HostState): boolean {
  return status === "healthy" || status === "unchanged" || status === "returning";
}

/** One that cannot be had is told at once; an agent that says nothing of one has not got it yet. */
function imageEvents(images: readonly ObservedImage[], { host, at, needed }: Report): LaterEvent[] {
  const of = new Map(images.map((image) => [image.digest, image]));
  for (const { member, digest } of needed) {
    const image = of.get(digest);
    if (image?.state !== "failed") continue;
    const detail = member === null ? image.detail : `${member}: ${image.detail}`;
    return [{ type: "image_failed", at, host, reason: reasonOf(image.reason, "pull_failed"), detail }];
  }
  const hasAll = needed.length > 0 && needed.every(({ digest }) => of.get(digest)?.state === "present");
  return hasAll ? [{ type: "image_present", at, host, ...warningIn(images) }] : [];
}

function warningIn(images: readonly ObservedImage[]): { readonly warning?: string } {
  const warnings = images.flatMap((image) => (image.state === "present" && image.warning !== undefined ? [image.warning] : []));
  return warnings.length === 0 ? {} : { warning: warnings.join("; ") };
}

function slotEvents(slot: ObservedSlot, host: HostState, at: number): LaterEvent[] {
  const { outcome } = slot;
  switch (host.status) {
    case "swapping":
      if (outcome === null) return [];
      if (!outcome.ok) return [{ type: "host_failed", at, host: host.host, ...failureOf(outcome) }];
      return [swapped(slot, outcome.tookMs, host, at)];
    case "failed":
      return outcome?.ok === true && isLateSuccess(slot, host) ? [swapped(slot, outcome.tookMs, host, at)] : [];
    case "restoring":
      if (outcome === null) return [];
      if (!outcome.ok) return [{ type: "host_restore_failed", at, host: host.host, ...failureOf(outcome) }];
      return [{ type: "host_restored", at, host: host.host }];
    case "healthy":
    case "unchanged":
    case "returning":
      return unwellEvents(slot, host, at);
    case "waiting":
    case "skipped":
    case "restored":
    case "stuck":
      return [];
  }
}

function swapped(slot: ObservedSlot, tookMs: number, { host }: HostState, at: number): LaterEvent {
  return { type: "host_swapped", at, host, tookMs, restarts: slot.live?.restarts ?? 0 };
}

/** It was only late, or not heard: that it serves after all is news. One that was seen to be unwell has said the same before. */
function isLateSuccess(slot: ObservedSlot, host: HostState): boolean {
  const wasLate = host.reason === "host_lost" || host.reason === "deadline_passed" || host.reason === "no_progress";
  return wasLate && slot.live?.health === "ok";
}

function failureOf(outcome: { reason: string; detail: string; logTail: readonly string[] }): Failure {
  return { reason: reasonOf(outcome.reason, "internal"), detail: outcome.detail, logTail: outcome.logTail };
}

function reasonOf(text: string, otherwise: ReasonCode): ReasonCode {
  return isReasonCode(text) ? text : otherwise;
}

/** A container that restarted since its swap is a crash loop, however well it looks at this moment. */
function unwellEvents(slot: ObservedSlot, known: HostState, at: number): LaterEvent[] {
  const { live } = slot;
  const { host } = known;
  if (live === null) {
    return [{ type: "host_unwell", at, host, reason: "exited", detail: "its container is gone", logTail: [] }];
  }
  const since = live.restarts - known.restarts;
  const reason = unwellReason(live.health, since);
  if (reason === null) return [];
  const detail = live.detail ?? `its container restarted ${since} times`;
  return [{ type: "host_unwell", at, host, reason, detail, logTail: live.logTail ?? [] }];
}

function unwellReason(health: string, restarts: number): ReasonCode | null {
  if (health === "exited") return "exited";
  if (health === "restarting" || restarts > 0) return "crash_loop";
  return health === "failing" ? "unhealthy" : null;
}
