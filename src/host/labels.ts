/**
 * What stands on a container: the agent's memory. Labels cannot be changed after create, so they hold only what is true
 * for ever; whether a container was verified is told by its restart policy.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../core/plan.ts";
import { type Health, type ReleaseSpec, releaseName } from "../core/release.ts";
import type { DesiredRelease, DesiredSlot, SlotKey } from "../core/slot.ts";
import type { SeenContainer } from "../core/slot-step.ts";
import type { ContainerState } from "./engine.ts";

export type Marks = SlotKey & {
  readonly role: "live" | "previous";
  readonly release: number;
  readonly generation: number;
  readonly digest: string;
  readonly commit: string;
  readonly specHash: string;
  readonly replaces: string | null;
  readonly health: Health | null;
};

/** Which host's agent made the container; src/host/own-engine.ts puts it on. */
export const hostLabel = "gantry.host";

/** Both are asked for at every step and every report, of objects that never change. */
const knownHashes = new WeakMap<ReleaseSpec, string>();
const knownMarks = new WeakMap<Readonly<Record<string, string>>, { readonly marks: Marks | null }>();

export function specHashOf(spec: ReleaseSpec): string {
  const known = knownHashes.get(spec);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(canonicalJson(spec)).digest("hex").slice(0, 16);
  knownHashes.set(spec, hash);
  return hash;
}

/** The dot cannot stand in a name of ours, so that no two slots share a container's name. */
export function containerName(desired: SlotKey & { readonly generation: number }): string {
  return `gantry-${desired.service}.${desired.environment}-g${desired.generation}`;
}

/** Labels of a candidate. Those of the spec come first, so that nobody can overwrite ours. */
export function labelsFor(facts: {
  desired: DesiredSlot;
  release: DesiredRelease;
  replaces: string | null;
}): Record<string, string> {
  const { desired, release, replaces } = facts;
  return {
    ...release.spec.container.labels,
    "gantry.service": desired.service,
    "gantry.environment": desired.environment,
    "gantry.release": releaseName(release.number),
    "gantry.generation": String(desired.generation),
    "gantry.role": "live",
    "gantry.digest": release.digest,
    "gantry.commit": release.commit,
    "gantry.spec": specHashOf(release.spec),
    "gantry.replaces": replaces ?? "",
    "gantry.health": JSON.stringify(release.spec.health),
  };
}

/** The marks of a container, or null when its labels are not ours or not whole. */
export function marksOf(labels: Readonly<Record<string, string>>): Marks | null {
  const known = knownMarks.get(labels);
  if (known !== undefined) return known.marks;
  const marks = readMarks(labels);
  knownMarks.set(labels, { marks });
  return marks;
}

function readMarks(labels: Readonly<Record<string, string>>): Marks | null {
  const service = labels["gantry.service"];
  const environment = labels["gantry.environment"];
  const role = labels["gantry.role"];
  const release = /^r(\d{1,15})$/.exec(labels["gantry.release"] ?? "")?.[1];
  const generation = /^\d{1,15}$/.exec(labels["gantry.generation"] ?? "")?.[0];
  if (!service || !environment || release === undefined || generation === undefined) return null;
  if (role !== "live" && role !== "previous") return null;
  return {
    service,
    environment,
    role,
    release: Number(release),
    generation: Number(generation),
    digest: labels["gantry.digest"] ?? "",
    commit: labels["gantry.commit"] ?? "",
    specHash: labels["gantry.spec"] ?? "",
    replaces: labels["gantry.replaces"] || null,
    health: healthOf(labels["gantry.health"]),
  };
}

function healthOf(text: string | undefined): Health | null {
  try {
    const health: Health | undefined = JSON.parse(text ?? "null") ?? undefined;
    return typeof health?.probe?.kind === "string" && health.intervalMs > 0 && health.deadlineMs > 0 ? health : null;
  } catch {
    return null;
  }
}

/** A container as the swap sees it. `adopted`: a later generation that took this container over. */
export function seenOf(state: ContainerState, adopted: { containerId: string; generation: number } | null): SeenContainer | null {
  const marks = marksOf(state.labels);
  if (marks === null) return null;
  const isRunning = state.status === "running" || state.status === "restarting";
  return {
    id: state.id,
    role: marks.role,
    generation: adopted?.containerId === state.id ? adopted.generation : marks.generation,
    labelled: marks.generation,
    release: marks.release,
    digest: marks.digest,
    specHash: marks.specHash,
    status: isRunning ? "running" : state.status === "created" ? "created" : "ended",
    promoted: state.restartPolicy === "unless-stopped",
    replaces: marks.replaces,
    ending: isRunning || state.status === "created" ? null : endingOf(state),
  };
}

/** How a container ended, for people. */
export function endingOf(state: ContainerState): string {
  if (state.oomKilled) return "killed for lack of memory";
  if (state.exitCode === null) return "ended";
  const signal = state.exitCode === 137 ? " (SIGKILL)" : state.exitCode === 143 ? " (SIGTERM)" : "";
  return `exit code ${state.exitCode}${signal}`;
}
