// Every guard must be able to fail: here each is shown something wrong and has to say so.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { type Check, checks, projectRoot, runCheck } from "../../scripts/checks.ts";
import { type Planted, withFolder } from "./planted.ts";

function guard(name: string, ...more: readonly string[]): Check {
  const found = checks.find((check) => check.name === name);
  assert.ok(found, `npm run check has ${name}`);
  return { name, args: [...found.args, ...more] };
}

// ---------------------------------------------------------------- Biome

/** Rule to the planted file that breaks it. The first file of an entry is where the rule must speak. */
const lint: Readonly<Record<string, Planted>> = {
  "style/noEnum": { "src/app/a.ts": "export enum Colour {\n  Red = 0,\n}\n" },
  "style/noNamespace": { "src/app/b.ts": "export namespace Room {\n  export const x = 1;\n}\n" },
  "style/noParameterProperties": { "src/app/c.ts": "export class Door {\n  constructor(readonly width: number) {}\n}\n" },
  "style/noNonNullAssertion": { "src/app/d.ts": "export const first = (all: string[]) => all[0]!;\n" },
  "style/noDefaultExport": { "src/app/e.ts": "export default 1;\n" },
  "style/noCommonJs": { "src/app/f.ts": 'export const fs = require("node:fs");\n' },
  "style/noParameterAssign": { "src/app/g.ts": "export function f(a: number) {\n  a = 1;\n  return a;\n}\n" },
  "style/noProcessEnv": { "src/app/h.ts": "export const home = process.env.HOME;\n" },
  "style/noExcessiveLinesPerFile": { "src/app/i.ts": `${"export {};\n".repeat(401)}` },
  "style/useFilenamingConvention": { "src/app/camelCase.ts": "export const x = 1;\n" },
  "style/useImportType": { "src/app/j.ts": 'import { Clock } from "./ports.ts";\nexport type C = Clock;\n' },
  "style/useNodejsImportProtocol": { "src/app/k.ts": 'import fs from "fs";\nexport const x = fs;\n' },
  "style/useConsistentArrayType": { "src/app/x.ts": "export const x: Array<number> = [];\n" },
  "style/useExportType": { "src/app/y.ts": 'import type { Clock } from "./ports.ts";\nexport { Clock };\n' },
  "style/useThrowNewError": { "src/app/z.ts": 'export function f() {\n  throw Error("no");\n}\n' },
  "style/useThrowOnlyError": { "src/app/l.ts": 'export function f() {\n  throw "no";\n}\n' },
  "style/noRestrictedImports": { "src/core/a.ts": 'import type { Clock } from "../app/ports.ts";\nexport type C = Clock;\n' },
  "style/noRestrictedGlobals": { "src/core/b.ts": "export const now = () => Date.now();\n" },
  "nursery/noJsRestrictedProperties": { "src/core/c.ts": "export const dice = () => Math.random();\n" },
  "suspicious/noConsole": { "src/app/m.ts": 'console.log("hello");\n' },
  "suspicious/noExplicitAny": { "src/app/n.ts": "export const x: any = 1;\n" },
  "suspicious/noEvolvingTypes": {
    "src/app/o.ts": "export function f() {\n  const all = [];\n  all.push(1);\n  return all;\n}\n",
  },
  "suspicious/noImportCycles": {
    "src/app/p.ts": 'import { q } from "./q.ts";\nexport const p = () => q;\n',
    "src/app/q.ts": 'import { p } from "./p.ts";\nexport const q = () => p;\n',
  },
  "suspicious/noFocusedTests": { "test/a.test.ts": `import { test } from "node:test";\ntest.${"only"}("x", () => {});\n` },
  "suspicious/noSkippedTests": { "test/b.test.ts": `import { test } from "node:test";\ntest.${"skip"}("x", () => {});\n` },
  "correctness/noUnusedVariables": { "src/app/r.ts": "const unused = 1;\n" },
  "correctness/noUnusedImports": { "src/app/s.ts": 'import { q } from "./q.ts";\n' },
  "correctness/noUnusedFunctionParameters": { "src/app/t.ts": "export function f(a: number) {}\n" },
  "nursery/noFloatingPromises": {
    "src/app/u.ts": "async function later(): Promise<void> {}\nexport function f() {\n  later();\n}\n",
  },
  "nursery/noMisusedPromises": {
    "src/app/v.ts":
      "async function ready(): Promise<boolean> {\n  return true;\n}\nexport const f = () => {\n  if (ready()) return 1;\n  return 2;\n};\n",
  },
  "nursery/useExhaustiveSwitchCases": {
    "src/app/w.ts":
      'export function f(kind: "a" | "b") {\n  switch (kind) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}\n',
  },
};

test("Biome speaks at every planted breach of a rule, and is silent at a good file", async () => {
  const files = Object.assign({}, ...Object.values(lint), { "src/app/good.ts": "export const good = 1;\n" });
  await withFolder({ files, copies: ["biome.json", ".gitignore"] }, async (folder) => {
    const { ok, output } = await runCheck(guard("biome", "--max-diagnostics=none", "--diagnostic-level=warn"), folder);
    assert.equal(ok, false);
    for (const [rule, planted] of Object.entries(lint)) {
      const [file = ""] = Object.keys(planted);
      const said = output.split("\n").some((line) => line.startsWith(file) && line.includes(`lint/${rule}`));
      assert.ok(said, `${rule} should speak at ${file}`);
    }
    assert.ok(!output.includes("src/app/good.ts"), "nothing is said about the good file");
  });
});

test("Biome's strict rules are all in the planted list", () => {
  const { linter, overrides } = JSON.parse(readFileSync(path.join(projectRoot, "biome.json"), "utf8"));
  const all = [linter, ...overrides.map((override: { linter: object }) => override.linter)];
  const on = all.flatMap(({ rules }) =>
    Object.entries(rules).flatMap(([group, entries]) =>
      typeof entries === "object"
        ? Object.keys(entries as object)
            .filter((rule) => (entries as Record<string, unknown>)[rule] !== "off")
            .map((rule) => `${group}/${rule}`)
        : [],
    ),
  );
  const unproved = on.filter((rule) => !(rule in lint));
  assert.deepEqual(unproved, []);
});

test("Biome notices a badly formatted file", async () => {
  await withFolder(
    { files: { "src/app/a.ts": "export const a  =  1\n" }, copies: ["biome.json", ".gitignore"] },
    async (folder) => {
      assert.equal((await runCheck(guard("biome"), folder)).ok, false);
    },
  );
});

// ---------------------------------------------------------------- tsc

const mistakes: Readonly<Record<string, { readonly text: string; readonly code: string }>> = {
  "a wrong type": { text: 'export const n: number = "one";\n', code: "TS2322" },
  "an unchecked index": { text: "export const f = (all: string[]): string => all[0];\n", code: "TS2322" },
  "undefined for an absent key": { text: "export const o: { a?: string } = { a: undefined };\n", code: "TS2375" },
  "a missing case of a union": {
    text: 'export function f(kind: "a" | "b"): number {\n  switch (kind) {\n    case "a":\n      return 1;\n  }\n}\n',
    code: "TS2366",
  },
  "syntax that cannot be stripped": { text: "export enum Colour {\n  Red,\n}\n", code: "TS1294" },
  "a type imported as a value": {
    text: 'import { NetConnectOpts } from "node:net";\nexport type N = NetConnectOpts;\n',
    code: "TS1484",
  },
  "a missing override": { text: "class A {\n  f() {}\n}\nexport class B extends A {\n  f() {}\n}\n", code: "TS4114" },
};

test("tsc refuses each planted mistake, and passes a good file", async () => {
  const named = Object.entries(mistakes).map(([what, mistake], index) => ({ what, ...mistake, file: `src/m${index}.ts` }));
  const files = Object.fromEntries([...named.map(({ file, text }) => [file, text]), ["src/good.ts", "export const good = 1;\n"]]);
  await withFolder({ files, copies: ["tsconfig.json", "package.json"] }, async (folder) => {
    const { ok, output } = await runCheck(guard("tsc", "--pretty", "false"), folder);
    assert.equal(ok, false);
    for (const { what, code, file } of named) {
      const said = output.split("\n").some((line) => line.startsWith(file) && line.includes(code));
      assert.ok(said, `${what} should be ${code}\n${output}`);
    }
    assert.ok(!output.includes("good.ts"));
  });
});

// ---------------------------------------------------------------- knip

test("knip names a planted export, file and package that nobody uses", async () => {
  const copies = ["knip.json", "package.json", "tsconfig.json", "src", "commands", "scripts", "test", "examples"];
  await withFolder({ files: { "src/core/nobody.ts": "export const nobody = 1;\n" }, copies }, async (folder) => {
    appendFileSync(path.join(folder, "src/core/release.ts"), "\nexport const plantedForNobody = 1;\n");
    const manifest = path.join(folder, "package.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"hono":', '"left-pad": "1.3.0",\n    "hono":'));
    const { ok, output } = await runCheck(guard("knip"), folder);
    assert.equal(ok, false);
    for (const planted of ["plantedForNobody", "src/core/nobody.ts", "left-pad"])
      assert.match(output, new RegExp(planted), output);
  });
});
