/**
 * The images of supporting containers say which one of the repository they mean, unless that is the release itself: a container
 * of the released image without tag (a migration, say) runs each new build.
 */
import { type Complaint, quote, type Report, type Spot, type Written } from "./raw.ts";
import { valueAt, withEntries } from "./tree.ts";

/** Where the image stands, and the tag or digest that was written with it; null: none. */
export type Reference = { readonly reference: string | null; readonly spot: Spot };

export type Referenced = { readonly tree: Written; readonly references: ReadonlyMap<string, Reference> };

/** The tree with the bare repositories of all containers but the released one, whose image may not have a tag. */
export function withoutReferences(tree: Written, released: string | null, report: Report): Referenced {
  const references = new Map<string, Reference>();
  if (tree.kind !== "map") return { tree, references };
  const bare = withEntries(tree, ({ key, value }) => {
    if (key !== "services" || value.kind !== "map") return value;
    return withEntries(value, (service) => {
      const image = valueAt(service.value, "image");
      if (service.key === released || service.value.kind !== "map" || image?.kind !== "text") return service.value;
      const parts = partsOf(image.text);
      if ("what" in parts) report(image.spot, parts);
      const { repository, reference } = "what" in parts ? { repository: image.text.split("@")[0] ?? "", reference: null } : parts;
      references.set(service.key, { reference, spot: image.spot });
      return withEntries(service.value, (entry) => (entry.key === "image" ? { ...image, text: repository } : entry.value));
    });
  });
  return { tree: bare, references };
}

function partsOf(image: string): { repository: string; reference: string | null } | Complaint {
  const [named = "", digest] = image.split(/@(.*)/s);
  const tagged = /^(.+):([^/:]*)$/.exec(named);
  const tag = tagged === null || /^[a-z]+:\/\//i.test(image) ? null : (tagged[2] as string);
  const repository = tag === null ? named : (tagged?.[1] as string);
  if (digest !== undefined) {
    if (/^sha256:[0-9a-f]{64}$/.test(digest)) return { repository, reference: digest };
    return { what: `${quote(digest)} is not a digest`, fix: "write sha256: and 64 of 0-9 and a-f" };
  }
  if (tag !== null && !/^\w[\w.-]{0,127}$/.test(tag))
    return { what: `${quote(tag)} is not a tag`, fix: "write letters, digits, and . _ - after the first" };
  return { repository, reference: tag };
}

/** Another repository without a tag would be `latest`: another image tomorrow, and nobody approved it. */
export function referenceComplaint(facts: { image: string; released: string; reference: string | null }): Complaint | null {
  const { image, released, reference } = facts;
  if (reference !== null || image === released) return null;
  return {
    what: `the image ${quote(image)} has no tag, so that it would be another one whenever its latest changes`,
    fix: `write a tag or a digest, such as ${image}:v1 (only ${released} may stand without: it is the release itself)`,
  };
}
