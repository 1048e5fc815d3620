/**
 * The agent as a folder that needs nothing but Linux with glibc: Node, the source files that the agent imports, and the
 * packages that those import. What is taken follows from the imports and from the lockfile; nothing is listed by hand.
 */
import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../checks.ts";

type Lock = { readonly packages: Readonly<Record<string, { readonly dependencies?: Readonly<Record<string, string>> }>> };

const run = promisify(execFile);
const entry = "src/agent-cli.ts";
/** `import type` is gone at run time. */
const imports = /^(?:import|export)\s+(?!type\s)(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\("([^"]+)"\)/gm;
/** Of a package, what only compilers and people read; licences stay. */
const notRun = /\.(?:[cm]?ts|map|md|markdown)$/;
const onlyTypes = /node_modules\/(?:@types\/|undici-types$)/;

/** `gate`: the program of src/host/gate, which the agent looks for in build/; null: a plain swap, unless the host has gcc. */
export async function assembleProgram(folder: string, gate: string | null): Promise<void> {
  const { files, packages } = reachable(entry);
  for (const file of [...files, "package.json", "LICENSE", "src/host/gate/gate.c"]) place(folder, file);
  if (gate !== null) place(folder, path.relative(projectRoot, gate));
  for (const each of locked(packages)) {
    const from = path.join(projectRoot, each);
    // Packages inside packages have lines of their own in the lockfile.
    const isWanted = (file: string) => !notRun.test(file) && path.relative(from, file).split(path.sep)[0] !== "node_modules";
    cpSync(from, path.join(folder, each), { recursive: true, filter: isWanted });
  }
  const node = path.join(projectRoot, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  copyFileSync(node, path.join(folder, "node"));
  copyFileSync(new URL("run.sh", import.meta.url), path.join(folder, "run"));
  for (const program of ["node", "run"]) chmodSync(path.join(folder, program), 0o755);
  await placeLibraries({ node, folder: path.join(folder, "lib") });
}

/** Source files from an entry on, and names of the packages that they import. */
function reachable(from: string): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set([from]);
  const packages = new Set<string>();
  for (const file of files) {
    for (const [, plain, dynamic] of readFileSync(path.join(projectRoot, file), "utf8").matchAll(imports)) {
      const to = plain ?? dynamic ?? "";
      if (to.startsWith(".")) files.add(path.join(path.dirname(file), to));
      else if (!to.startsWith("node:")) packages.add(to.split("/", to.startsWith("@") ? 2 : 1).join("/"));
    }
  }
  return { files: [...files], packages: [...packages] };
}

/** Places of these packages and of all that they depend on, as Node would find them. */
function locked(names: readonly string[]): Set<string> {
  const lock = JSON.parse(readFileSync(path.join(projectRoot, "package-lock.json"), "utf8")) as Lock;
  const found = new Set(names.map((name) => whereIs(lock, "", name)));
  for (const each of found) {
    for (const name of Object.keys(lock.packages[each]?.dependencies ?? {})) found.add(whereIs(lock, each, name));
  }
  return new Set([...found].filter((each) => !onlyTypes.test(each)));
}

function whereIs(lock: Lock, from: string, name: string): string {
  const place = path.posix.join(from, "node_modules", name);
  if (lock.packages[place] !== undefined) return place;
  if (from === "") throw new Error(`the lockfile has no ${name}`);
  return whereIs(lock, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
}

/** Node needs libstdc++, which a small base image may lack. Its licence lets it go along (GCC Runtime Library Exception). */
async function placeLibraries(facts: { readonly node: string; readonly folder: string }): Promise<void> {
  mkdirSync(facts.folder, { recursive: true });
  const { stdout } = await run("ldd", [facts.node]);
  for (const [, name = "", file = ""] of stdout.matchAll(/(lib(?:stdc\+\+|gcc_s)\.\S+) => (\S+)/g)) {
    copyFileSync(file, path.join(facts.folder, name));
  }
}

function place(folder: string, file: string): void {
  const to = path.join(folder, file);
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(path.join(projectRoot, file), to);
}
