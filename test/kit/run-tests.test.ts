// The runner itself: whatever a test file does, the run ends, says so, and leaves nothing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { run } from "../../src/rehearsal/fleet/run.ts";
import { eventually } from "./eventually.ts";
import { runTests, type TestResult } from "./run-tests.ts";
import { sideBySide } from "./side-by-side.ts";
import { findSuites } from "./suites.ts";
import { openWorkshop } from "./workshop.ts";

const header = `import { spawn } from "node:child_process";
import { describe, test } from "node:test";
`;

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gantry-runner-"));
  for (const [name, body] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), header + body);
  }
  return folder;
}

async function runFiles(
  files: Readonly<Record<string, string>>,
  options: { deadlines?: { fileMs: number; testMs: number }; stop?: AbortController } = {},
): Promise<TestResult & { output: string }> {
  const folder = folderOf(files);
  const out = new PassThrough();
  const printed = text(out);
  const group = {
    files: Object.keys(files).map((name) => path.join(folder, name)),
    atOnce: 2,
    deadlines: options.deadlines ?? { fileMs: 60_000, testMs: 50_000 },
  };
  const signal = (options.stop ?? new AbortController()).signal;
  const result = await runTests({ stages: [[group]], atOnce: 2, signal, out });
  out.end();
  rmSync(folder, { recursive: true });
  return { ...result, output: await printed };
}

/** A run inside a run must not look like one to Node. */
delete process.env["NODE_TEST_CONTEXT"];

test("two files give one block of counts and one list of failures", async () => {
  const { passed, failed, problems, output } = await runFiles({
    "a.test.ts": `test("holds", () => {});`,
    "b.test.ts": `describe("a group", () => { test("breaks", () => { throw new Error("planted"); }); });`,
  });
  assert.deepEqual({ passed, failed, problems }, { passed: 1, failed: 1, problems: [] });
  assert.equal(output.match(/^ℹ tests 2$/gm)?.length, 1);
  assert.match(output, /^ℹ pass 1\nℹ fail 1$/m);
  assert.equal(output.match(/failing tests:/g)?.length, 1);
  assert.match(output, /planted/);
});

test("a file that spins is killed at its deadline and has failed", async () => {
  const { failed, problems } = await runFiles(
    { "spin.test.ts": `test("spins", () => { for (;;); });` },
    { deadlines: { fileMs: 1_500, testMs: 50_000 } },
  );
  assert.equal(failed, 1);
  assert.match(problems.join(), /spin\.test\.ts took longer than 1\.5 s and was killed/);
});

test("a test that waits for ever is named", async () => {
  const body = `test("waits", () => new Promise((resolve) => setTimeout(resolve, 4_000)));`;
  const { failed, output } = await runFiles({ "wait.test.ts": body }, { deadlines: { fileMs: 60_000, testMs: 500 } });
  assert.equal(failed, 1);
  assert.match(output, /✖ waits/);
});

test("a process left behind is ended and told", async () => {
  const body = `test("leaves", () => { spawn("sleep", ["61.5"], { stdio: "ignore", detached: true }).unref(); });`;
  const { passed, problems } = await runFiles({ "leak.test.ts": body });
  assert.equal(passed, 1);
  assert.match(problems.join(), /leak\.test\.ts left a process behind \(ended now\): sleep 61\.5/);
  await eventually(async () => assert.doesNotMatch(await run("ps", ["-eo", "args"]), /sleep 61\.5/));
});

test("a file left behind is removed and told, and every file has a place of its own for such", async () => {
  const inPlace = `import { writeFileSync } from "node:fs"; import { tmpdir } from "node:os";`;
  const { passed, problems } = await runFiles({
    "mess.test.ts": `${inPlace} test("leaves", () => writeFileSync(tmpdir() + "/crumbs", "", { flag: "wx" }));`,
    "other.test.ts": `${inPlace} test("leaves", () => writeFileSync(tmpdir() + "/crumbs", "", { flag: "wx" }));`,
  });
  assert.equal(passed, 2);
  assert.match(problems.join("\n"), /mess\.test\.ts left crumbs behind \(removed now\)/);
  assert.equal(problems.length, 2);
});

test("what a killed run left is removed by the next one", () => {
  const parent = folderOf({});
  const { pid } = spawnSync("true");
  mkdirSync(path.join(parent, `gt${pid}-abcdef`, "1", "deep"), { recursive: true });
  const workshop = openWorkshop(parent);
  const { env, clear } = workshop.bench();
  assert.equal(path.dirname(path.dirname(env["TMPDIR"] ?? "")), parent);
  assert.deepEqual(clear(), []);
  assert.equal(readdirSync(parent).length, 1);
  assert.deepEqual([workshop.close(), readdirSync(parent)], [[], []]);
  rmSync(parent, { recursive: true });
});

test("side by side, as many as may be are under way, those of the first lane first", async () => {
  const begun: string[] = [];
  const under = new Map<string, () => void>();
  const lanes = [
    { items: ["a1", "a2", "a3"], atOnce: 2 },
    { items: ["b1", "b2"], atOnce: 3 },
  ];
  const all = sideBySide({ lanes, atOnce: 3, signal: new AbortController().signal }, (item) => {
    begun.push(item);
    return new Promise((resolve) => under.set(item, resolve));
  });
  const ends = async (item: string) => {
    under.get(item)?.();
    await setImmediate();
    return begun.join(" ");
  };
  assert.equal(begun.join(" "), "a1 a2 b1", "one lane has no more room than it says");
  assert.equal(await ends("b1"), "a1 a2 b1 b2");
  assert.equal(await ends("a1"), "a1 a2 b1 b2 a3");
  for (const item of ["a2", "a3", "b2"]) await ends(item);
  await all;
});

test("an interrupt ends the running files with all they started", async () => {
  const stop = new AbortController();
  const body = `test("long", () => { spawn("sleep", ["62.5"]); return new Promise((r) => setTimeout(r, 60_000)); });`;
  const result = runFiles({ "long.test.ts": body, "second.test.ts": body, "never.test.ts": body }, { stop });
  await eventually(async () => assert.match(await run("ps", ["-eo", "args"]), /sleep 62\.5/));
  stop.abort();
  assert.equal((await result).passed, 0);
  await eventually(async () => assert.doesNotMatch(await run("ps", ["-eo", "args"]), /sleep 62\.5/));
});

test("files that use the lab are told by their imports, those that measure by what they measure", () => {
  const folder = folderOf({
    "test/docker/real.test.ts": `import { testLab } from "../kit/lab.ts";`,
    "test/rollout/fast.test.ts": "",
    "test/app/timed.test.ts": `assert.ok(performance.now() ${"-"} startedAt < 1_500);`,
    "test/journeys/long.test.ts": "",
    "test/kit/no-test.ts": "",
  });
  const names = (files: readonly string[]) => files.map((file) => path.relative(folder, file));
  const { engine, fast, timed } = findSuites([], folder);
  assert.deepEqual([names(engine), names(timed)], [["test/docker/real.test.ts"], ["test/app/timed.test.ts"]]);
  assert.deepEqual(names(fast), ["test/journeys/long.test.ts", "test/rollout/fast.test.ts"], "the longest first");
  assert.deepEqual(findSuites(["nothing-like-it"], folder), { engine: [], fast: [], timed: [] });
  rmSync(folder, { recursive: true });
});

test("the project's own suites are found, with the lab's among the engine ones", () => {
  const { engine, fast } = findSuites([]);
  assert.ok(engine.some((file) => file.endsWith("test/rehearsal/fleet/lab.test.ts")));
  assert.ok(fast.some((file) => file.endsWith("test/kit/run-tests.test.ts")));
});
