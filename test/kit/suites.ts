import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "../../scripts/checks.ts";

/** Test files by what they need. Paths are absolute and sorted. */
export type Suites = { readonly fast: readonly string[]; readonly engine: readonly string[] };

/** Files that start real Docker hosts, or mount disks, say so by importing the lab, a stage or the disk; they run one after another, so that figures mean something. */
const needsEngines = /^(import|\}) .*from "[^"]*\/((kit|fleet)\/lab|stage\/stage|kit\/real-stage|kit\/loop-disk)\.ts"/m;

/** `filters` keep only files whose path contains one of them; none keeps all. */
export function findSuites(filters: readonly string[], folder: string = projectRoot): Suites {
  const files = globSync("test/**/*.test.ts", { cwd: folder })
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .map((file) => path.join(folder, file))
    .sort();
  const engine = files.filter((file) => needsEngines.test(readFileSync(file, "utf8")));
  return { engine, fast: files.filter((file) => !engine.includes(file)) };
}
