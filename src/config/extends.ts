/**
 * `extends`: a service that begins with what another one says, in this file or in a file of the services folder or below it.
 * Compose's keys only: x-gantry of the other file is not taken over.
 */
import { realpathSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { withoutFragmentsIn } from "./extensions.ts";
import { mergedService } from "./merge.ts";
import { quote, type Report, type Spot, type Written } from "./raw.ts";
import { text } from "./scalars.ts";
import { byKind, field, nearest, record, type Shape } from "./shape.ts";
import { valueAt, type WrittenMap, withEntries } from "./tree.ts";

const name = text({ expected: "the name of a compose service" });

/** For editors: extends is followed before a service is read. */
export const extending: Shape<unknown> = byKind({
  expected: "a compose service, or a map with file and service",
  text: name,
  map: record({
    expected: "a map with file and service",
    fields: {
      file: field(
        text({ expected: "a file" }),
        "A file of the services folder or below it, as seen from this one. Default: this file.",
      ),
      service: field(name, "The compose service there."),
    },
  }),
});

export type Extending = {
  /** The services folder. */
  readonly folder: string;
  /** The tree of a file without variables; null when it cannot be read (then something was reported). */
  readonly read: (file: string) => Written | null;
  readonly report: Report;
};

type Base = { readonly file: string; readonly service: string };
type Step = { readonly file: string; readonly service: string };

const mostSteps = 10;

/** The file's tree with every service as it is meant, without `extends`. */
export function withExtended(tree: Written, facts: Extending): Written {
  if (tree.kind !== "map") return tree;
  return withEntries(tree, ({ key, value }) => {
    if (key !== "services" || value.kind !== "map") return value;
    return withEntries(value, (service) =>
      extended(service.value, { path: [{ file: tree.spot.file, service: service.key }], tree, facts }),
    );
  });
}

type Place = { readonly path: readonly Step[]; readonly tree: Written; readonly facts: Extending };

function extended(service: Written, place: Place): Written {
  const asked = valueAt(service, "extends");
  if (service.kind !== "map" || asked === undefined) return service;
  const own: WrittenMap = { ...service, entries: service.entries.filter(({ key }) => key !== "extends") };
  const base = baseOf(asked, place);
  return base === null ? own : mergedService(base, own);
}

function baseOf(asked: Written, place: Place): Written | null {
  const { path, tree, facts } = place;
  const { file, service, spot } = askedOf(asked, facts.report) ?? {};
  if (service === undefined || spot === undefined) return null;
  const here = path.at(-1)?.file ?? "";
  const target = file === undefined ? here : fileBelow(file, here, facts);
  if (target === null) return null;
  const step = { file: target, service };
  const circle = path.some((other) => other.file === step.file && other.service === step.service);
  if (circle || path.length > mostSteps) {
    const shown = [...path, step].map((each) => stepText(each, path, target)).join(" → ");
    const what = circle ? `extends goes in a circle: ${shown}` : `extends goes over more than ${mostSteps} steps: ${shown}`;
    facts.report(spot, { what, fix: "let one of them stand alone" });
    return null;
  }
  const there = target === here ? tree : facts.read(target);
  if (there === null) return null;
  const found = serviceIn(there, { step, spot, facts, isHere: target === here });
  return found === null ? null : extended(withoutFragmentsIn(found), { path: [...path, step], tree: there, facts });
}

function stepText(step: Step, path: readonly Step[], target: string): string {
  const oneFile = path.every(({ file }) => file === target);
  return oneFile ? step.service : `${step.file.split(sep).at(-1)}:${step.service}`;
}

function askedOf(asked: Written, report: Report): { file?: Located; service: string; spot: Spot } | null {
  if (asked.kind === "text") return { service: asked.text, spot: asked.spot };
  if (extending.read(asked, report) === null) return null;
  const [file, service] = [valueAt(asked, "file"), valueAt(asked, "service")];
  if (service?.kind !== "text") {
    report(asked.spot, { what: "extends without service", fix: "write { file: shared/web.yml, service: web }" });
    return null;
  }
  const base = { service: service.text, spot: service.spot };
  return file?.kind === "text" ? { ...base, file: { text: file.text, spot: file.spot } } : base;
}

type Located = { readonly text: string; readonly spot: Spot };

/** Links count for what they point at, so that none leads out of the folder. */
function fileBelow(file: Located, from: string, facts: Extending): string | null {
  const { folder, report } = facts;
  const written = resolve(dirname(from), file.text);
  try {
    const [real, root] = [realpathSync(written), realpathSync(folder)];
    // As it would be reached without links, so that messages name it as people know it.
    if (real.startsWith(`${root}${sep}`)) return join(folder, relative(root, real));
    report(file.spot, {
      what: `extends: ${quote(file.text)} lies outside the services folder`,
      fix: "put what is shared into the services folder or below it, such as services/shared/web.yml",
    });
  } catch {
    report(file.spot, {
      what: `extends: there is no file ${quote(file.text)}`,
      fix: `write the path as seen from the folder ${quote(dirname(from))}`,
    });
  }
  return null;
}

function serviceIn(tree: Written, ask: { step: Base; spot: Spot; facts: Extending; isHere: boolean }): Written | null {
  const { step, spot, facts, isHere } = ask;
  const services = valueAt(tree, "services");
  const names = services?.kind === "map" ? services.entries.map(({ key }) => key) : [];
  const found = valueAt(services, step.service);
  if (found !== undefined) return found;
  const near = nearest(step.service, names);
  const where = isHere ? "there is no compose service" : `${step.file.split(sep).at(-1)} has no compose service`;
  const all = names.length === 0 ? "write services: there" : `name one of ${names.join(", ")}`;
  facts.report(spot, {
    what: `extends: ${where} ${quote(step.service)}`,
    fix: near === null ? all : `did you mean "${near}"?`,
  });
  return null;
}
