/** The command of the README, unattended: deploy, approve, restore by itself, roll back with the registry and GitHub stopped. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
// The demo starts real hosts, so this file runs alone: see kit/suites.ts.
import type { Lab } from "../../src/rehearsal/fleet/lab.ts";
import { watch } from "../../src/rehearsal/stage/process.ts";

const main = fileURLToPath(new URL("../../src/rehearsal/demo/main.ts", import.meta.url));

test("npm run demo -- --script plays its story, and every step is true from the outside", { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-demo-test-"));
  // Its images are kept in the machine's folder for temporary things; here they go with it.
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, [main, "--script"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const running = watch(child, join(folder, "demo.log"));
  const code = await running.ended;
  const printed = running.output();
  rmSync(folder, { recursive: true, force: true });
  assert.equal(code, 0, printed);
  assert.match(printed, /every step was true/);
  assert.doesNotMatch(printed, /NOT TRUE/);
  assert.match(printed, /docker ps -a on prod-3/);
  assert.match(printed, /everything is gone/);
});

export type { Lab };
