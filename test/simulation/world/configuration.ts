/** The configuration of a world, as a team would write it, read by the real parser. There are few of them, so each is read once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatConfigErrors } from "../../../src/config/format.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { GantryConfig } from "../../../src/config/valid.ts";
import { createRandom } from "./random.ts";

const ports = { api: 8080, web: 9090 } as const;
export const people = { ana: "U0ANA", bo: "U0BO", cy: "U0CY", eva: "U0EVA", mal: "U0MAL" } as const;
/** How many different policies there are. */
export const policies = 24;

export type Variant = {
  readonly policy: number;
  /** Whether there is a second service on the same hosts. */
  readonly web: boolean;
  /** The service files were edited so often. */
  readonly edition: number;
};

const known = new Map<string, GantryConfig>();

export function configurationOf(variant: Variant): GantryConfig {
  const name = `${variant.policy} ${variant.web} ${variant.edition}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  const folder = mkdtempSync(join(tmpdir(), "gantry-simulation-"));
  try {
    mkdirSync(join(folder, "services"));
    writeFileSync(join(folder, "gantry.yml"), gantryFile);
    writeFileSync(join(folder, "services", "api.yml"), serviceFile("api", variant));
    if (variant.web) writeFileSync(join(folder, "services", "web.yml"), serviceFile("web", variant));
    const loaded = loadConfig(join(folder, "gantry.yml"));
    if (!loaded.ok) throw new Error(formatConfigErrors(loaded.errors));
    known.set(name, loaded.config);
    return loaded.config;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const gantryFile = `services: ./services
people:
  deployers:        { users: [U0ANA, U0BO], local: [root] }
  release-captains: { users: [U0BO, U0CY, U0ANA] }
  oncall:           { users: [U0EVA, U0BO], local: [root] }
registries:
  registry.test: { mirrors: [mirror.test] }
channel: C0DEPLOYS
`;

function serviceFile(service: "api" | "web", { policy, edition }: Variant): string {
  const random = createRandom(`policy ${policy} of ${service}`);
  const required = random.pick([0, 1, 1, 1, 2]);
  const approvals =
    required === 0
      ? ""
      : `      approvals: { required: ${required}, from: [release-captains], notRequester: true, expire: 10m }\n`;
  const staging = `    staging:\n      hosts: { env: staging }\n      rollout: { canary: 0, soak: 3s, perHostDeadline: 60s, watch: 30s }\n`;
  return `name: ${service}
services:
  ${service}:
    image: registry.test/${service}
    stop_grace_period: 4s
    environment: { EDITION: "${edition}" }
x-gantry:
  release: ${service}
${service === "web" && standsOnApi(policy) ? "  requires: [{ service: api, environment: prod }]\n" : ""}  health: { http: "http://127.0.0.1:${ports[service]}/healthz", interval: 8s, deadline: 10s }
  environments:
${service === "api" ? staging : ""}    prod:
${service === "api" ? "      after: staging\n" : ""}      hosts: { env: prod }
${approvals}      rollout: { ${policyText(random)} }
`;
}

/** Whether the second service begins on a host only where the first serves well. */
export function standsOnApi(policy: number): boolean {
  return policy % 3 === 0;
}

/** Never less than the batch: that is refused. */
const roomy: Readonly<Record<string, readonly number[]>> = { "1": [1, 2], "2": [2, 3], "3": [3] };

function policyText(random: ReturnType<typeof createRandom>): string {
  const batch = random.pick(["1", "2", "3", "50%", "[1, 50%, 100%]", "25%"]);
  const parts = [
    batch.startsWith("[") ? "" : `canary: ${random.pick([0, 1, 1])}`,
    `batch: ${batch}`,
    `soak: ${random.pick(["4s", "12s", "{ batch: 5s, end: 20s }"])}`,
    `perHostDeadline: ${random.pick(["45s", "90s"])}`,
    `deadline: ${random.pick(["4m", "8m"])}`,
    `onFailure: ${random.pick(["pause", "restore", "rollback"])}`,
    `unreachable: ${random.pick(["wait", "wait", "skip", "fail"])}`,
    `watch: ${random.pick(["0s", "1m", "{ for: 2m, onUnwell: raise }", "{ for: 2m, onUnwell: rollback }"])}`,
    random.chance(0.3) ? `maxFailed: ${random.pick([1, 2])}` : "",
    random.chance(0.5) && roomy[batch] !== undefined ? `maxUnavailable: ${random.pick(roomy[batch])}` : "",
    random.chance(0.2) ? `spread: ${random.pick(["zone", "{ label: zone, order: in-turn }"])}` : "",
    random.chance(0.3) ? `rollbackBatch: ${random.pick([1, 2, "100%"])}` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}
