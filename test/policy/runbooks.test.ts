import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { commands } from "../../commands/index.ts";
import { projectRoot } from "../../scripts/checks.ts";
import { reasons } from "../../src/core/reasons.ts";

const folder = path.join(projectRoot, "docs/runbooks");
const sections = ["Meaning", "Impact", "Diagnosis", "Mitigation"];
const mostLines = 40;

/** What is wrong with a page, or nothing. */
function faultsOf(code: string, title: string, page: string): readonly string[] {
  const lines = page.trimEnd().split("\n");
  const [, ...bodies] = page.split(/^## .*$/m);
  const faults: string[] = [];
  if (lines[0] !== `# \`${code}\`: ${title}`) faults.push(`the first line should be: # \`${code}\`: ${title}`);
  const headings = lines.filter((line) => line.startsWith("## ")).map((line) => line.slice(3));
  if (headings.join() !== sections.join()) faults.push(`the sections should be ${sections.join(", ")}`);
  if (bodies.some((body) => body.trim().length < 10)) faults.push("a section is empty");
  if (lines.length >= mostLines) faults.push(`${lines.length} lines; a page has fewer than ${mostLines}`);
  return [...faults, ...strangeCommands(page)];
}

/** Commands in backticks that do not exist: a runbook that lies at 3 a.m. is worse than none. */
function strangeCommands(page: string): readonly string[] {
  const verbs = commands.map(({ name }) => name);
  const operators = [...readFileSync(path.join(projectRoot, "src/cli.ts"), "utf8").matchAll(/\.command\("([a-z]+)"\)/g)].map(
    (match) => match[1],
  );
  const spans = [...page.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
  return spans.flatMap((span) => {
    const [first = "", second = ""] = span.split(" ");
    const known =
      (first === "/gantry" && verbs.includes(second)) ||
      (first === "gantry" && (second === "--version" || verbs.includes(second) || operators.includes(second))) ||
      (!/^\/?gantry$/.test(first) && !/^\/(deploy|promote|rollback|approve|reject|cancel|status|history|hosts)\b/.test(first)) ||
      ["/deploy", "/promote", "/rollback"].includes(first);
    return known ? [] : [`there is no command \`${span}\``];
  });
}

for (const [code, { title }] of Object.entries(reasons)) {
  test(`${code} has a runbook page that is whole`, () => {
    const file = path.join(folder, `${code}.md`);
    assert.ok(existsSync(file), `docs/runbooks/${code}.md is missing`);
    assert.deepEqual(faultsOf(code, title, readFileSync(file, "utf8")), []);
  });
}

test("there is no page without a code, and the index lists each code once with its title", () => {
  const pages = globSync("*.md", { cwd: folder }).map((file) => file.replace(/\.md$/, ""));
  assert.deepEqual(
    pages.filter((page) => page !== "README" && !Object.hasOwn(reasons, page)),
    [],
  );
  const index = readFileSync(path.join(folder, "README.md"), "utf8");
  const listed = index.split("\n").filter((line) => line.startsWith("- "));
  assert.deepEqual(
    listed,
    Object.entries(reasons).map(([code, { title }]) => `- [\`${code}\`](${code}.md): ${title}`),
  );
});

test("links between pages lead somewhere", () => {
  for (const file of globSync("*.md", { cwd: folder })) {
    const text = readFileSync(path.join(folder, file), "utf8");
    for (const [, target = ""] of text.matchAll(/(?<![\w/-])([a-z_]+\.md)\b/g))
      assert.ok(existsSync(path.join(folder, target)), `${file} -> ${target}`);
  }
});

test("planted: every kind of bad page is seen", () => {
  const good =
    "# `busy`: Busy\n\n## Meaning\n\nSomething is.\n\n## Impact\n\nNothing at all.\n\n## Diagnosis\n\n`/gantry status` shows it.\n\n## Mitigation\n\nWait for it.\n";
  const seen = (page: string) => faultsOf("busy", "Busy", page).length;
  assert.equal(seen(good), 0);
  assert.equal(seen(good.replace("Busy", "Lazy")), 1);
  assert.equal(seen(good.replace("## Impact", "## Effect")), 1);
  assert.equal(seen(good.replace("Wait for it.", "")), 1);
  assert.equal(seen(good.replace("Wait for it.", "Wait.\n".repeat(40))), 1);
  assert.equal(seen(good.replace("/gantry status", "/gantry explode")), 1);
  assert.equal(seen(good.replace("/gantry status", "gantry explode now")), 1);
  assert.equal(seen(good.replace("/gantry status", "/approve 142")), 1);
});
