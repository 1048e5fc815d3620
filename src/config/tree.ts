/** Small questions to a tree as written. */
import type { Entry, Written } from "./raw.ts";

export type WrittenMap = Extract<Written, { readonly kind: "map" }>;

/** The entry of a key, or undefined: also when it is not a map at all. */
export function entryOf(written: Written | undefined, key: string): Entry | undefined {
  return written?.kind === "map" ? written.entries.find((entry) => entry.key === key) : undefined;
}

export function valueAt(written: Written | undefined, key: string): Written | undefined {
  return entryOf(written, key)?.value;
}

/** The map with some of its entries' values made anew; null leaves the entry out. */
export function withEntries(map: WrittenMap, make: (entry: Entry) => Written | null): WrittenMap {
  const entries = map.entries.flatMap((entry) => {
    const value = make(entry);
    return value === null ? [] : [{ ...entry, value }];
  });
  return { ...map, entries };
}
