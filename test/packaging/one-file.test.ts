import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { oneFile } from "../../scripts/pack/one-file.ts";

describe("the one file", () => {
  const dir = mkdtempSync(join(tmpdir(), "gantry-one-file-"));
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** A file whose program says its version and its arguments. */
  function made(version: string): Buffer {
    const folder = mkdtempSync(join(dir, "program-"));
    writeFileSync(join(folder, "run"), `#!/bin/sh\necho "${version}: $*"\n`, { mode: 0o755 });
    return oneFile(execFileSync("tar", ["-czf", "-", "-C", folder, "."]));
  }

  function start(content: Buffer, ...args: string[]) {
    const file = join(dir, "gantry-agent");
    writeFileSync(file, content, { mode: 0o755 });
    const { status, stdout, stderr } = spawnSync(file, args, { env: {}, cwd: "/", encoding: "utf8" });
    return { status, said: stdout.trim(), stderr };
  }

  const programs = (state: string) => readdirSync(join(state, "program")).filter((name) => name !== "current");

  it("unpacks into the state directory that its flags name, and hands them all on", () => {
    const state = join(dir, "a b");
    assert.equal(start(made("one"), "--name", "h 1", "--state-dir", state).said, `one: --name h 1 --state-dir ${state}`);
    const other = join(dir, "other");
    assert.equal(start(made("one"), `--state-dir=${other}`).said, `one: --state-dir=${other}`);
    assert.equal(programs(state).length, 1);
    assert.equal(programs(other).length, 1);
  });

  it("unpacks once, and again what was not unpacked to its end", () => {
    const state = join(dir, "once");
    const file = made("two");
    start(file, "--state-dir", state);
    const program = join(state, "program", programs(state)[0] ?? "");
    writeFileSync(join(program, "mark"), "");
    start(file, "--state-dir", state);
    assert.deepEqual(readdirSync(program).sort(), ["mark", "run"]);
    rmSync(join(program, "run"));
    assert.equal(start(file, "--state-dir", state).said, `two: --state-dir ${state}`);
    assert.deepEqual(readdirSync(program), ["run"]);
  });

  it("keeps the version before, for the way back, and no older one", () => {
    const state = join(dir, "upgrades");
    const files = ["1", "2", "3"].map(made);
    for (const file of files) start(file, "--state-dir", state);
    assert.equal(programs(state).length, 2);
    const current = readlinkSync(join(state, "program", "current"));
    assert.equal(start(files[1] as Buffer, "--state-dir", state).said, `2: --state-dir ${state}`);
    assert.notEqual(readlinkSync(join(state, "program", "current")), current);
    assert.equal(programs(state).length, 2);
  });

  it("runs nothing of a file that was not copied whole", () => {
    const state = join(dir, "half");
    const file = made("half");
    const { status, said, stderr } = start(file.subarray(0, file.length - 20), "--state-dir", state);
    assert.notEqual(status, 0);
    assert.equal(said, "");
    assert.match(stderr, /unexpected end of file|Unexpected EOF/i);
    assert.deepEqual(programs(state), []);
  });
});
