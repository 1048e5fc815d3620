/**
 * What stands on a container: the agent's memory. Labels cannot be changed after create, so they hold only what is true
 * for ever; whether a container was verified is told by its restart policy.
 */
import { createHash } from "node:crypto";
import { constants } from "node:os";
import { type Member, membersOf } from "../core/members.ts";
import { canonicalJson } from "../core/plan.ts";
import { type Dependency, type Health, releaseName } from "../core/release.ts";
import type { DesiredRelease, DesiredSlot, SlotKey } from "../core/slot.ts";
import type { Goal, MemberName, SeenContainer } from "../core/slot-step.ts";
import type { SwapSpec } from "../core/swap.ts";
import type { ContainerState } from "./engine.ts";
import type { Place } from "./proxy.ts";
import type { JournalEntry } from "./state.ts";

export type Marks = SlotKey & {
  readonly member: MemberName;
  /** What others asked of it; of the released container, its health. */
  readonly condition: Dependency["condition"];
  /** In the start order of its release, from 0; the released container comes last where labels do not say. */
  readonly position: number;
  readonly role: "live" | "previous";
  readonly release: number;
  readonly generation: number;
  readonly digest: string;
  readonly commit: string;
  readonly specHash: string;
  readonly replaces: string | null;
  readonly health: Health | null;
  /** The name of its gate, when it has one. */
  readonly gate: string | null;
  /** The folder of its secrets, and which of its variables are some; null: it has none. */
  readonly secrets: SecretMarks | null;
  /** How it changes places with another; null: the old one stops first, nothing more. */
  readonly swap: SwapSpec | null;
  /** Which of two ports it has behind a proxy. */
  readonly place: Place;
};

export type SecretMarks = { readonly folder: string | null; readonly variables: readonly string[] };

/** Which host's agent made the container; src/host/own-engine.ts puts it on. */
export const hostLabel = "gantry.host";

/** The name of a container's gate: which folder it has mounted, for as long as it lives. */
export const gateLabel = "gantry.gate";

/** Where its secrets are, as JSON: names, never values. */
const secretsLabel = "gantry.secrets";

const lastPosition = 1_000;

/** All are asked for at every step and every report, of objects that never change. */
const knownMembers = new WeakMap<DesiredRelease, readonly WantedContainer[]>();
const knownMarks = new WeakMap<Readonly<Record<string, string>>, { readonly marks: Marks | null }>();

/** A member, and the hash of its own spec and health: what makes its container another one. */
export type WantedContainer = Member & { readonly specHash: string };

/** The containers of a release on this slot, in start order. */
export function wantedContainers(release: DesiredRelease): readonly WantedContainer[] {
  const known = knownMembers.get(release);
  if (known !== undefined) return known;
  const members = membersOf(release).map((member) => ({ ...member, specHash: specHashOf(member) }));
  knownMembers.set(release, members);
  return members;
}

function specHashOf({ container, health }: Member): string {
  return createHash("sha256").update(canonicalJson({ container, health })).digest("hex").slice(0, 16);
}

/** The release as the swap wants it. */
export function goalFor({ generation, release, fresh }: DesiredSlot): Goal {
  if (release === null) return { generation, release: null };
  const wanted = wantedContainers(release);
  const members = wanted.map(({ name, digest, specHash, condition }) => ({ name, digest, specHash, condition }));
  return { generation, release: { number: release.number, members }, ...(fresh === true ? { fresh: true } : {}) };
}

/** The dot cannot stand in a name of ours, so that no two slots share a container's name. */
export function containerName(desired: SlotKey & { readonly generation: number }, member: MemberName = null): string {
  const { service, environment, generation } = desired;
  return `gantry-${service}.${environment}${member === null ? "" : `.${member}`}-g${generation}`;
}

/** Labels of a candidate. Those of the spec come first, so that nobody can overwrite ours. */
export function labelsFor(facts: {
  readonly desired: DesiredSlot;
  readonly release: DesiredRelease;
  readonly member: WantedContainer;
  readonly replaces: string | null;
  readonly gate: string | null;
  readonly place: Place;
}): Record<string, string> {
  const { desired, release, member, replaces, gate, place } = facts;
  const swap = swapOf(release, member);
  return {
    ...member.container.labels,
    "gantry.service": desired.service,
    "gantry.environment": desired.environment,
    "gantry.release": releaseName(release.number),
    "gantry.generation": String(desired.generation),
    "gantry.role": "live",
    "gantry.digest": member.digest,
    "gantry.commit": release.commit,
    "gantry.spec": member.specHash,
    "gantry.replaces": replaces ?? "",
    "gantry.health": JSON.stringify(member.health),
    ...positionOf(release, member),
    ...(gate === null ? {} : { [gateLabel]: gate }),
    ...secretMarks(containerName(desired, member.name), member.container),
    ...(swap === null ? {} : { "gantry.swap": JSON.stringify(swap) }),
    ...(swap?.kind === "proxy" ? { "gantry.place": String(place) } : {}),
  };
}

/** Of the released container; those beside it always stop first. */
export function swapOf(release: DesiredRelease, { name }: Pick<WantedContainer, "name">): SwapSpec | null {
  return name === null ? (release.spec.swap ?? null) : null;
}

/** Only where a container has others beside it: a plain service has none of these. */
function positionOf(release: DesiredRelease, member: WantedContainer): Record<string, string> {
  const all = wantedContainers(release);
  if (all.length === 1) return {};
  const position = { "gantry.position": String(all.findIndex((m) => m.name === member.name)) };
  return member.name === null ? position : { ...position, "gantry.member": member.name, "gantry.condition": member.condition };
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
    member: labels["gantry.member"] || null,
    condition: conditionOf(labels["gantry.condition"]),
    position: /^\d{1,3}$/.test(labels["gantry.position"] ?? "") ? Number(labels["gantry.position"]) : lastPosition,
    role,
    release: Number(release),
    generation: Number(generation),
    digest: labels["gantry.digest"] ?? "",
    commit: labels["gantry.commit"] ?? "",
    specHash: labels["gantry.spec"] ?? "",
    replaces: labels["gantry.replaces"] || null,
    health: healthOf(labels["gantry.health"]),
    gate: labels[gateLabel] || null,
    secrets: secretsIn(labels[secretsLabel]),
    swap: swapIn(labels["gantry.swap"]),
    place: labels["gantry.place"] === "1" ? 1 : 0,
  };
}

function secretMarks(name: string, { secrets = [] }: Member["container"]): Record<string, string> {
  if (secrets.length === 0) return {};
  const variables = secrets.flatMap(({ to }) => (to.kind === "variable" ? [to.variable] : []));
  const marks: SecretMarks = { folder: variables.length < secrets.length ? name : null, variables };
  return { [secretsLabel]: JSON.stringify(marks) };
}

function secretsIn(text: string | undefined): SecretMarks | null {
  try {
    const marks: Partial<SecretMarks> | null = JSON.parse(text ?? "null");
    if (marks === null || !Array.isArray(marks.variables)) return null;
    // It names a folder of the agent's: anything else was not written by one.
    const folder = typeof marks.folder === "string" && /^[\w-][\w.-]*$/.test(marks.folder) ? marks.folder : null;
    return { folder, variables: marks.variables };
  } catch {
    return null;
  }
}

function swapIn(text: string | undefined): SwapSpec | null {
  try {
    const swap: SwapSpec | undefined = JSON.parse(text ?? "null") ?? undefined;
    return typeof swap?.kind === "string" ? swap : null;
  } catch {
    return null;
  }
}

function conditionOf(text: string | undefined): Dependency["condition"] {
  return text === "started" || text === "completed" ? text : "healthy";
}

function healthOf(text: string | undefined): Health | null {
  try {
    const health: Health | undefined = JSON.parse(text ?? "null") ?? undefined;
    return typeof health?.probe?.kind === "string" && health.intervalMs > 0 && health.deadlineMs > 0 ? health : null;
  } catch {
    return null;
  }
}

type Seeing = {
  /** A later generation, and maybe release, that took this container over. */
  readonly adopted: JournalEntry["adopted"];
  readonly isOpen: (gate: string) => boolean;
};

/** A container as the swap sees it. */
export function seenOf(state: ContainerState, { adopted, isOpen }: Seeing): SeenContainer | null {
  const marks = marksOf(state.labels);
  if (marks === null) return null;
  const { gate, swap } = marks;
  const isRunning = state.status === "running" || state.status === "restarting";
  const hasEnded = !isRunning && state.status !== "created";
  const by = adopted?.containerId === state.id ? adopted : null;
  return {
    id: state.id,
    member: marks.member,
    role: marks.role,
    generation: by?.generation ?? marks.generation,
    labelled: marks.generation,
    release: by?.release ?? marks.release,
    digest: marks.digest,
    specHash: marks.specHash,
    status: isRunning ? "running" : hasEnded ? "ended" : "created",
    promoted: state.restartPolicy === "unless-stopped",
    ...(state.restartPolicy === "no" || state.restartPolicy === "" ? {} : { comesBack: true as const }),
    isOneShot: marks.condition === "completed",
    exitCode: hasEnded ? state.exitCode : null,
    position: marks.position,
    replaces: marks.replaces,
    ending: hasEnded ? endingOf(state) : null,
    ...(gate === null ? {} : { gate: isOpen(gate) ? ("open" as const) : ("closed" as const) }),
    ...(swap?.kind === "proxy" || swap?.kind === "reuse-port" ? { shares: swap.kind } : {}),
  };
}

/** How a container ended, for people. */
export function endingOf(state: ContainerState): string {
  const { exitCode } = state;
  if (state.oomKilled) return "killed for lack of memory";
  if (exitCode === null) return "ended";
  if (exitCode === 126) return "exit code 126 (a program may not be run)";
  if (exitCode === 127) return "exit code 127 (a program was not found)";
  const signal = signalOf(exitCode);
  return signal === null ? `exit code ${exitCode}` : `exit code ${exitCode} (${signal})`;
}

/** Shells and engines tell of a signal by its number and 128. */
function signalOf(exitCode: number): string | null {
  return Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0] ?? null;
}

const fatalSignals = ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS"];

/** The signal that ended a container, when it is one that no program asks for; else null. */
export function fatalSignal(exitCode: number | null): string | null {
  const signal = exitCode === null ? null : signalOf(exitCode);
  return signal !== null && fatalSignals.includes(signal) ? signal : null;
}
