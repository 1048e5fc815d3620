import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { projectRoot } from "../../scripts/checks.ts";
import { breaches, importsUnder } from "./layers.ts";

test("imports point inward, and adapters do not know one another", () => {
  assert.deepEqual(breaches(importsUnder(projectRoot, 300)), []);
});

test("a walk that sees nothing fails instead of passing", () => {
  withFiles({ "src/core/plan.ts": "export const plan = 1;\n" }, (folder) => {
    assert.throws(() => importsUnder(folder, 1), /the walk is broken/);
  });
});

const planted: readonly { readonly file: string; readonly line: string; readonly breach: string }[] = [
  {
    file: "src/core/x.ts",
    line: 'import { createGitHub } from "../github/github.ts";',
    breach: "src/core/x.ts imports src/github/github.ts: core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'import type { Clock } from "../app/ports.ts";',
    breach: "src/core/x.ts imports src/app/ports.ts (types): core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'export { createJira } from "../jira/jira.ts";',
    breach: "src/core/x.ts imports src/jira/jira.ts: core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'export * from "../jira/jira.ts";',
    breach: "src/core/x.ts imports src/jira/jira.ts: core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'export type { Jira } from "../jira/jira.ts";',
    breach: "src/core/x.ts imports src/jira/jira.ts (types): core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'export const late = () => import("../sqlite/open.ts");',
    breach: "src/core/x.ts imports src/sqlite/open.ts: core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'import "../sqlite/open.ts";',
    breach: "src/core/x.ts imports src/sqlite/open.ts: core may not",
  },
  {
    file: "src/core/x.ts",
    line: 'import {\n  readFile,\n  writeFile,\n} from "node:fs";',
    breach: "src/core/x.ts imports node:fs: core may not",
  },
  { file: "src/core/x.ts", line: 'import crypto from "crypto";', breach: "src/core/x.ts imports node:crypto: core may not" },
  { file: "src/core/x.ts", line: 'import { z } from "zod";', breach: "src/core/x.ts imports npm:zod: core may not" },
  {
    file: "src/core/x.ts",
    line: "export const late = (name: string) => import(name);",
    breach: "src/core/x.ts imports ?: core may not",
  },
  {
    file: "src/core/deep/x.ts",
    line: 'import { plan } from "../plan.ts";',
    breach: "src/core/deep/x.ts imports src/core/plan.ts: there are no rules for this folder",
  },
  {
    file: "src/cellar/x.ts",
    line: 'import { plan } from "../core/plan.ts";',
    breach: "src/cellar/x.ts imports src/core/plan.ts: there are no rules for this folder",
  },
  {
    file: "src/app/x.ts",
    line: 'import { createGitHub } from "../github/github.ts";',
    breach: "src/app/x.ts imports src/github/github.ts: app may not",
  },
  {
    file: "src/app/x.ts",
    line: 'import { parse } from "../config/valid.ts";',
    breach: "src/app/x.ts imports src/config/valid.ts: app may import only types from there",
  },
  {
    file: "src/messages/x.ts",
    line: 'import { Blocks } from "@slack/types";',
    breach: "src/messages/x.ts imports npm:@slack/types: messages may import only types from there",
  },
  {
    file: "src/jira/x.ts",
    line: 'import { withDeadline } from "../github/deadline.ts";',
    breach: "src/jira/x.ts imports src/github/deadline.ts: jira may not",
  },
  {
    file: "src/jira/x.ts",
    line: 'import { conductor } from "../app/conductor.ts";',
    breach: "src/jira/x.ts imports src/app/conductor.ts: jira may not",
  },
  {
    file: "src/github/x.ts",
    line: 'import { WebClient } from "@slack/web-api";',
    breach: "src/github/x.ts imports npm:@slack/web-api: github may not",
  },
  {
    file: "src/github/x.ts",
    line: 'import { startGitHub } from "../rehearsal/github/server.ts";',
    breach: "src/github/x.ts imports src/rehearsal/github/server.ts: github may not",
  },
  {
    file: "commands/x.ts",
    line: 'import { open } from "../src/sqlite/open.ts";',
    breach: "commands/x.ts imports src/sqlite/open.ts: commands may not",
  },
];

for (const { file, line, breach } of planted) {
  test(`planted: ${breach}`, () => {
    withFiles({ [file]: `/** Made to be caught. */\n${line}\nexport const x = 1;\n` }, (folder) => {
      assert.deepEqual(breaches(importsUnder(folder, 1)), [breach]);
    });
  });
}

test("words about imports are no imports", () => {
  const text =
    '/** import { a } from "../github/github.ts"; */\n// import "../jira/jira.ts";\nimport { b } from "./b.ts"; // from "zod"\n';
  withFiles({ "src/core/x.ts": text }, (folder) => assert.deepEqual(breaches(importsUnder(folder, 1)), []));
});

function withFiles(files: Readonly<Record<string, string>>, check: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), "gantry-layers-"));
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
