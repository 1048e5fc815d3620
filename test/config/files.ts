/** Config files in a folder of their own, and what Gantry says of them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { formatConfigErrors } from "../../src/config/format.ts";
import { type Loaded, loadConfig } from "../../src/config/load.ts";
import type { GantryConfig } from "../../src/config/valid.ts";

const root = mkdtempSync(join(tmpdir(), "config-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** Writes the files and returns the folder. */
export function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = join(root, String(++count));
  mkdirSync(join(folder, "services"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export const goodGantry = [
  "people:",
  "  deployers: { users: [U0ANA, U0BO] }",
  "  release-captains: { users: [U0BO] }",
  "  oncall: { groups: [S0ONCALL] }",
  "registries:",
  "  registry.example.com: { mirrors: [mirror.example.com] }",
  "  localhost:5000:",
].join("\n");

export const goodService = [
  "name: api",
  "services:",
  "  api:",
  "    image: registry.example.com/api",
  "x-gantry:",
  "  environments:",
  "    staging: { hosts: { env: staging } }",
  "    prod: { after: staging, hosts: { env: prod } }",
].join("\n");

export type Told = { readonly lines: readonly string[]; readonly loaded: Loaded };

/** What is said of a folder, with paths relative to it; no lines when it is valid. */
export function sayOf(folder: string): Told {
  const loaded = loadConfig(join(folder, "gantry.yml"));
  if (loaded.ok) return { lines: [], loaded };
  const lines = formatConfigErrors(loaded.errors).replaceAll(`${folder}/`, "").split("\n");
  return { lines: lines.slice(0, -1), loaded };
}

/** What is said of a service file beside a good gantry.yml, without the name of the file. */
export function saysOfService(text: string | Buffer): readonly string[] {
  const { lines } = sayOf(folderOf({ "gantry.yml": goodGantry, "services/api.yml": text }));
  return lines.map((line) => line.replace(/^services\/api\.yml:/, ""));
}

/** What is said of a gantry.yml beside a good service file. */
export function saysOfGantry(text: string | Buffer): readonly string[] {
  const { lines } = sayOf(folderOf({ "gantry.yml": text, "services/api.yml": goodService }));
  return lines.map((line) => line.replace(/^gantry\.yml:/, ""));
}

/** The good service file with a line more (or instead) under the compose service: it is line 5, from column 5. */
export function withCompose(...lines: readonly string[]): string {
  return goodService.replace("x-gantry:", () => [...lines.map((line) => `    ${line}`), "x-gantry:"].join("\n"));
}

/** The good service file with lines more under x-gantry: from line 6, column 3. */
export function withGantry(...lines: readonly string[]): string {
  return goodService.replace("  environments:", () => [...lines.map((line) => `  ${line}`), "  environments:"].join("\n"));
}

/** The good service file with prod written otherwise: it is line 8, and the text begins at column 11. */
export function withProd(text: string): string {
  return goodService.replace("{ after: staging, hosts: { env: prod } }", text);
}

/** The configuration, which must be valid. */
export function valid(files: { gantry?: string; service?: string }): GantryConfig {
  const folder = folderOf({ "gantry.yml": files.gantry ?? goodGantry, "services/api.yml": files.service ?? goodService });
  const { loaded, lines } = sayOf(folder);
  if (!loaded.ok) throw new Error(`not valid:\n${lines.join("\n")}`);
  return loaded.config;
}
