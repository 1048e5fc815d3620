/** `profiles` of gantry.yml: defaults that many services share, so that their files stay short. */
import { composeService } from "./compose.ts";
import { withoutVariables } from "./interpolate.ts";
import { mergedGantry, mergedService } from "./merge.ts";
import { nameComplaint } from "./names.ts";
import { kindName, quote, type Report, type Written } from "./raw.ts";
import { field, mapOf, nearest, nothingMeans, record, refined, type Shape } from "./shape.ts";
import { entryOf, valueAt, type WrittenMap, withEntries } from "./tree.ts";
import { gantryBlock } from "./x-gantry.ts";

/** As written: what it means shows when a service's own file is laid over it. */
export type Profile = { readonly name: string; readonly container: Written | null; readonly gantry: Written | null };

/** A map that another shape reads later. */
function writtenLike(shape: Shape<unknown>): Shape<Written> {
  return {
    schema: shape.schema,
    read(written, report) {
      if (written.kind === "map") return { value: written };
      report(written.spot, { what: `${kindName(written)} here`, fix: "write a map of defaults" });
      return null;
    },
  };
}

const profileFields = {
  container: field(writtenLike(composeService), "Compose keys of the released container."),
  "x-gantry": field(writtenLike(gantryBlock), "Keys of x-gantry."),
};

const empty = { container: undefined, "x-gantry": undefined };

/** Each is read as if a service used it, so that a mistake in it shows before one does. */
export const profiles: Shape<readonly Profile[]> = refined(
  mapOf({
    expected: "a map of profiles",
    key: (name) => nameComplaint("profile", name),
    value: nothingMeans(empty, record({ expected: "a map with container and x-gantry", fields: profileFields })),
  }),
  (entries, _spot, report) => {
    const all = entries.map(({ key, value }): Profile => {
      const bare = (written: Written | undefined) => (written === undefined ? null : withoutVariables(written, report));
      return { name: key, container: bare(value.container), gantry: bare(value["x-gantry"]) };
    });
    for (const profile of all) tryOut(profile, report);
    return { value: all };
  },
);

/** What is about one file only, or was followed before a profile is laid under it. */
const ofOneFile = ["extends", "profiles", "profile", "release"];

function tryOut({ container, gantry }: Profile, report: Report): void {
  const out = [container, gantry].flatMap((map) => ofOneFile.flatMap((key) => entryOf(map ?? undefined, key) ?? []));
  for (const { key, keySpot } of out) {
    report(keySpot, { what: `${key} in a profile: it is about one file`, fix: "write it in the service files" });
  }
  if (gantry !== null) gantryBlock.read(gantry, report);
  if (container === null) return;
  const { spot } = container;
  const image: Written = { kind: "text", text: "localhost/any", plain: true, spot };
  const own: Written = { kind: "map", entries: [{ key: "image", keySpot: spot, value: image }], spot };
  composeService.read(mergedService(container, own), report);
}

/** The file's tree laid over the profile that it names; null: there is none of that name, or it is broken. */
export function withProfile(
  tree: Written,
  facts: { released: string | null; profiles: readonly Profile[] | null; report: Report },
): Written | null {
  const { released, profiles: known, report } = facts;
  const block = valueAt(tree, "x-gantry");
  const asked = entryOf(block, "profile")?.value;
  if (tree.kind !== "map" || block === undefined || asked?.kind !== "text") return tree;
  if (known === null) return null;
  const profile = known.find(({ name }) => name === asked.text);
  if (profile === undefined) {
    const names = known.map(({ name }) => name);
    const near = nearest(asked.text, names);
    const there =
      names.length === 0 ? "write it under profiles of gantry.yml" : `name one of ${names.join(", ")}, as gantry.yml has them`;
    report(asked.spot, {
      what: `there is no profile ${quote(asked.text)}`,
      fix: near === null ? there : `did you mean "${near}"?`,
    });
    return null;
  }
  return layered(tree, profile, released);
}

function layered(tree: WrittenMap, { container, gantry }: Profile, released: string | null): Written {
  return withEntries(tree, ({ key, value }) => {
    if (key === "x-gantry" && gantry !== null) return mergedGantry(gantry, value);
    if (key !== "services" || value.kind !== "map" || container === null) return value;
    return withEntries(value, (service) => (service.key === released ? mergedService(container, service.value) : service.value));
  });
}
