/**
 * What an agent can besides what the first agents could. An agent passes over keys of a spec that it does not know, so a
 * container would start without what they ask for and be reported as good: it says in its introduction what it can, and is
 * given no release that needs more. A word never changes its meaning; what comes later gets a word of its own.
 */
import type { ContainerSpec, HealthProbe, ReleaseSpec } from "./release.ts";

const meanings = {
  members: "supporting containers",
  "compose-2": "the Compose keys of this release",
  swap: "how its containers change places (x-gantry.swap)",
  "health-2": "the health settings of this release",
  secrets: "secrets",
} as const;

export type Ability = keyof typeof meanings;

/** What an agent of this version says of itself, beside the questions that it answers. */
export const agentCan = Object.keys(meanings) as readonly Ability[];

export function meaningOf(ability: Ability): string {
  return meanings[ability];
}

/** What the agent must know to run a release of this spec, each once. */
export function needsOf(spec: ReleaseSpec): readonly Ability[] {
  const all = [spec, ...(spec.supporting ?? [])];
  const needs: Ability[] = [];
  if ((spec.supporting ?? []).length > 0) needs.push("members");
  if (all.some(({ container }) => hasNewKeys(container))) needs.push("compose-2");
  if (all.some(({ container }) => container.secrets !== undefined)) needs.push("secrets");
  if (spec.swap !== undefined) needs.push("swap");
  if (all.some(({ health }) => hasOptional(health, firstHealth) || hasOptional(health.probe, firstProbes[health.probe.kind])))
    needs.push("health-2");
  return needs;
}

/** Of the needs of this spec, those that the agent does not name. */
export function lacks(spec: ReleaseSpec, can: readonly string[]): readonly Ability[] {
  return needsOf(spec).filter((need) => !can.includes(need));
}

const firstContainer: readonly (keyof ContainerSpec)[] = [
  ...(["image", "environment", "envFiles", "command", "entrypoint", "volumes", "user", "healthcheck"] as const),
  ...(["stopSignal", "stopGraceMs", "ulimits", "memoryBytes", "cpus", "labels", "network", "logging"] as const),
];
const firstVolume = ["source", "target", "readOnly"];
const firstHealth = ["probe", "intervalMs", "deadlineMs"];
const firstProbes: Readonly<Record<HealthProbe["kind"], readonly string[]>> = {
  http: ["kind", "url"],
  tcp: ["kind", "host", "port"],
  container: ["kind"],
  none: ["kind"],
};

/** Where an older agent would leave something out. A healthcheck's start interval only makes it slower. */
function hasNewKeys(container: ContainerSpec): boolean {
  return hasOptional(container, firstContainer) || container.volumes.some((volume) => hasOptional(volume, firstVolume));
}

function hasOptional(value: object, known: readonly string[]): boolean {
  return Object.entries(value).some(([key, set]) => set !== undefined && !known.includes(key));
}
