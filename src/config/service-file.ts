/** A service file as meant: a Compose file with one service, and its x-gantry block. */
import { basename } from "node:path";
import type { Health, HealthProbe } from "../core/release.ts";
import { type ComposeService, composeService } from "./compose.ts";
import { refusedTopKeys } from "./compose-refused.ts";
import { type EnvironmentFacts, environmentsOf } from "./environments.ts";
import { defaultHealth } from "./health.ts";
import { registryOf } from "./image.ts";
import { withoutVariables } from "./interpolate.ts";
import { nameComplaint, nameOf } from "./names.ts";
import { type Complaint, quote, type Report, type Spot, type Written } from "./raw.ts";
import { field, type Located, type LooseRecordOf, located, looseMapOf, looseRecord, nearest, type Shape } from "./shape.ts";
import type { EnvironmentConfig, RegistryConfig, Role, ServiceConfig } from "./valid.ts";
import { gantryBlock, type RawGantryBlock } from "./x-gantry.ts";

const fields = {
  name: field(located(nameOf("service")), "The service's name. Default: the name of the file."),
  services: field(
    located(looseMapOf({ expected: "a map of compose services", key: composeNameComplaint, value: composeService })),
    "The containers.",
  ),
  "x-gantry": field(located(gantryBlock), "How they are deployed."),
};

type RawServiceFile = LooseRecordOf<typeof fields>;

export const serviceFile: Shape<RawServiceFile> = looseRecord({
  expected: "a Compose file with services and x-gantry",
  fields,
  refused: refusedTopKeys,
});

function composeNameComplaint(name: string): Complaint | null {
  if (/^[a-zA-Z0-9][\w.-]{0,62}$/.test(name)) return null;
  return {
    what: `${quote(name)} cannot be the name of a compose service`,
    fix: "use letters, digits, and . _ - after the first",
  };
}

export type ServiceContext = {
  /** Null: broken, so that roles cannot be checked. */
  readonly people: Readonly<Record<string, Role>> | null;
  /** Empty: any. */
  readonly registries: readonly RegistryConfig[];
  readonly report: Report;
};

export type NamedService = { readonly service: ServiceConfig; readonly nameSpot: Spot };

/** The service and where its name stands, or null when it cannot be told from what was written (then something was reported). */
export function serviceOf(written: Written, context: ServiceContext): NamedService | null {
  const variables = new Set<Spot>();
  const tree = withoutVariables(written, (spot, complaint) => {
    variables.add(spot);
    context.report(spot, complaint);
  });
  // Whatever else is wrong with a value that has a variable in it, the variable is the reason.
  const report: Report = (spot, complaint) => (variables.has(spot) ? undefined : context.report(spot, complaint));
  const start: Spot = { file: written.spot.file, line: 1, column: 1 };
  const raw = serviceFile.read(tree, report)?.value;
  if (raw === undefined) return null;
  const name = raw.name === undefined ? nameFromFile(start, report) : raw.name;
  const compose = releasedService(raw, start, report);
  if (compose !== null) checkRegistry(compose, context);
  const block = raw["x-gantry"];
  if (block === undefined) report(start, { what: "no x-gantry block", fix: "write x-gantry: with environments:" });
  if (!block) return null;
  const health = compose === null ? null : healthOf(block.value, compose, report);
  const neededMs = compose === null || health === null ? null : health.deadlineMs + compose.spec.stopGraceMs;
  const environments = environmentsIn(block, { people: context.people, neededMs, report });
  if (!name || compose === null || health === null) return null;
  const service: ServiceConfig = {
    name: name.value,
    file: start.file,
    repository: block.value.repository ?? null,
    ticketProjects: block.value.tickets?.project ?? [],
    spec: { container: compose.spec, health },
    ...(block.value.keep !== undefined && block.value.keep !== null && { keep: block.value.keep }),
    environments,
  };
  return { service, nameSpot: name.spot };
}

function environmentsIn(block: Located<RawGantryBlock>, facts: EnvironmentFacts): readonly EnvironmentConfig[] {
  const { environments } = block.value;
  if (environments) return environmentsOf(environments, facts);
  const fix = "name at least one, such as environments: { prod: { hosts: { env: prod } } }";
  if (environments === undefined) facts.report(block.spot, { what: "no environments", fix });
  return [];
}

function nameFromFile(spot: Spot, report: Report): Located<string> | null {
  const value = basename(spot.file).replace(/\.ya?ml$/, "");
  const trouble = nameComplaint("service", value);
  if (trouble === null) return { value, spot };
  report(spot, { what: `the file's name gives no service name: ${trouble.what}`, fix: "write name: at the top" });
  return null;
}

/** The compose service that gets the new image. */
function releasedService(raw: RawServiceFile, start: Spot, report: Report): ComposeService | null {
  const { services } = raw;
  if (services === null) return null;
  const [first, second] = services?.value ?? [];
  if (services === undefined || first === undefined) {
    report(services?.spot ?? start, { what: "no service", fix: "write services: with one service and its image" });
    return null;
  }
  if (second !== undefined) {
    report(second.spot, {
      what: `a second compose service, ${second.key}: supporting containers come in a later version`,
      fix: "keep the one that gets the new image; give the other a service file of its own",
    });
  }
  const release = raw["x-gantry"]?.value.release;
  const names = services.value.map(({ key }) => key);
  if (release && !names.includes(release.value)) {
    const near = nearest(release.value, names);
    const fix = near === null ? `name one of ${names.join(", ")}` : `did you mean "${near}"?`;
    report(release.spot, { what: `release: there is no compose service ${quote(release.value)}`, fix });
  }
  return first.value;
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

function healthOf(block: RawGantryBlock, compose: ComposeService, report: Report): Health | null {
  if (block.health === null) return null;
  const raw = block.health?.value ?? defaultHealth;
  const { healthcheck, network } = compose.spec;
  const own = healthcheck !== null && !healthcheck.disabled;
  const probe: HealthProbe = raw.probe ?? { kind: own ? "container" : "none" };
  const spot = block.health?.spot;
  if (spot !== undefined && probe.kind === "container" && probe.command === undefined && healthcheck?.disabled === true) {
    report(spot, { what: "the container's healthcheck is disabled", fix: "write http or tcp, or remove disable: true" });
  }
  if (spot !== undefined && network !== "host" && (probe.kind === "http" || probe.kind === "tcp")) {
    // No port of a bridge is published, so whoever answered on the host would be another process.
    const where = network === "none" ? "without network" : "on network_mode bridge";
    report(spot, {
      what: `a container ${where} cannot be asked over the host's network`,
      fix: "write health: container, or network_mode: host",
    });
  }
  return { ...raw, probe };
}
