import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../../scripts/checks.ts";

/** Test files by what they need, those first that take longest. Paths are absolute. */
export type Suites = { readonly engine: readonly string[]; readonly fast: readonly string[]; readonly timed: readonly string[] };

/** Files that start real Docker hosts, or mount disks, say so by importing the lab, a stage or the disk. */
const needsEngines =
  /^(import|\}) .*from "[^"]*\/((kit|fleet)\/lab|stage\/stage|kit\/real-stage|kit\/loop-disk|kit\/stand)\.ts"/m;

/** Files that hold a time taken against a bound: what they see on a busy machine says nothing. */
const takesTime = /performance\.now\(\) - \w+ </;

/** Where the long ones are, found by measuring; the rest is short. Whatever begins last should. */
const longest = [
  "journeys/demo",
  "simulation/",
  "faults/server-killed",
  "faults/host-stands-still",
  "faults/killed-",
  "faults/",
  "host/real-",
  "lab/",
  "browser/",
  "journeys/",
  "rollout/exhaustive",
  "rollout/properties",
  "app/",
  "cli/",
  "adapters/",
];

/** `filters` keep only files whose path contains one of them; none keeps all. */
export function findSuites(filters: readonly string[], folder: string = projectRoot): Suites {
  const files = globSync("test/**/*.test.ts", { cwd: folder })
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((file) => ({ file: path.join(folder, file), text: readFileSync(path.join(folder, file), "utf8") }));
  const those = (kind: keyof Suites) => files.filter(({ text }) => kindOf(text) === kind).map(({ file }) => file);
  return { engine: those("engine"), fast: those("fast"), timed: those("timed") };
}

function kindOf(text: string): keyof Suites {
  if (needsEngines.test(text)) return "engine";
  return takesTime.test(text) ? "timed" : "fast";
}

function rank(file: string): number {
  const found = longest.findIndex((part) => file.includes(part));
  return found === -1 ? longest.length : found;
}
