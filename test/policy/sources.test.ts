import assert from "node:assert/strict";
import { test } from "node:test";
import { projectRoot } from "../../scripts/checks.ts";
import { faultsOf, type SourceFile, sourceFiles, sourceRules } from "./sources.ts";

const files = sourceFiles(projectRoot, 100);

for (const rule of sourceRules) {
  test(rule.name, () => assert.deepEqual(faultsOf(rule, files), []));
}

/** Put together here, so that this file keeps the rules it plants against. */
const [skip, only, later, home] = ["skip", "only", ["TO", "DO"].join(""), ["", "home", "ana"].join("/")];

const planted: readonly SourceFile[] = [
  { path: "test/a.test.ts", text: `test.${skip}("later", () => {});` },
  { path: "test/b.test.ts", text: `test("alone", { ${only}: true }, () => {});` },
  { path: "test/c.test.ts", text: `test("x", (t) => {\n  t.${skip}();\n});` },
  { path: "src/app/a.ts", text: `// ${later}: think` },
  { path: "src/app/b.ts", text: "export {};\n".repeat(401) },
  { path: "docs/a.md", text: `see ${home}/gantry/x` },
  { path: "src/app/c.ts", text: "export const home = process.env.HOME;" },
  { path: "src/app/d.ts", text: 'import { env } from "node:process";' },
  { path: "src/rehearsal/slack/e.ts", text: 'export const home = process["env"].HOME;' },
  { path: "src/app/e.ts", text: "setImmediate(work);" },
  { path: "src/core/f.ts", text: "export const now = () => Date.now();" },
  { path: "src/host/g.ts", text: "export const dice = Math.random;" },
  { path: "src/host/h.ts", text: "const took = performance.now() - before;" },
  { path: "src/app/i.ts", text: "const id = randomUUID();" },
];

for (const file of planted) {
  test(`planted: ${file.path} breaks a rule (${JSON.stringify(file.text.slice(0, 30))})`, () => {
    assert.equal(sourceRules.flatMap((rule) => faultsOf(rule, [file])).length, 1);
  });
}

test("programs of their own may read the environment, and 400 lines are no fault", () => {
  const good: readonly SourceFile[] = [
    { path: "src/main.ts", text: "export const home = process.env.HOME;" },
    { path: "src/rehearsal/demo/main.ts", text: "export const home = process.env.HOME;" },
    { path: "src/rehearsal/stage/failing-agent.ts", text: "export const home = process.env.HOME;" },
    { path: "src/app/b.ts", text: "export {};\n".repeat(400) },
    { path: "src/app/clock.ts", text: "export const now = () => Date.now();" },
    { path: "src/slack/chat.ts", text: "setImmediate(work);" },
  ];
  assert.deepEqual(
    sourceRules.flatMap((rule) => faultsOf(rule, good)),
    [],
  );
});

test("a walk that sees nothing fails instead of passing", () => {
  assert.throws(() => sourceFiles(projectRoot, 1_000_000), /the walk is broken/);
});
