// The documentation is true to the code: generated pages are fresh, links lead somewhere, what is typed in it works.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, test } from "node:test";
import { commands } from "../../commands/index.ts";
import { projectRoot } from "../../scripts/checks.ts";
import { keysOf } from "../../scripts/docs/config-page.ts";
import {
  agentVariables,
  awsVariables,
  cliVariables,
  serverVariables,
  variablesRead,
} from "../../scripts/docs/environment-page.ts";
import { mounted, routes } from "../../scripts/docs/http-page.ts";
import { labels } from "../../scripts/docs/labels-page.ts";
import { referencePages } from "../../scripts/docs/pages.ts";
import { formatConfigErrors } from "../../src/config/format.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSchemas } from "../../src/config/schema.ts";
import { parseCommand } from "../../src/core/grammar.ts";
import { reasons } from "../../src/core/reasons.ts";
import { slashCommands } from "../../src/slack/scopes.ts";
import { anchorsOf, blocksOf, brokenLinks, codeOf, type Document, documentsUnder, linksOf } from "./documents.ts";

const documents = documentsUnder(projectRoot, 30);
const handWritten = documents.filter(({ text }) => !text.startsWith("<!-- Made by"));
let pages: Readonly<Record<string, string>>;

before(async () => {
  pages = await referencePages();
});

// ---------------------------------------------------------------- generated pages

test("the committed reference is what the generator makes (npm run docs)", () => {
  const stale = Object.entries(pages).filter(([file, text]) => read(file) !== text);
  assert.deepEqual(
    stale.map(([file]) => file),
    [],
  );
});

test("every verb has its section, with its examples", () => {
  const page = pages["docs/reference/commands.md"] ?? "";
  for (const { name, examples } of commands) {
    assert.ok(anchorsOf(page).includes(name), name);
    for (const example of examples) assert.ok(page.includes(example), example);
  }
});

test("every configuration key stands in the reference, with words about it", () => {
  const { gantry, service } = configSchemas();
  const keys = [...keysOf(gantry), ...keysOf(service)];
  assert.ok(keys.length > 60, `only ${keys.length} keys seen: the walk is broken`);
  const page = pages["docs/reference/config.md"] ?? "";
  for (const { path: key, doc } of keys) {
    assert.ok(page.includes(`| \`${key}\` |`), key);
    assert.notEqual(doc, "", `${key} has a description`);
  }
});

test("every reason stands in the reference, and its runbook page exists", () => {
  const page = pages["docs/reference/reasons.md"] ?? "";
  for (const code of Object.keys(reasons)) assert.ok(page.includes(`[\`${code}\`](../runbooks/${code}.md)`), code);
});

test("every environment variable that is read is documented, and no other", () => {
  assert.deepEqual(Object.keys(serverVariables).sort(), [...variablesRead().names].sort());
  assert.deepEqual(readDirectly("src/agent.ts"), Object.keys(agentVariables).sort());
  assert.deepEqual(readDirectly("src/cli.ts"), Object.keys(cliVariables).sort());
  const forAws = ["aws-keys", "ecr"].flatMap((file) => read(`src/registry/${file}.ts`).match(/\bAWS_[A-Z0-9_]+/g) ?? []);
  assert.deepEqual([...new Set(forAws)].sort(), Object.keys(awsVariables).sort());
});

/** What a root reads besides the settings. */
function readDirectly(file: string): readonly string[] {
  const found = [...read(file).matchAll(/process\.env(?:\.(\w+)|\["(\w+)"\])/g)].map((match) => match[1] ?? match[2] ?? "");
  return [...new Set(found)].sort();
}

test("every route is documented: the router's and those that the server mounts", () => {
  const inMain = [...read("src/main.ts").matchAll(/path: "(\/[^"]*)"/g)].map((match) => match[1]);
  assert.deepEqual(inMain.sort(), mounted.map((route) => route.split(" ")[1]).sort());
  const page = pages["docs/reference/http.md"] ?? "";
  for (const route of [...routes(), ...mounted]) assert.ok(page.includes(`| \`${route}\` |`), route);
});

test("every label of a container is documented", () => {
  const page = pages["docs/reference/labels.md"] ?? "";
  assert.ok(Object.keys(labels()).length >= 5);
  for (const label of Object.keys(labels())) assert.ok(page.includes(`| \`${label}\` |`), label);
});

// ---------------------------------------------------------------- links

test("every link leads to a file, and to a heading in it", () => {
  assert.deepEqual(brokenLinks(projectRoot, documents), []);
});

test("every page can be reached from the README", () => {
  const byPath = new Map(documents.map((document) => [document.path, document]));
  const reached = new Set<string>();
  const next = ["README.md"];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    const document = byPath.get(at);
    if (document === undefined || reached.has(at)) continue;
    reached.add(at);
    for (const { to } of linksOf(document)) {
      next.push(path.posix.normalize(path.posix.join(path.posix.dirname(at), to.split("#")[0] ?? "")));
    }
  }
  assert.deepEqual(
    documents.map((document) => document.path).filter((file) => !reached.has(file)),
    [],
  );
});

test("planted: a link to nowhere, and one to a heading that is not there", () => {
  inFolder({ "README.md": "# Here\n\n[a](docs/a.md) [b](#here) [c](#there) `[d](d.md)`\n" }, (folder) => {
    assert.deepEqual(brokenLinks(folder, documentsUnder(folder, 1)), [
      "README.md: docs/a.md does not exist",
      "README.md: #there names no heading there",
    ]);
  });
});

test("a walk that sees nothing fails instead of passing", () => {
  assert.throws(() => documentsUnder(path.join(projectRoot, "migrations"), 1), /the walk is broken/);
});

// ---------------------------------------------------------------- what readers copy

test("the README begins with the two commands", () => {
  const first = blocksOf(documentAt("README.md"))[0]?.text ?? "";
  assert.match(first, /npm run demo[\s\S]*npm test/);
});

test("every slash command in the documents is understood", () => {
  const typed = handWritten.flatMap((document) => codeOf(document).map((code) => ({ file: document.path, code })));
  const asked = typed.flatMap(({ file, code }) => slashLine(code).map((text) => ({ file, text })));
  assert.ok(asked.length > 20, `only ${asked.length} commands seen: the walk is broken`);
  assert.deepEqual(
    asked.flatMap(({ file, text }) => faultOf(text).map((fault) => `${file}: ${text}: ${fault}`)),
    [],
  );
});

const environments = ["staging", "prod"];
const vocabulary = { services: ["api", "web"].map((name) => ({ name, environments })) };

/** The words of a slash command in code type; none when it has a placeholder or stands alone. */
function slashLine(code: string): readonly string[] {
  const [, name = "", rest = ""] = /^(?:\w+ +)?\/(deploy|promote|rollback|gantry) (.+)$/.exec(code.trim()) ?? [];
  if (rest === "" || /[…<>]|\b[A-Z]{3,}\b/.test(rest)) return [];
  return [name === "gantry" ? rest : `${name} ${rest}`];
}

function faultOf(text: string): readonly string[] {
  const parsed = parseCommand({ text, commands, vocabulary });
  return parsed.ok ? [] : [parsed.refusal.text];
}

test("planted: a slash command that Gantry does not know", () => {
  assert.deepEqual(slashLine("/deploy api prod 3f2a1c9 --gently").flatMap(faultOf).length, 1);
  assert.ok(slashCommands.every((command) => slashLine(`${command} help`).length === 1));
});

test("every gantry command in shell blocks exists", () => {
  const known = [...(pages["docs/reference/cli.md"] ?? "").matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1] ?? "");
  const blocks = handWritten.flatMap((document) => blocksOf(document).map((block) => ({ file: document.path, ...block })));
  const shell = blocks.filter(({ language }) => language === "sh");
  const used = shell.flatMap(({ file, text }) =>
    [...text.matchAll(/(?:^|gantry )gantry ([a-z]+)/gm)].map((match) => ({ file, name: match[1] ?? "" })),
  );
  assert.ok(known.length > 10 && used.length > 5);
  assert.deepEqual(
    used.filter(({ name }) => !known.includes(name)),
    [],
  );
});

test("the files that 'Add a service' shows are valid as they stand", () => {
  const shown = blocksOf(documentAt("docs/how-to/add-a-service.md")).filter(({ language }) => language === "yaml");
  const files: Record<string, string> = {};
  for (const { text } of shown) {
    const name = /^# (\S+)/.exec(text)?.[1] ?? "";
    // Parts of one file stand where they are spoken of.
    files[name] = `${files[name] ?? ""}${text}\n`;
  }
  const services = ["mailer", "orders", "search", "shared/worker", "web"].map((name) => `services/${name}.yml`);
  assert.deepEqual(Object.keys(files).sort(), ["gantry.yml", ...services]);
  inFolder(files, (folder) => {
    const loaded = loadConfig(path.join(folder, "gantry.yml"));
    assert.ok(loaded.ok, loaded.ok ? "" : formatConfigErrors(loaded.errors));
  });
});

test("every reason code, key and metric that the documents name exists", () => {
  const known = new Set(
    [...Object.values(pages), read("manifest.yml")].flatMap((text) => text.match(/[a-z]+(?:_[a-z0-9]+)+/g) ?? []),
  );
  const about = handWritten.filter(
    ({ path: file }) => file === "README.md" || /^docs\/(how-to|explanation|tutorial)\//.test(file),
  );
  const named = about.flatMap((document) =>
    codeOf(document).flatMap((code) => (/^[a-z]+(?:_[a-z0-9]+)+$/.test(code) ? [{ file: document.path, code }] : [])),
  );
  assert.ok(named.length > 40, `only ${named.length} names seen: the walk is broken`);
  assert.deepEqual(
    named.filter(({ code }) => !known.has(code)),
    [],
  );
});

// ---------------------------------------------------------------- helpers

function read(file: string): string {
  return readFileSync(path.join(projectRoot, file), "utf8");
}

function documentAt(file: string): Document {
  return { path: file, text: read(file) };
}

function inFolder(files: Readonly<Record<string, string>>, check: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), "gantry-docs-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
