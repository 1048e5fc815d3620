/**
 * A service file's tree before shapes read it: fragments taken out, variables refused, what it extends and its profile laid under it,
 * containers for laptops left out, and the released one found.
 */
import { basename } from "node:path";
import { type Extending, withExtended } from "./extends.ts";
import { withoutFragments } from "./extensions.ts";
import { type Reference, withoutReferences } from "./image-reference.ts";
import { withoutVariables } from "./interpolate.ts";
import { type Profile, withProfile } from "./profiles.ts";
import { quote, type Report, type Spot, type Written } from "./raw.ts";
import { readConfigFile } from "./read-file.ts";
import { nearest } from "./shape.ts";
import { entryOf, valueAt, withEntries } from "./tree.ts";

export type WrittenService = {
  readonly tree: Written;
  /** The container that gets the new image; null: it cannot be told, and something was reported. */
  readonly released: string | null;
  /** Containers that hosts do not run. */
  readonly absent: readonly string[];
  readonly references: ReadonlyMap<string, Reference>;
  /** It names one that is not there: what is missing may stand in it. */
  readonly lacksProfile: boolean;
  /** Silent about values with a variable in them: whatever else is wrong with those, the variable is the reason. */
  readonly report: Report;
};

export type Around = {
  /** The services folder. */
  readonly folder: string;
  /** Null: broken, and reported. */
  readonly profiles: readonly Profile[] | null;
  readonly report: Report;
};

export function writtenService(written: Written, around: Around): WrittenService {
  const variables = new Set<Spot>();
  const bare = (file: Written): Written =>
    withoutVariables(withoutFragments(file), (spot, complaint) => {
      variables.add(spot);
      around.report(spot, complaint);
    });
  const report: Report = (spot, complaint) => (variables.has(spot) ? undefined : around.report(spot, complaint));
  const extending: Extending = { folder: around.folder, report, read: reader(bare, report) };
  const whole = withExtended(bare(written), extending);
  const named = releasedIn(whole, report);
  const { tree, absent } = withoutLaptops(whole, named, report);
  const released = named ?? onlyReleased(tree, report);
  const layered = withProfile(tree, { released, profiles: around.profiles, report });
  const bared = withoutReferences(layered ?? tree, released, report);
  return { ...bared, released, absent, lacksProfile: layered === null, report };
}

function reader(bare: (file: Written) => Written, report: Report): (file: string) => Written | null {
  const known = new Map<string, Written | null>();
  return (file) => {
    const found = known.get(file);
    if (found !== undefined) return found;
    const written = readConfigFile(file, report);
    const tree = written === null ? null : bare(written);
    known.set(file, tree);
    return tree;
  };
}

/** The one that x-gantry.release names. */
function releasedIn(tree: Written, report: Report): string | null {
  const release = valueAt(valueAt(tree, "x-gantry"), "release");
  const names = namesIn(tree);
  if (release?.kind !== "text" || names.length === 0) return null;
  if (names.includes(release.text)) return release.text;
  const near = nearest(release.text, names);
  const fix = near === null ? `name one of ${names.join(", ")}` : `did you mean "${near}"?`;
  report(release.spot, { what: `release: there is no compose service ${quote(release.text)}`, fix });
  return names[0] ?? null;
}

/** Without x-gantry.release: the only one, or the one named like the service. */
function onlyReleased(tree: Written, report: Report): string | null {
  const names = namesIn(tree);
  const [only] = names;
  if (only === undefined || names.length === 1) return only ?? null;
  const written = valueAt(tree, "name");
  const name = written?.kind === "text" ? written.text : basename(tree.spot.file).replace(/\.ya?ml$/, "");
  if (names.includes(name)) return name;
  report(entryOf(tree, "services")?.keySpot ?? tree.spot, {
    what: `none of ${names.join(", ")} is called ${name}, so that it is open which one gets the new image`,
    fix: `write release: ${only} under x-gantry, or whichever it is`,
  });
  return null;
}

function namesIn(tree: Written): readonly string[] {
  const services = valueAt(tree, "services");
  return services?.kind === "map" ? services.entries.map(({ key }) => key) : [];
}

/** Compose starts a service that has profiles only when one of them is asked for; nobody asks on a host. */
function withoutLaptops(tree: Written, released: string | null, report: Report): { tree: Written; absent: readonly string[] } {
  const absent: string[] = [];
  if (tree.kind !== "map") return { tree, absent };
  const kept = withEntries(tree, ({ key, value }) => {
    if (key !== "services" || value.kind !== "map") return value;
    return withEntries(value, (service) => {
      const profiles = valueAt(service.value, "profiles");
      if (profiles?.kind !== "list" || profiles.items.length === 0) return service.value;
      if (service.key !== released) {
        absent.push(service.key);
        return null;
      }
      report(profiles.spot, {
        what: "the released container has profiles, so that hosts would not run it",
        fix: "remove profiles, or name another container under x-gantry.release",
      });
      return service.value;
    });
  });
  return { tree: kept, absent };
}
