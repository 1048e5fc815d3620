/**
 * The rooms of the house and the doors between them, and the walk that finds who climbs through a window.
 *
 * It reads import specifiers with a pattern instead of asking a compiler, so that it does not hang on one tool: a
 * dependency checker that cannot parse the code reports "no violations (0 modules)" and passes.
 */
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";

export type Import = {
  readonly from: string;
  /** `src/core/plan.ts`, `npm:yaml`, `node:fs`, or `?` when the specifier is no literal. */
  readonly to: string;
  /** `import type` and `export type`: gone at run time. */
  readonly typeOnly: boolean;
};

type Door = { readonly to: RegExp; readonly only?: "types" };
type Room = { readonly name: string; readonly files: RegExp; readonly doors: readonly Door[] };

const anything: readonly Door[] = [{ to: /^(?!\?)/ }];
const core: Door = { to: /^src\/core\/[^/]+\.ts$/ };
const node: Door = { to: /^node:/ };
const meanings: Door = { to: /^src\/config\/valid\.ts$/, only: "types" };

function packages(...names: readonly string[]): Door {
  return { to: new RegExp(`^npm:(${names.join("|")})$`) };
}

function own(room: string): Door {
  return { to: new RegExp(`^src/${room}/`) };
}

/** Adapters know the ports and the core, their own folder and the packages they are named after, and never one another. */
function adapter(name: string, ...more: readonly Door[]): Room {
  const ports: Door = { to: /^src\/app\/(ports|clock)\.ts$/ };
  const message: Door = { to: /^src\/messages\/message\.ts$/, only: "types" };
  return { name, files: new RegExp(`^src/${name}/`), doors: [own(name), ports, core, message, node, ...more] };
}

const rooms: readonly Room[] = [
  { name: "core", files: /^src\/core\/[^/]+\.ts$/, doors: [core] },
  { name: "messages", files: /^src\/messages\//, doors: [core, own("messages"), { to: /^npm:@slack\/types$/, only: "types" }] },
  { name: "config", files: /^src\/config\//, doors: [core, own("config"), node, packages("yaml", "zod", "fastest-levenshtein")] },
  { name: "app", files: /^src\/app\//, doors: [core, own("app"), own("messages"), meanings, { to: /^node:crypto$/ }] },
  {
    name: "commands",
    files: /^commands\//,
    doors: [core, own("app"), own("messages"), { to: /^commands\// }, meanings],
  },
  {
    name: "host",
    files: /^src\/host\//,
    doors: [core, own("host"), node, { to: /^src\/app\/ports\.ts$/, only: "types" }],
  },
  adapter("slack", packages("@slack/bolt", "@slack/socket-mode", "@slack/web-api", "@slack/types", "undici")),
  adapter("github", packages("@octokit/.+")),
  adapter("jira", packages("jira-client")),
  adapter("secrets"),
  adapter("registry", packages("undici")),
  adapter("docker", packages("dockerode"), { to: /^src\/host\/engine\.ts$/ }),
  adapter(
    "executor",
    packages("yaml", "zod"),
    { to: /^src\/host\/engine\.ts$/ },
    { to: /^src\/fleet\/container-shape\.ts$/ },
    { to: /^src\/host\/(gate\/gates|hold\/redirect|secret-files)\.ts$/, only: "types" },
  ),
  adapter("fleet", packages("ws", "zod")),
  adapter("http", packages("hono(/.+)?", "@hono/node-server(/.+)?", "prom-client")),
  adapter("sqlite", packages("better-sqlite3"), { to: /^src\/app\/store\.ts$/, only: "types" }),
  { name: "rehearsal", files: /^src\/rehearsal\//, doors: anything },
  { name: "roots", files: /^src\/((server|cli)\/)?[^/]+\.ts$/, doors: anything },
];

/** All imports of `src/` and `commands/` under the folder. Throws when there are suspiciously few: a walk that saw nothing proves nothing. */
export function importsUnder(folder: string, atLeast: number): readonly Import[] {
  const files = globSync(["src/**/*.ts", "commands/**/*.ts"], { cwd: folder }).map((file) => file.split(path.sep).join("/"));
  const found = files.flatMap((file) => importsOf(file, readFileSync(path.join(folder, file), "utf8")));
  if (found.length < atLeast) throw new Error(`only ${found.length} imports seen in ${files.length} files: the walk is broken`);
  return found;
}

/** One sentence for each import that no door of its room allows. */
export function breaches(imports: readonly Import[]): readonly string[] {
  return imports.flatMap((entry) => {
    const room = rooms.find(({ files }) => files.test(entry.from));
    const line = `${entry.from} imports ${entry.to}${entry.typeOnly ? " (types)" : ""}`;
    if (room === undefined) return [`${line}: there are no rules for this folder`];
    const fitting = room.doors.filter(({ to }) => to.test(entry.to));
    if (fitting.some(({ only }) => only === undefined || entry.typeOnly)) return [];
    return [`${line}: ${room.name} may ${fitting.length > 0 ? "import only types from there" : "not"}`];
  });
}

const statement = /(?:^|[;}\n])\s*(?:import|export)\s+(type\s)?(?:[\w$*\s{},]+?\sfrom\s*)?(["'])([^"'\n]+)\2/g;
const expression = /\bimport\s*\(\s*(?:(["'`])([^"'`$\n]+)\1\s*[,)])?/g;

function importsOf(from: string, text: string): readonly Import[] {
  const code = text.replaceAll(/(^|[\s([{,;])\/\*[\s\S]*?\*\//g, "$1").replaceAll(/(^|\s)\/\/.*$/gm, "$1");
  const statements = [...code.matchAll(statement)].map((match) => ({
    from,
    to: targetOf(from, match[3] ?? "?"),
    typeOnly: match[1] !== undefined,
  }));
  const expressions = [...code.matchAll(expression)].map((match) => ({
    from,
    to: targetOf(from, match[2] ?? "?"),
    typeOnly: false,
  }));
  return [...statements, ...expressions];
}

function targetOf(from: string, specifier: string): string {
  if (specifier === "?") return "?";
  if (specifier.startsWith(".")) return path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier));
  if (isBuiltin(specifier)) return specifier.startsWith("node:") ? specifier : `node:${specifier}`;
  return `npm:${specifier}`;
}
