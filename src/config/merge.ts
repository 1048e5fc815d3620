/**
 * Compose's rules for laying one service over another, on trees as written, so that every value keeps its own place.
 * Source: the Compose specification, "Merge", and compose-go for what it leaves open (mixed forms, logging).
 */
import type { Entry, Written } from "./raw.ts";
import { valueAt, type WrittenMap } from "./tree.ts";

const replaced = ["command", "entrypoint", "healthcheck.test"];
/** A list of KEY=value or a map, as people like it: merged by key. */
const pairs = ["environment", "labels", "annotations", "sysctls", "driver_opts"];
/** One value or a list. */
const lists =
  "env_file label_file dns dns_opt dns_search tmpfs cap_add cap_drop group_add security_opt expose ports devices".split(" ");
/** Lists in which one place in the container can be taken once. */
const mounts = ["volumes", "secrets", "configs"];

/** `own` laid over `base`: both a service. */
export function mergedService(base: Written, own: Written): Written {
  return merged(base, own, "");
}

/** `own` laid over `base` where both are x-gantry: maps key by key, anything else replaced. */
export function mergedGantry(base: Written, own: Written, path = ""): Written {
  if (own.kind === "nothing") return base;
  if (base.kind !== "map" || own.kind !== "map") return own;
  const below = path === "health" || /^supporting\.[^.]+\.health$/.test(path) ? withoutProbe(base, own) : base;
  return mergedMaps(below, own, (one, other, key) => mergedGantry(one, other, path === "" ? key : `${path}.${key}`));
}

const paces = ["interval", "deadline", "startPeriod", "startInterval", "threshold", "failures", "timeout"];

/** Another probe takes nothing from the one below it but its pace. */
function withoutProbe(base: WrittenMap, own: WrittenMap): WrittenMap {
  const isOther = ["http", "tcp", "container", "command"].some((key) => valueAt(own, key) !== undefined);
  return isOther ? { ...base, entries: base.entries.filter(({ key }) => paces.includes(key)) } : base;
}

function merged(base: Written, own: Written, path: string): Written {
  const inService = !path.includes(".");
  if (path === "depends_on") return maybeMaps(asDependencies(base), asDependencies(own), path);
  if (inService && pairs.includes(path)) return maybeMaps(asPairs(base, path), asPairs(own, path), path);
  if (own.kind === "nothing") return base;
  if (replaced.includes(path)) return own;
  if (path === "logging" && otherDriver(base, own)) return own;
  if (inService && lists.includes(path)) return appended(asList(base), asList(own), textOf);
  if (base.kind === "list" && own.kind === "list")
    return appended(base.items, own.items, mounts.includes(path) ? targetOf : () => null);
  return maybeMaps(base, own, path);
}

function maybeMaps(base: Written, own: Written, path: string): Written {
  if (base.kind !== "map" || own.kind !== "map") return own;
  if (pairs.includes(path)) return mergedMaps(base, own, (_, other) => other);
  return mergedMaps(base, own, (one, other, key) => merged(one, other, path === "" ? key : `${path}.${key}`));
}

function mergedMaps(
  base: WrittenMap,
  own: WrittenMap,
  merge: (one: Written, other: Written, key: string) => Written,
): WrittenMap {
  const kept = base.entries.filter(({ key }) => valueAt(own, key) === undefined);
  const laid = own.entries.map((entry): Entry => {
    const below = valueAt(base, entry.key);
    return below === undefined ? entry : { ...entry, value: merge(below, entry.value, entry.key) };
  });
  return { ...own, entries: [...kept, ...laid] };
}

/** What has the same name takes the place of the one below. */
function appended(base: readonly Written[], own: readonly Written[], nameOf: (item: Written) => string | null): Written {
  const items = [...base];
  for (const item of own) {
    const name = nameOf(item);
    const at = name === null ? -1 : items.findIndex((other) => nameOf(other) === name);
    if (at < 0) items.push(item);
    else items[at] = item;
  }
  const spot = (own[0] ?? base[0])?.spot ?? { file: "", line: 1, column: 1 };
  return { kind: "list", items, spot };
}

function asList(written: Written): readonly Written[] {
  return written.kind === "list" ? written.items : [written];
}

function asDependencies(written: Written): Written {
  if (written.kind !== "list") return written;
  const entries = written.items.flatMap((item): Entry[] =>
    item.kind === "text" ? [{ key: item.text, keySpot: item.spot, value: { kind: "map", entries: [], spot: item.spot } }] : [],
  );
  return entries.length === written.items.length ? { kind: "map", entries, spot: written.spot } : written;
}

function asPairs(written: Written, path: string): Written {
  if (written.kind !== "list") return written;
  const entries = written.items.flatMap((item): Entry[] => (item.kind === "text" ? [pairOf(item, path)] : []));
  return entries.length === written.items.length ? { kind: "map", entries, spot: written.spot } : written;
}

function pairOf(item: Extract<Written, { kind: "text" }>, path: string): Entry {
  const { text, spot } = item;
  const at = text.indexOf("=");
  const none: Written = path === "environment" ? { kind: "nothing", spot } : { ...item, text: "", plain: false };
  if (at < 0) return { key: text, keySpot: spot, value: none };
  return { key: text.slice(0, at), keySpot: spot, value: { ...item, text: text.slice(at + 1), plain: false } };
}

function otherDriver(base: Written, own: Written): boolean {
  const [one, other] = [textOf(valueAt(base, "driver")), textOf(valueAt(own, "driver"))];
  return one !== null && other !== null && one !== other;
}

function textOf(written: Written | undefined): string | null {
  return written?.kind === "text" ? written.text : null;
}

/** `source:target:mode`, or a target alone, or the long form. */
function targetOf(item: Written): string | null {
  if (item.kind === "map") return textOf(valueAt(item, "target")) ?? textOf(valueAt(item, "source"));
  const [source, target] = (textOf(item) ?? "").split(":");
  return target ?? source ?? null;
}
