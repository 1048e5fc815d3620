/** Keys that begin with `x-`: Compose lets people keep fragments there. Ours is x-gantry, and a misspelt one must not pass for a fragment. */
import type { Written } from "./raw.ts";
import { nearest, type Shape } from "./shape.ts";
import { withEntries } from "./tree.ts";

/** The tree of a service file without the fragments, at its top and in its services. */
export function withoutFragments(written: Written): Written {
  if (written.kind !== "map") return written;
  return withEntries(written, ({ key, value }) => {
    if (isFragment(key)) return null;
    if (key !== "services" || value.kind !== "map") return value;
    return withEntries(value, (service) => withoutFragmentsIn(service.value));
  });
}

export function withoutFragmentsIn(service: Written): Written {
  return service.kind === "map" ? withEntries(service, ({ key, value }) => (isFragment(key) ? null : value)) : service;
}

function isFragment(key: string): boolean {
  return key.startsWith("x-") && nearest(key, ["x-gantry"]) === null;
}

/** The same shape, of which editors know that fragments may stand in it. */
export function withFragments<T>(shape: Shape<T>): Shape<T> {
  return { ...shape, schema: { ...shape.schema, patternProperties: { "^x-(?!gant)": {} } } };
}
