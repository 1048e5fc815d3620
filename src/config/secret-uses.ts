/** Which container gets which secret, from where and as what: the three places of a service file put together. */

import type { SecretUse } from "../core/release.ts";
import { providerOf, type SecretProvider } from "../core/secrets.ts";
import type { ComposeService } from "./compose.ts";
import { quote, type Report, type Spot } from "./raw.ts";
import type { Declared, FileSecret, GantrySecret } from "./secrets.ts";
import { nearest } from "./shape.ts";

type Named = { readonly key: string; readonly spot: Spot; readonly value: GantrySecret };

export type SecretFacts = {
  readonly declared: readonly Declared[];
  readonly named: readonly Named[];
  /** The released container; null: it cannot be told, and something was reported. */
  readonly released: string | null;
  /** All of the file. */
  readonly containers: readonly string[];
  readonly report: Report;
};

/** The container with its secrets. What is wrong with the file as a whole is reported by `checkSecrets`. */
export function withSecretUses(name: string, service: ComposeService, facts: SecretFacts): ComposeService {
  const files = service.secrets.flatMap(({ value, spot }) => fileUse(value, spot, facts));
  const variables = facts.named.flatMap((secret) => variableUse(secret, name, service, facts));
  if (files.length + variables.length === 0) return service;
  return { ...service, spec: { ...service.spec, secrets: [...files, ...variables] } };
}

function fileUse({ source, target, uid, gid, mode }: FileSecret, spot: Spot, facts: SecretFacts): SecretUse[] {
  const from = sourceOf(source, facts);
  if (from !== null) return [{ name: source, from, to: { kind: "file", target, uid, gid, mode } }];
  const names = [...facts.declared.map(({ key }) => key), ...facts.named.map(({ key }) => key)];
  const near = nearest(source, names);
  const fix = near === null ? `declare it at the top: secrets: { ${source}: { external: true } }` : `did you mean "${near}"?`;
  facts.report(spot, { what: `the secret ${quote(source)} is not declared`, fix });
  return [];
}

function variableUse({ key, spot, value }: Named, container: string, service: ComposeService, facts: SecretFacts): SecretUse[] {
  const { variable, containers } = value;
  const isHere = containers === undefined ? container === facts.released : containers.includes(container);
  const from = sourceOf(key, facts);
  if (variable === undefined || !isHere || from === null) return [];
  if (Object.hasOwn(service.spec.environment, variable)) {
    facts.report(spot, { what: `${variable} stands under environment of ${container}, too`, fix: "remove it there" });
    return [];
  }
  return [{ name: key, from, to: { kind: "variable", variable } }];
}

/** x-gantry says where hosts have it from; what it does not say, the declaration does. */
function sourceOf(name: string, { declared, named }: SecretFacts): SecretUse["from"] | null {
  const own = named.find(({ key }) => key === name)?.value;
  if (own?.server !== undefined) return { kind: "server", name: own.server };
  if (own?.hostFile !== undefined) return { kind: "host", path: own.hostFile };
  const raw = declared.find(({ key }) => key === name)?.raw;
  if (raw === undefined) return null;
  return raw.file === undefined ? { kind: "server", name: raw.name ?? name } : { kind: "host", path: raw.file };
}

/** What no container asks for, or nobody could give. `providers` null: they are broken, and reported. */
export function checkSecrets(
  facts: SecretFacts & {
    readonly service: string;
    readonly environments: readonly string[];
    readonly providers: readonly SecretProvider[] | null;
  },
): void {
  const { declared, named, containers, providers, environments, service, report } = facts;
  for (const { key, spot, value } of named) {
    const unknown = (value.containers ?? []).find((one) => !containers.includes(one));
    if (unknown !== undefined) {
      report(spot, { what: `there is no compose service ${quote(unknown)}`, fix: `name one of ${containers.join(", ")}` });
    }
    if (value.variable === undefined && !declared.some((one) => one.key === key)) {
      const fix = "write variable:, or declare it under secrets at the top";
      report(spot, { what: `no container gets the secret ${quote(key)}`, fix });
    } else if (sourceOf(key, facts) === null) {
      report(spot, { what: `it is open where the secret ${quote(key)} comes from`, fix: "write server: or hostFile:" });
    }
  }
  for (const [key, spot] of new Map([...declared, ...named].map((one) => [one.key, one.spot]))) {
    const from = sourceOf(key, facts);
    if (from?.kind !== "server" || providers === null) continue;
    const without = environments.filter(
      (environment) => providerOf(providers, { service, environment, name: from.name }) === null,
    );
    if (without.length === 0) continue;
    const near = nearest(
      from.name,
      providers.map((one) => one.name),
    );
    const hint = near === null || near === from.name ? "add it under secrets of gantry.yml" : `did you mean "${near}"?`;
    report(spot, { what: `gantry.yml has no secret ${quote(from.name)} for ${service} in ${without.join(", ")}`, fix: hint });
  }
}
