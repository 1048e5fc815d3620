/** What changes between two releases besides the released image, as far as one environment is concerned: names, never values. */
import { type Member, membersOf } from "./members.ts";
import { canonicalJson } from "./plan.ts";
import type { ContainerSpec, ReleaseSpec } from "./release.ts";
import { type SecretVersions, secretChanges, unversioned } from "./secrets.ts";
import { specIn } from "./spec-in.ts";

/** `member`: a container's name in the Compose file; null: the released container. */
export type SpecChange =
  | { readonly kind: "image"; readonly member: string | null; readonly from: string; readonly to: string }
  | { readonly kind: "added" | "removed"; readonly member: string }
  | { readonly kind: "edited"; readonly member: string | null; readonly keys: readonly string[] }
  /** It has another value than when release `since` was made. */
  | { readonly kind: "secret"; readonly name: string; readonly since: number };

export type SpecChanges = {
  readonly changes: readonly SpecChange[];
  /** Containers that run to their end in the swap, and what waits for them (null: the released one). */
  readonly runs: readonly { readonly member: string; readonly before: readonly (string | null)[] }[];
};

/** Without a number it is no release yet. */
type Build = { readonly digest: string; readonly spec: ReleaseSpec; readonly number?: number | null };

type Facts = {
  readonly before: Build | null;
  readonly now: Build;
  readonly environment: string;
  /** The secrets of the environment when it was asked for; absent: nobody read them. */
  readonly today?: SecretVersions | undefined;
};

/** `before` null: nothing is live, so nothing is said to change; what runs to its end runs all the same. */
export function specChanges(facts: Facts): SpecChanges {
  const { environment } = facts;
  const now = { ...facts.now, spec: specIn(facts.now.spec, environment) };
  const before = facts.before === null ? null : { ...facts.before, spec: specIn(facts.before.spec, environment) };
  const [then, today] = [before === null ? [] : membersOf(before), membersOf(now)];
  const edited = before === null ? [] : [...membersChanged(then, today, { before, now }), ...slotEdits(before.spec, now.spec)];
  const changes = [...edited, ...secretsChanged({ before, now, today: facts.today })];
  const runs = today.filter((one) => one.isOneShot && isChanged(named(then, one.name), one));
  return { changes, runs: runs.map((one) => ({ member: one.name ?? "", before: waitFor(one, today) })) };
}

/** For facts that say nothing where nothing changes. */
export function besidesOf(facts: Facts): { readonly besides?: SpecChanges } {
  const besides = specChanges(facts);
  return besides.changes.length === 0 && besides.runs.length === 0 ? {} : { besides };
}

/** What is no release yet is made of today's. */
function secretsChanged({ before, now, today }: Pick<Facts, "before" | "now" | "today">): SpecChange[] {
  const made = (build: Build) => ({ number: build.number ?? Number.POSITIVE_INFINITY, spec: build.spec });
  const changed = secretChanges({ release: made(now), live: before === null ? null : made(before), today: today ?? null });
  return changed.map((change) => ({ kind: "secret", ...change }));
}

function membersChanged(then: readonly Member[], today: readonly Member[], builds: { before: Build; now: Build }): SpecChange[] {
  const there = today.flatMap((one): SpecChange[] => {
    const old = named(then, one.name);
    if (old === undefined) return [{ kind: "added", member: one.name ?? "" }];
    return [...imageChange(old, one, builds), ...edits(old, one)];
  });
  const gone = then.filter((one) => named(today, one.name) === undefined);
  return [...there, ...gone.map((one): SpecChange => ({ kind: "removed", member: one.name ?? "" }))];
}

/** Of the released container its repository only, and of one with the release's own image nothing: the build is told elsewhere. */
function imageChange(old: Member, one: Member, { before, now }: { before: Build; now: Build }): SpecChange[] {
  const from = imageName(old, before);
  const to = imageName(one, now);
  if (from.text === to.text && from.digest === to.digest) return [];
  const isTold = from.text !== to.text;
  const words = (image: typeof from) => (isTold ? image.text : `${image.text} (${image.digest.slice(7, 14)})`);
  return [{ kind: "image", member: one.name, from: words(from), to: words(to) }];
}

/** As a person would call it: the reference where the repository says nothing new. `digest`: empty when the release's own. */
function imageName({ name, container }: Member, { spec }: Build): { readonly text: string; readonly digest: string } {
  const one = name === null ? undefined : spec.supporting?.find((s) => s.name === name);
  const reference = one?.reference ?? null;
  if (reference === null) return { text: container.image, digest: "" };
  const short = reference.startsWith("sha256:") ? reference.slice(7, 14) : reference;
  return { text: `${lastPart(container.image)} ${short}`, digest: one?.digest ?? "" };
}

function lastPart(image: string): string {
  return image.slice(image.lastIndexOf("/") + 1);
}

function edits(old: Member, one: Member): SpecChange[] {
  const { image: _then, ...before } = unversioned(old.container);
  const { image: _now, ...now } = unversioned(one.container);
  const keys = [
    ...keysChanged(before, now).map((key) => keyText(key as keyof ContainerSpec, old.container, one.container)),
    ...(isSame(old.health, one.health) ? [] : ["health"]),
    ...(isSame(old.dependsOn, one.dependsOn) ? [] : ["depends_on"]),
  ];
  return keys.length === 0 ? [] : [{ kind: "edited", member: one.name, keys: [...new Set(keys)] }];
}

function slotEdits(before: ReleaseSpec, now: ReleaseSpec): SpecChange[] {
  return isSame(before.swap, now.swap) ? [] : [{ kind: "edited", member: null, keys: ["swap"] }];
}

/** Variables are told by name: which of them is new tells an approver more than that there is one. */
function keyText(key: keyof ContainerSpec, before: ContainerSpec, now: ContainerSpec): string {
  if (key !== "environment") return composeKey(key);
  return `environment (${keysChanged(before.environment, now.environment).join(", ")})`;
}

const composeKeys: Readonly<Record<string, string>> = {
  envFiles: "env_file",
  optionalEnvFiles: "env_file",
  rawEnvFiles: "env_file",
  mounts: "volumes",
  network: "network_mode",
  stopGraceMs: "stop_grace_period",
  memoryBytes: "limits",
  cpus: "limits",
  pidsLimit: "limits",
  memoryReservationBytes: "limits",
  memorySwapBytes: "limits",
  memorySwappiness: "limits",
  cpuShares: "limits",
  cpuQuotaUs: "limits",
  cpuPeriodUs: "limits",
  cpuset: "limits",
  blockIo: "limits",
  readOnlyRoot: "read_only",
  shmBytes: "shm_size",
  securityOptions: "security_opt",
  storageOptions: "storage_opt",
  stdinOpen: "stdin_open",
  logOptions: "logging",
  groupAdd: "group_add",
  dnsOptions: "dns_opt",
};

/** As the service file calls it. */
export function composeKey(key: string): string {
  return composeKeys[key] ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function keysChanged(before: object, now: object): string[] {
  const then = before as Readonly<Record<string, unknown>>;
  const today = now as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(then), ...Object.keys(today)])].filter((key) => !isSame(then[key], today[key])).sort();
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

/** As the agent looks at it: an unchanged container is never touched. */
function isChanged(old: Member | undefined, one: Member): boolean {
  return old?.digest !== one.digest || !isSame(old.container, one.container) || !isSame(old.health, one.health);
}

function named(members: readonly Member[], name: string | null): Member | undefined {
  return members.find((one) => one.name === name);
}

function waitFor({ name }: Member, members: readonly Member[]): (string | null)[] {
  return members.filter((one) => one.dependsOn.some((d) => d.on === name && d.condition === "completed")).map((one) => one.name);
}
