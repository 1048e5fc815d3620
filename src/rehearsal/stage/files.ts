/** The configuration of a rehearsal: gantry.yml and services/api.yml, as a team would write them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type ServiceOptions = {
  /** How long a batch must stay healthy in prod. */
  readonly soak?: string;
  /** When a request that nobody decided ends. */
  readonly expire?: string;
  readonly hostDeadline?: string;
  readonly healthDeadline?: string;
  readonly stagingSoak?: string;
  readonly batch?: string;
  readonly canary?: string;
  /** false: prod needs no approval. */
  readonly approvals?: boolean;
  /** Further keys of prod's rollout: `maxFailed: 1, unreachable: skip`. Default: what failed is put back by itself. */
  readonly policy?: string;
  /** How many must approve in prod. Default one. */
  readonly required?: number;
  /** Lines of the compose service, indented by four. */
  readonly compose?: readonly string[];
  /** Lines at the top of the service file, of x-gantry, indented by two, and of gantry.yml. */
  readonly top?: readonly string[];
  readonly block?: readonly string[];
  readonly server?: readonly string[];
  /** Lines for gantry.yml's people, instead of the usual four. */
  readonly people?: readonly string[];
};

/** Writes both files into `folder` and returns the path of gantry.yml. */
export function writeFiles(facts: { folder: string; registry: string; service?: ServiceOptions }): string {
  const { folder, registry, service = {} } = facts;
  mkdirSync(join(folder, "services"), { recursive: true });
  const file = join(folder, "gantry.yml");
  writeFileSync(file, gantryFile(registry, service));
  writeFileSync(join(folder, "services", "api.yml"), serviceFile(registry, service));
  return file;
}

function gantryFile(registry: string, service: ServiceOptions): string {
  const people = service.people ?? [
    "  deployers:        { users: [U0ANA, U0BO], groups: [S0DEV], local: [root] }",
    "  release-captains: { users: [U0BO] }",
    "  oncall:           { users: [U0EVA], local: [root] }",
  ];
  return `services: ./services
people:
${people.join("\n")}
registries:
  "${registry}": { insecure: true }
channel: C0DEPLOYS
${(service.server ?? []).map((line) => `${line}\n`).join("")}`;
}

function serviceFile(registry: string, options: ServiceOptions): string {
  const { soak = "10s", stagingSoak = "2s", expire = "30m", hostDeadline = "60s", healthDeadline = "5s" } = options;
  const { batch = "2", canary = "1", compose = [], approvals = true, required = 1, policy = "onFailure: restore" } = options;
  const approved = `      approvals: { required: ${required}, from: [release-captains], notRequester: true, expire: ${expire} }\n`;
  return `name: api
${(options.top ?? []).map((line) => `${line}\n`).join("")}services:
  api:
    image: ${registry}/api
    stop_grace_period: 5s
${compose.map((line) => `    ${line}\n`).join("")}x-gantry:
  repository: acme/api
  tickets: { project: [API, PLAT] }
${(options.block ?? []).map((line) => `  ${line}\n`).join("")}  health: { http: "http://127.0.0.1:8080/healthz", interval: 200ms, deadline: ${healthDeadline} }
  environments:
    staging:
      hosts: { env: staging }
      rollout: { canary: 0, soak: ${stagingSoak}, perHostDeadline: ${hostDeadline} }
    prod:
      after: staging
      hosts: { env: prod }
${approvals ? approved : ""}      rollout: { canary: ${canary}, batch: ${batch}, soak: ${soak}, perHostDeadline: ${hostDeadline}, ${policy} }
`;
}
