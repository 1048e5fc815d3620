/** What a host runs for a release, in the words of the service file, with what looks secret taken out. */
import type { ReleaseFacts } from "./facts.ts";
import { type Member, membersOf } from "./members.ts";
import { holdsSecret, redact } from "./redact.ts";
import type { ContainerSpec, ReleaseSpec, SecretUse, Volume } from "./release.ts";
import { composeKey, type SpecChanges } from "./spec-change.ts";
import { specIn } from "./spec-in.ts";

/** A build, released by now or not yet (`number` null). */
export type ShownBuild = Omit<ReleaseFacts, "number"> & { readonly number: number | null };

export type RenderFacts = {
  readonly service: string;
  readonly environment: string;
  readonly build: ShownBuild;
  readonly hosts: readonly string[];
  /** In the order in which they start; plain data. */
  readonly containers: readonly object[];
};

export type DiffFacts = {
  readonly service: string;
  readonly environment: string;
  /** Null: nothing is live there. */
  readonly live: ReleaseFacts | null;
  readonly build: ShownBuild;
  readonly changes: SpecChanges;
};

export function renderedContainers(facts: {
  readonly service: string;
  readonly environment: string;
  readonly digest: string;
  readonly spec: ReleaseSpec;
}): readonly object[] {
  const spec = specIn(facts.spec, facts.environment);
  const own = spec.name ?? facts.service;
  return membersOf({ digest: facts.digest, spec }).map((member) => {
    const swap = member.name === null ? spec.swap : undefined;
    return clean({ name: member.name ?? own, ...rendered(member), swap });
  }) as object[];
}

function rendered({ container, digest, health, dependsOn, isOneShot }: Member): object {
  const { image, environment, volumes, entrypoint, command, secrets = [], ...rest } = container;
  return {
    image: `${image}@${digest}`,
    runs: isOneShot ? "once, to its end" : undefined,
    depends_on: Object.fromEntries(dependsOn.map(({ on, condition }) => [on, condition])),
    entrypoint,
    command,
    environment: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, shownValue(name, value)])),
    volumes: volumes.map(volumeText),
    secrets: secrets.map(secretText),
    ...others(rest),
    health,
  };
}

function shownValue(name: string, value: string): string {
  return holdsSecret(name, value) ? "[redacted]" : value;
}

/** Where it comes from and goes to, and which version it had when the release was made. */
function secretText({ name, from, to, version }: SecretUse): string {
  const source = from.kind === "host" ? `${from.path} on the host` : `${from.name} of the server`;
  const target = to.kind === "file" ? to.target : to.variable;
  return `${name}: ${source}, as ${target}${version === undefined ? "" : ` (version ${version})`}`;
}

function volumeText({ source, target, readOnly, propagation, selinux, mustExist }: Volume): string {
  const options = [...(readOnly ? ["ro"] : []), propagation, selinux, ...(mustExist === true ? ["must exist"] : [])];
  const words = options.filter((option) => option !== undefined).join(",");
  return `${source}:${target}${words === "" ? "" : `:${words}`}`;
}

/** Limits stand together; everything else under its key of the service file, or its own name where the unit is part of it. */
function others(rest: Partial<ContainerSpec>): object {
  const entries = Object.entries(rest);
  const isLimit = ([key]: readonly [string, unknown]) => composeKey(key) === "limits";
  const plain = entries.filter((entry) => !isLimit(entry)).map(([key, value]) => [snake(key), value] as const);
  return { ...Object.fromEntries(plain), limits: Object.fromEntries(entries.filter(isLimit).map(([k, v]) => [snake(k), v])) };
}

function snake(key: string): string {
  return /(?:Ms|Bytes|Us)$/.test(key) || key in kept
    ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    : composeKey(key);
}

/** Several of them have one key in the service file. */
const kept = {
  optionalEnvFiles: 1,
  rawEnvFiles: 1,
  mounts: 1,
  cpus: 1,
  logOptions: 1,
  cpuShares: 1,
  cpuset: 1,
  blockIo: 1,
  pidsLimit: 1,
  memorySwappiness: 1,
};

/** Without what says nothing, and without secrets. */
function clean(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, clean(inner)] as const);
  return Object.fromEntries(entries.filter(([, inner]) => !isEmpty(inner)));
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
