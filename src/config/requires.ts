/** `x-gantry.requires`: services that must serve on a host before this one begins there. Names are checked when all files are read. */
import type { Requirement } from "../core/requirement.ts";
import { nameOf } from "./names.ts";
import { quote, type Report, type Spot } from "./raw.ts";
import { byKind, field, type Located, located, nearest, oneOrMany, record, refined } from "./shape.ts";

const serviceName = nameOf("service");

const full = refined(
  located(
    record({
      expected: "a map with service and environment",
      fields: {
        service: field(serviceName, "The service that must serve on the host."),
        environment: field(
          nameOf("environment"),
          "Where it must serve. Default: one of its environments that the host belongs to is enough.",
        ),
      },
    }),
  ),
  ({ value, spot }, _spot, report): { value: Located<Requirement> } | null => {
    const { service, environment } = value;
    if (service !== undefined) return { value: { value: { service, ...(environment !== undefined && { environment }) }, spot } };
    report(spot, { what: "requires: an entry without service", fix: "write { service: metrics, environment: prod }" });
    return null;
  },
);

const short = refined(located(serviceName), ({ value, spot }) => {
  const written: Located<Requirement> = { value: { service: value }, spot };
  return { value: written };
});

export const requires = oneOrMany(byKind({ expected: "a service's name, or a map with service", text: short, map: full }));

export type Requirer = {
  readonly name: string;
  readonly environments: readonly { readonly name: string }[];
  readonly requires: readonly Located<Requirement>[];
};

/** Names against the other files, and circles. `isWhole` false: files that could not be read may have had the name. */
export function checkRequirements(facts: {
  readonly services: readonly Requirer[];
  readonly isWhole: boolean;
  readonly report: Report;
}): void {
  const { services, report } = facts;
  for (const { name, requires: entries } of services) {
    for (const entry of entries) {
      const target = services.find((other) => other.name === entry.value.service);
      if (target === undefined) complainOfService(entry, { own: name, ...facts });
      else complainOfEnvironment(entry, target, report);
    }
  }
  checkCircles(services, report);
}

function complainOfService(
  { value, spot }: Located<Requirement>,
  facts: { own: string; services: readonly Requirer[]; isWhole: boolean; report: Report },
): void {
  if (!facts.isWhole) return;
  const names = facts.services.map(({ name }) => name).filter((name) => name !== facts.own);
  const near = nearest(value.service, names);
  const known = names.length === 0 ? "there is no other service" : `there are ${names.join(", ")}`;
  const fix = near === null ? `add its file to the services folder, or remove it here (${known})` : `did you mean "${near}"?`;
  facts.report(spot, { what: `requires: there is no service ${quote(value.service)}`, fix });
}

function complainOfEnvironment({ value, spot }: Located<Requirement>, target: Requirer, report: Report): void {
  const { environment } = value;
  const names = target.environments.map(({ name }) => name);
  // None at all: its own file has errors, which are told there.
  if (environment === undefined || names.length === 0 || names.includes(environment)) return;
  const near = nearest(environment, names);
  const fix = near === null ? `name one of ${names.join(", ")}` : `did you mean "${near}"?`;
  report(spot, { what: `requires: ${target.name} has no environment ${quote(environment)}`, fix });
}

/** Each circle is told once, at the entry that closes it. */
function checkCircles(services: readonly Requirer[], report: Report): void {
  const byName = new Map(services.map((service) => [service.name, service]));
  const done = new Set<string>();
  function walk(name: string, path: readonly string[]): void {
    for (const { value, spot } of byName.get(name)?.requires ?? []) {
      const at = path.indexOf(value.service);
      if (at >= 0) complainOfCircle([...path.slice(at), value.service], spot, report);
      else if (!done.has(value.service)) walk(value.service, [...path, value.service]);
    }
    done.add(name);
  }
  for (const { name } of services) if (!done.has(name)) walk(name, [name]);
}

function complainOfCircle(path: readonly string[], spot: Spot, report: Report): void {
  const fix = path.length === 2 ? "remove it: a service need not wait for itself" : "let one of them not require the other";
  report(spot, { what: `requires goes in a circle: ${path.join(" → ")}`, fix });
}
