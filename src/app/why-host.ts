/** What one host waits for: what is wanted of it, what was seen there, whether it can be heard, and what a person wants of it. */
import { isReasonCode, type ReasonCode, reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { ObservedContainer, SlotKey } from "../core/slot.ts";
import type { WatchSample } from "../core/watch.ts";
import { listed } from "./abilities.ts";
import type { StoredHost, StoredSlot } from "./store.ts";
import type { Wait } from "./why-standing.ts";

export type HostAround = {
  readonly connected: boolean;
  /** The rollout that holds the slot's environment and has the host in it, if any. */
  readonly rolloutOn: (key: SlotKey) => number | null;
  readonly enrolledAt: number;
  /** When the present condition of a slot began; null when nobody noted it. */
  readonly since: (slot: StoredSlot) => number | null;
  /** What its agent does not know of what is wanted there, in words. */
  readonly missing: (slot: StoredSlot) => readonly string[];
};

export function hostSentence(host: StoredHost, slots: readonly StoredSlot[], connected: boolean): string {
  const heard = host.revokedAt !== null ? "is revoked" : connected ? "is connected" : "has no connection";
  const marked = host.intent === null ? "" : `, ${host.intent.kind} by ${host.intent.by.name}`;
  const serves = slots.slice(0, 8).map(slotSentence);
  const more = slots.length > serves.length ? `; and ${slots.length - serves.length} more` : "";
  return `${host.name} ${heard}${marked}. ${serves.length === 0 ? "Nothing is wanted on it." : `${serves.join("; ")}${more}.`}`;
}

/** `api prod: wants r42, serves r41 (ok)` */
function slotSentence(slot: StoredSlot): string {
  const wants = slot.release === null ? "nothing" : releaseName(slot.release);
  const live = slot.observed?.live ?? null;
  const serves =
    slot.observed === null
      ? "nobody has seen it yet"
      : slot.observed.unseen === true
        ? unseenWords(live)
        : live === null
          ? "serves nothing"
          : `serves ${releaseName(live.release)} (${live.health})`;
  return `${slot.service} ${slot.environment}: wants ${wants}, ${serves}`;
}

/** Its agent has not been able to look, or has not named the slot. */
function unseenWords(live: ObservedContainer | null): string {
  const last = live === null ? "nothing" : releaseName(live.release);
  return `served ${last} when it was seen last, and its agent has not seen it since`;
}

export function hostWaits(host: StoredHost, slots: readonly StoredSlot[], around: HostAround): readonly Wait[] {
  return [
    ...liveness(host, around.connected),
    ...intent(host),
    ...engine(host),
    ...slots.flatMap((slot) => slotWait(host, slot, around)),
  ];
}

function liveness(host: StoredHost, connected: boolean): readonly Wait[] {
  const { name, revokedAt, lastSeenAt, enrolledAt } = host;
  if (revokedAt !== null) {
    const ends = `\`gantry enroll --name ${name}\` on the server, then its agent with the new token.`;
    return [
      { reason: "host_revoked", text: "Its key was taken away: it takes part in nothing.", since: revokedAt, until: null, ends },
    ];
  }
  if (connected) return [];
  const seen = lastSeenAt === null ? "It was never heard of." : "Its agent is not connected. What serves there goes on.";
  const ends = `Its agent connects: look at the machine and its service. For good: \`gantry revoke ${name}\`.`;
  return [{ reason: "host_lost", text: seen, since: lastSeenAt ?? enrolledAt, until: null, ends }];
}

function intent({ name, intent: wanted }: StoredHost): readonly Wait[] {
  if (wanted === null) return [];
  const why = wanted.why === null || wanted.why === "" ? "" : `: ${wanted.why}`;
  const what = wanted.kind === "drained" ? "It is to be empty, and gets nothing" : "It gets nothing new";
  return [
    {
      reason: "cordoned",
      text: `${what}: ${wanted.kind} by ${wanted.by.name}${why}.`,
      since: wanted.at,
      until: null,
      ends: `\`/gantry uncordon ${name}\`.`,
    },
  ];
}

function engine({ engine: seen }: StoredHost): readonly Wait[] {
  if (seen === null || (seen.ok && seen.reason === null)) return [];
  const reason = codeOf(seen.reason, "engine_down");
  const detail = seen.detail === null || seen.detail === "" ? "" : `: ${seen.detail}`;
  return [
    {
      reason,
      text: `${reasons[reason].title}${detail}.`,
      since: seen.since ?? null,
      until: null,
      ends: reasons[reason].next,
    },
  ];
}

function codeOf(text: string | null, otherwise: ReasonCode): ReasonCode {
  return text !== null && isReasonCode(text) ? text : otherwise;
}

/** When the newest unbroken run of samples that are not well began; of one that is well, when that was seen first. */
export function conditionSince(samples: readonly WatchSample[]): number | null {
  const newest = samples.at(-1);
  if (newest === undefined) return null;
  const before = samples.findLastIndex((s) => (s.health === "ok") !== (newest.health === "ok"));
  return samples[before + 1]?.at ?? newest.at;
}

/** What is wanted there and is not so yet, or does not serve well. */
export function slotWait(
  host: Pick<StoredHost, "name" | "intent">,
  slot: StoredSlot,
  around: Pick<HostAround, "connected" | "rolloutOn" | "since" | "missing">,
): readonly Wait[] {
  const { observed, release } = slot;
  const live = observed?.live ?? null;
  const isUnseen = observed?.unseen === true;
  const isThere = isUnseen
    ? false
    : live === null
      ? release === null && observed !== null
      : live.release === release && live.health === "ok";
  if (isThere) return [];
  const place = `${slot.service} ${slot.environment}`;
  const rollout = around.rolloutOn(slot);
  const why = rollout === null ? "" : ` \`/gantry why #${rollout}\` tells of the rollout.`;
  const base = { since: around.since(slot), until: null };
  const outcome = observed?.generation === slot.generation ? (observed.outcome ?? null) : null;
  const isServing = live === null ? "nothing serves" : `${releaseName(live.release)} serves (${live.health})`;
  const serves = isUnseen ? `it ${unseenWords(live)}` : isServing;
  const wants = release === null ? "to be empty" : releaseName(release);
  if (outcome !== null && !outcome.ok) {
    const reason = codeOf(outcome.reason, "host_lost");
    const text = `${place} on ${host.name}: wants ${wants}, ${serves}. The swap failed: ${reasons[reason].title}: ${outcome.detail}`;
    return [{ ...base, reason, text, ends: `${reasons[reason].next}${why}` }];
  }
  if (live !== null && live.release === release && !isUnseen) {
    const detail = live.detail === null || live.detail === "" ? "" : `: ${live.detail}`;
    const text = `${place} on ${host.name}: ${releaseName(live.release)} does not serve well (${live.health})${detail}.`;
    return [{ ...base, reason: "unhealthy", text, ends: `It becomes healthy; or \`/rollback ${place}\`.${why}` }];
  }
  const missing = around.missing(slot);
  if (missing.length > 0) {
    const text = `${place} on ${host.name}: wants ${wants}, ${serves}. Its agent is too old for that: it does not know ${listed(missing)}.`;
    return [{ ...base, reason: "incompatible_agent", text, ends: `The agent of ${host.name} is upgraded.${why}` }];
  }
  const step = observed === null || observed.step === "idle" ? "" : `, its agent is ${observed.step.replaceAll("_", " ")}`;
  const text = `${place} on ${host.name}: wants ${wants}, ${serves}${step}.`;
  const ends = around.connected ? `Its agent reports that it is so.${why}` : `Its agent connects again.${why}`;
  return [{ ...base, reason: "awaiting_host", text, ends }];
}
