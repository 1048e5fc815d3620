/** The containers of a file: the released one and those that stand beside it, with what each waits for. */
import type { Dependency, ReleaseSpec, SupportingSpec } from "../core/release.ts";
import type { ComposeService } from "./compose.ts";
import { dependenciesOf, type Waiting } from "./depends-on.ts";
import type { RawHealth } from "./health.ts";
import { type Reference, referenceComplaint } from "./image-reference.ts";
import { quote, type Report } from "./raw.ts";
import { hasOwnCheck, healthOf, supportingHealth } from "./service-health.ts";
import { type Located, nearest } from "./shape.ts";
import type { RawGantryBlock } from "./x-gantry.ts";

/** A container of the file; null: broken, and reported. */
export type Container = {
  readonly name: string;
  readonly service: ComposeService | null;
  /** Known also of a broken one, so that all mistakes are told at once. */
  readonly waits: readonly Waiting[];
};

export type Containers = {
  readonly all: readonly Container[];
  readonly released: string;
  /** Containers of the file that are only for a laptop. */
  readonly absent: readonly string[];
  readonly references: ReadonlyMap<string, Reference>;
  readonly block: RawGantryBlock;
  readonly report: Report;
};

/** The spec without the variables of environments; null when a container is broken. */
export function specOf(facts: Containers): ReleaseSpec | null {
  const { all, released, block, report } = facts;
  checkSupportingNames(facts);
  const whole = all.filter((one): one is Container & { service: ComposeService } => one.service !== null);
  const main = whole.find(({ name }) => name === released);
  const checks = new Map(whole.map(({ name }) => [name, checkOf(name, facts)]));
  const dependencies = dependenciesOf({
    waiters: all.map(({ name, service, waits }) => ({
      name,
      waits,
      // A broken one was reported: what it lacks is not known.
      canBeHealthy: service === null || canBeHealthy(checks.get(name), service),
      isReleased: name === released,
    })),
    absent: facts.absent,
    report,
  });
  for (const { service, name } of whole) checkRestart(service, { name, dependencies, report });
  if (main === undefined || whole.length < all.length || block.health === null) return null;
  const container = main.service.spec;
  const plain = { container, health: healthOf(checks.get(released), container, report) };
  const others = whole.filter(({ name }) => name !== released);
  if (others.length === 0) return plain;
  const supporting = others.map((other) =>
    supportingSpec({ ...other, image: container.image, check: checks.get(other.name), dependencies, facts }),
  );
  const own = dependencies.get(released) ?? [];
  return { ...plain, supporting, name: released, ...(own.length === 0 ? {} : { dependsOn: own }) };
}

function supportingSpec(ask: {
  name: string;
  service: ComposeService;
  image: string;
  check: Located<RawHealth> | undefined;
  dependencies: ReadonlyMap<string, readonly Dependency[]>;
  facts: Containers;
}): SupportingSpec {
  const { name, service, image, check, dependencies, facts } = ask;
  const { reference = null, spot = service.imageSpot } = facts.references.get(name) ?? {};
  const complaint = referenceComplaint({ image: service.spec.image, released: image, reference });
  if (complaint !== null) facts.report(spot, complaint);
  const isOneShot = isAwaitedToEnd(name, dependencies);
  const health = supportingHealth({ written: check, container: service.spec, isOneShot, report: facts.report });
  return { name, container: service.spec, reference, digest: null, health, dependsOn: dependencies.get(name) ?? [] };
}

function isAwaitedToEnd(name: string, dependencies: ReadonlyMap<string, readonly Dependency[]>): boolean {
  return [...dependencies.values()].flat().some(({ on, condition }) => on === name && condition === "completed");
}

function checkOf(name: string, { released, block }: Containers): Located<RawHealth> | undefined {
  if (name === released) return block.health ?? undefined;
  return block.supporting?.find((other) => other.key === name)?.value?.health ?? undefined;
}

function canBeHealthy(check: Located<RawHealth> | undefined, { spec }: ComposeService): boolean {
  const probe = check?.value.probe ?? null;
  return probe === null ? hasOwnCheck(spec) : probe.kind !== "none";
}

/** `restart: no` is for what runs once; anything else must come back after a crash and a reboot. */
function checkRestart(
  service: ComposeService,
  facts: { name: string; dependencies: ReadonlyMap<string, readonly Dependency[]>; report: Report },
): void {
  if (service.noRestartSpot === null || isAwaitedToEnd(facts.name, facts.dependencies)) return;
  facts.report(service.noRestartSpot, {
    what: "restart: no on a container that serves: after a crash it would stay down",
    fix: "remove it; only what others wait for with service_completed_successfully runs once",
  });
}

function checkSupportingNames({ all, released, block, report }: Containers): void {
  const names = all.map(({ name }) => name).filter((name) => name !== released);
  for (const { key, spot } of block.supporting ?? []) {
    if (names.includes(key)) continue;
    if (key === released) {
      report(spot, { what: `${key} is the released container`, fix: "write its health under x-gantry.health" });
      continue;
    }
    const near = nearest(key, names);
    const fix = near === null ? `name one of ${names.join(", ") || "the file's other containers"}` : `did you mean "${near}"?`;
    report(spot, { what: `there is no supporting container ${quote(key)}`, fix });
  }
}

/** What a host needs in the worst case until the whole slot serves: each container that is waited for, one after the other. */
export function neededMsOf(spec: ReleaseSpec): number {
  const others = spec.supporting ?? [];
  const awaited = new Set(
    [...(spec.dependsOn ?? []), ...others.flatMap((o) => o.dependsOn)].filter((d) => d.condition !== "started").map((d) => d.on),
  );
  const supportingMs = others.map(
    ({ name, health, container }) => container.stopGraceMs + (awaited.has(name) ? health.deadlineMs : 0),
  );
  return supportingMs.reduce((sum, ms) => sum + ms, spec.health.deadlineMs + spec.container.stopGraceMs);
}
