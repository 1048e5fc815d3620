/** A service file as meant: a Compose file whose containers are one service, and its x-gantry block. */
import { basename } from "node:path";
import { mostContainers } from "../core/members.ts";
import type { EnvironmentVariables, ReleaseSpec } from "../core/release.ts";
import type { Requirement } from "../core/requirement.ts";
import type { SecretProvider } from "../core/secrets.ts";
import { type ComposeService, composeService } from "./compose.ts";
import { refusedTopKeys } from "./compose-refused.ts";
import { dependsOn, type Waiting } from "./depends-on.ts";
import { type EnvironmentFacts, environmentsOf } from "./environments.ts";
import { withFragments } from "./extensions.ts";
import { given } from "./given.ts";
import { registryOf } from "./image.ts";
import { namedVolumes, withNamedVolumes } from "./named-volumes.ts";
import { nameComplaint, nameOf } from "./names.ts";
import { type Complaint, quote, type Report, type Spot, type Written } from "./raw.ts";
import { checkSecrets, type SecretFacts, withSecretUses } from "./secret-uses.ts";
import { declaredSecrets } from "./secrets.ts";
import { field, type Located, type LooseRecordOf, located, looseMapOf, looseRecord, nearest, type Shape } from "./shape.ts";
import { neededMsOf, specOf } from "./supporting.ts";
import { withSwap } from "./swap.ts";
import { valueAt } from "./tree.ts";
import type { EnvironmentConfig, RegistryConfig, Role, ServiceConfig } from "./valid.ts";
import { type Around, type WrittenService, writtenService } from "./written-service.ts";
import { gantryBlock, type RawEnvironments, type RawGantryBlock } from "./x-gantry.ts";

const fields = {
  name: field(located(nameOf("service")), "The service's name. Default: the name of the file."),
  services: field(
    located(
      looseMapOf({ expected: "a map of compose services", key: composeNameComplaint, value: withFragments(composeService) }),
    ),
    "The containers: one that gets the new image, and others that stand beside it.",
  ),
  volumes: field(
    namedVolumes,
    "Volumes that the engine of each host keeps. All environments of the service on one host share them, as in Compose.",
  ),
  secrets: field(
    declaredSecrets,
    "Secrets of its containers: where a laptop has them from, and hosts, unless x-gantry.secrets says otherwise.",
  ),
  "x-gantry": field(located(gantryBlock), "How they are deployed."),
};

type RawServiceFile = LooseRecordOf<typeof fields>;

export const serviceFile: Shape<RawServiceFile> = withFragments(
  looseRecord({ expected: "a Compose file with services and x-gantry", fields, refused: refusedTopKeys }),
);

function composeNameComplaint(name: string): Complaint | null {
  if (/^[a-zA-Z0-9][\w.-]{0,62}$/.test(name)) return null;
  return {
    what: `${quote(name)} cannot be the name of a compose service`,
    fix: "use letters, digits, and . _ - after the first",
  };
}

export type ServiceContext = Around & {
  /** Null: broken, so that roles cannot be checked. */
  readonly people: Readonly<Record<string, Role>> | null;
  /** Empty: any. */
  readonly registries: readonly RegistryConfig[];
  /** Secrets of the server. Null: broken, so that names cannot be checked. */
  readonly providers: readonly SecretProvider[] | null;
};

export type NamedService = {
  readonly service: ServiceConfig;
  readonly nameSpot: Spot;
  /** As written; checked when all services are known. */
  readonly requires: readonly Located<Requirement>[];
};

/** The service and where its name stands, or null when it cannot be told from what was written (then something was reported). */
export function serviceOf(written: Written, context: ServiceContext): NamedService | null {
  const known = writtenService(written, context);
  const { report } = known;
  const start: Spot = { file: written.spot.file, line: 1, column: 1 };
  const raw = serviceFile.read(known.tree, report)?.value;
  if (raw === undefined) return null;
  const name = raw.name === undefined ? nameFromFile(start, report) : raw.name;
  checkContainers(raw, { start, context });
  const block = raw["x-gantry"];
  if (block === undefined) report(start, { what: "no x-gantry block", fix: "write x-gantry: with environments:" });
  if (!block) return null;
  const secrets = secretsIn(raw, { block: block.value, known });
  if (secrets !== null) {
    const all = (block.value.environments?.value ?? []).map(({ key }) => key);
    checkSecrets({ ...secrets, service: name?.value ?? "", environments: all, providers: context.providers });
  }
  const spec = specIn(raw, { block: block.value, known, project: name?.value ?? "", secrets });
  const neededMs = spec === null ? null : neededMsOf(spec);
  const environments = environmentsIn(block, known, { people: context.people, neededMs, report });
  if (!name || spec === null) return null;
  const requires = block.value.requires ?? [];
  const service: ServiceConfig = {
    name: name.value,
    file: start.file,
    repository: block.value.repository ?? null,
    ticketProjects: block.value.tickets?.project ?? [],
    spec: { ...spec, ...variablesOf(block.value.environments ?? undefined) },
    ...(block.value.keep !== undefined && block.value.keep !== null && { keep: block.value.keep }),
    ...(requires.length > 0 && { requires: requires.map(({ value }) => value) }),
    environments,
  };
  return { service, nameSpot: name.spot, requires };
}

function specIn(
  raw: RawServiceFile,
  facts: { block: RawGantryBlock; known: WrittenService; project: string; secrets: SecretFacts | null },
): ReleaseSpec | null {
  const { block, known, project, secrets } = facts;
  const { released, absent, references, report } = known;
  if (released === null || (raw.services?.value.length ?? 0) > mostContainers) return null;
  const named = withVolumes(raw, { project, report });
  const all = (raw.services?.value ?? []).map(({ key, value }) => ({
    name: key,
    service: value && (secrets === null ? named(value) : withSecretUses(key, named(value), secrets)),
    waits: waitsIn(known.tree, key),
  }));
  const spec = specOf({ all, released, absent, references, block, report });
  return spec === null || block.swap === null ? null : withSwap(spec, { raw: block.swap, name: released, report });
}

/** Null: a part of them is broken, and reported. */
function secretsIn(raw: RawServiceFile, { block, known }: { block: RawGantryBlock; known: WrittenService }): SecretFacts | null {
  const { secrets: declared = [] } = raw;
  const { secrets: named = [] } = block;
  if (declared === null || named === null) return null;
  const containers = (raw.services?.value ?? []).map(({ key }) => key);
  return { declared, named, released: known.released, containers, report: known.report };
}

/** What is wrong with it was reported when the container was read. */
function waitsIn(tree: Written, name: string): readonly Waiting[] {
  const written = valueAt(valueAt(valueAt(tree, "services"), name), "depends_on");
  return (written && dependsOn.read(written, () => undefined)?.value) ?? [];
}

/** Gives a container's named volumes the names that the engine knows; broken declarations were reported already. */
function withVolumes(
  raw: RawServiceFile,
  { project, report }: { project: string; report: Report },
): (service: ComposeService) => ComposeService {
  const { volumes: declared = [] } = raw;
  if (declared === null) return (service) => service;
  return (service) => {
    const { spec, volumesSpot: spot } = service;
    return spot === null ? service : { ...service, spec: withNamedVolumes({ spec, project, declared, spot, report }) };
  };
}

/** What differs per environment, of those where something does. */
function variablesOf(raw: RawEnvironments | undefined): Pick<ReleaseSpec, "environments"> {
  const entries = (raw?.value ?? []).flatMap(({ key, value }): (readonly [string, EnvironmentVariables])[] => {
    const { environment, env_file: files } = value?.value ?? {};
    if (!environment && !files) return [];
    const some = (paths: readonly string[] | undefined) => (paths?.length ? paths : undefined);
    const variables: EnvironmentVariables = {
      environment: environment ?? {},
      envFiles: files?.files ?? [],
      ...given({ optionalEnvFiles: some(files?.optional), rawEnvFiles: some(files?.raw) }),
    };
    return [[key, variables]];
  });
  return entries.length === 0 ? {} : { environments: Object.fromEntries(entries) };
}

function environmentsIn(
  block: Located<RawGantryBlock>,
  { lacksProfile }: WrittenService,
  facts: EnvironmentFacts,
): readonly EnvironmentConfig[] {
  const { environments } = block.value;
  if (environments) return environmentsOf(environments, facts);
  const fix = "name at least one, such as environments: { prod: { hosts: { env: prod } } }";
  if (environments === undefined && !lacksProfile) facts.report(block.spot, { what: "no environments", fix });
  return [];
}

function nameFromFile(spot: Spot, report: Report): Located<string> | null {
  const value = basename(spot.file).replace(/\.ya?ml$/, "");
  const trouble = nameComplaint("service", value);
  if (trouble === null) return { value, spot };
  report(spot, { what: `the file's name gives no service name: ${trouble.what}`, fix: "write name: at the top" });
  return null;
}

function checkContainers(raw: RawServiceFile, facts: { start: Spot; context: ServiceContext }): void {
  const { services } = raw;
  if (services === null) return;
  if (services === undefined || services.value.length === 0) {
    const fix = "write services: with one service and its image";
    facts.context.report(services?.spot ?? facts.start, { what: "no service", fix });
  }
  const one = services?.value[mostContainers];
  if (one !== undefined) {
    facts.context.report(one.spot, {
      what: `more than ${mostContainers} containers`,
      fix: "give what is deployed by itself a service file of its own",
    });
  }
  for (const { value } of services?.value ?? []) if (value !== null) checkRegistry(value, facts.context);
}

/** When gantry.yml names registries, images come from those and no others: a look-alike host is a typing error or worse. */
function checkRegistry(compose: ComposeService, context: ServiceContext): void {
  const known = context.registries.map(({ host }) => host);
  const registry = registryOf(compose.spec.image) ?? "";
  if (known.length === 0 || known.includes(registry)) return;
  const near = nearest(registry, known);
  const fix = near === null ? `use one of ${known.join(", ")}, or add it to gantry.yml` : `did you mean "${near}"?`;
  context.report(compose.imageSpot, { what: `the registry ${quote(registry)} is not one of gantry.yml`, fix });
}
