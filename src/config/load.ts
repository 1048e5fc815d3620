/** Reads gantry.yml and the service files it names. */
import { readdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { SecretProvider } from "../core/secrets.ts";
import { gantryFile, nobody, type RawGantryFile } from "./gantry-file.ts";
import { quote, type Report, type Spot } from "./raw.ts";
import { readConfigFile } from "./read-file.ts";
import { checkRequirements } from "./requires.ts";
import { type NamedService, type ServiceContext, serviceOf } from "./service-file.ts";
import type { ConfigError, GantryConfig, Role, ServiceConfig } from "./valid.ts";

export type Loaded =
  | { readonly ok: true; readonly config: GantryConfig }
  | { readonly ok: false; readonly errors: readonly ConfigError[] };

/** Every error of every file at once; never throws for what is written in them. */
export function loadConfig(file: string): Loaded {
  const errors: ConfigError[] = [];
  const report: Report = (spot, complaint) => errors.push({ ...spot, ...complaint });
  const written = readConfigFile(file, report);
  const raw = written === null ? undefined : gantryFile.read(written, report)?.value;
  if (raw === undefined) return { ok: false, errors: sorted(errors, file) };
  const people = peopleOf(raw);
  const registries = raw.registries ?? [];
  const profiles = raw.profiles === null ? null : (raw.profiles ?? []);
  const providers = raw.secrets === null ? null : (raw.secrets ?? []);
  const services = servicesOf(file, raw, { people, registries, profiles, providers, report });
  if (errors.length > 0 || people === null) return { ok: false, errors: sorted(errors, file) };
  return { ok: true, config: { file, people, registries, channel: raw.channel ?? null, ...secretsOf(providers), services } };
}

function secretsOf(providers: readonly SecretProvider[] | null): Pick<GantryConfig, "secrets"> {
  return providers === null || providers.length === 0 ? {} : { secrets: providers };
}

/** The two roles that every environment uses by default exist in any case; nobody is in them until someone is put there. */
function peopleOf(raw: RawGantryFile): Readonly<Record<string, Role>> | null {
  if (raw.people === null) return null;
  const written = (raw.people ?? []).map(({ key, value }) => [key, value] as const);
  return Object.fromEntries([["deployers", nobody], ["oncall", nobody], ...written]);
}

/** The service files are looked at even when gantry.yml has errors: all of them at once. */
function servicesOf(file: string, raw: RawGantryFile, facts: Omit<ServiceContext, "folder">): ServiceConfig[] {
  if (raw.services === null) return [];
  const written = raw.services?.value ?? "services";
  const folder = isAbsolute(written) ? written : join(dirname(file), written);
  const spot = raw.services?.spot ?? { file, line: 1, column: 1 };
  const context: ServiceContext = { ...facts, folder };
  const found: NamedService[] = [];
  let isWhole = true;
  for (const name of serviceFiles(folder, spot, context.report)) {
    const written = readConfigFile(join(folder, name), context.report);
    const one = written === null ? null : serviceOf(written, context);
    if (one === null) isWhole = false;
    else if (!isTwin(one, found, context.report)) found.push(one);
  }
  const services = found.map(({ service, requires }) => ({ ...service, requires }));
  checkRequirements({ services, isWhole, report: context.report });
  return found.map(({ service }) => service);
}

function isTwin({ service, nameSpot }: NamedService, found: readonly NamedService[], report: Report): boolean {
  const twin = found.find((other) => other.service.name === service.name)?.service;
  if (twin === undefined) return false;
  const what = `the service ${quote(twin.name)} a second time (first in ${twin.file})`;
  report(nameSpot, { what, fix: "rename one of the two" });
  return true;
}

function serviceFiles(folder: string, spot: Spot, report: Report): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => /^[^.].*\.ya?ml$/.test(name));
    if (names.length === 0)
      report(spot, { what: `no service file (*.yml) in ${quote(folder)}`, fix: "put one there; examples/services has some" });
    return names.sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const what = code === "ENOENT" ? "does not exist" : code === "ENOTDIR" ? "is not a folder" : `cannot be read (${code})`;
    report(spot, {
      what: `the services folder ${quote(folder)} ${what}`,
      fix: "name the folder of the service files under services:",
    });
    return [];
  }
}

/** gantry.yml first, then by place. What several services take over is told once. */
function sorted(errors: readonly ConfigError[], first: string): ConfigError[] {
  const unlike = new Map(errors.map((error) => [JSON.stringify(error), error]));
  function rank(error: ConfigError): string {
    return `${error.file === first ? 0 : 1}${error.file}\n`;
  }
  return [...unlike.values()].sort((a, b) =>
    rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : a.line - b.line || a.column - b.column,
  );
}
