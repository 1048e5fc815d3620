import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderOf, goodGantry, goodService, sayOf } from "./files.ts";

const good = { "gantry.yml": goodGantry, "services/api.yml": goodService };

test("a gantry.yml that is not there is one clear line", () => {
  assert.deepEqual(sayOf(folderOf({})).lines, [
    "gantry.yml:1:1 the file does not exist; check the path (gantry.yml, or GANTRY_CONFIG)",
  ]);
});

test("a folder in the place of a file is named", () => {
  const folder = folderOf({ "gantry.yml": goodGantry });
  mkdirSync(join(folder, "services/api.yml"));
  assert.deepEqual(sayOf(folder).lines, ["services/api.yml:1:1 a folder, not a file; name a YAML file"]);
});

test("a FIFO is refused at once, although nobody writes to it", () => {
  const folder = folderOf({ "gantry.yml": goodGantry });
  assert.equal(spawnSync("mkfifo", [join(folder, "services/api.yml")]).status, 0);
  assert.deepEqual(sayOf(folder).lines, ["services/api.yml:1:1 not a regular file; put a YAML file there"]);
});

test("a device is refused", () => {
  const folder = folderOf({ "gantry.yml": goodGantry });
  symlinkSync("/dev/zero", join(folder, "services/api.yml"));
  assert.deepEqual(sayOf(folder).lines, ["services/api.yml:1:1 not a regular file; put a YAML file there"]);
});

test("a symbolic link to a file is followed, as config maps need it; a dead one is named", () => {
  const folder = folderOf({ "gantry.yml": goodGantry, "data/api.yml": goodService });
  symlinkSync("../data/api.yml", join(folder, "services/api.yml"));
  assert.deepEqual(sayOf(folder).lines, []);
  rmSync(join(folder, "data/api.yml"));
  assert.match(sayOf(folder).lines.join(), /^services\/api\.yml:1:1 the file does not exist/);
});

test("a link that leads to itself is named", () => {
  const folder = folderOf({ "gantry.yml": goodGantry });
  symlinkSync("api.yml", join(folder, "services/api.yml"));
  assert.deepEqual(sayOf(folder).lines, ["services/api.yml:1:1 the file cannot be read (ELOOP); check the path and the disk"]);
});

test("a file that this user may not read is named", () => {
  const folder = folderOf(good);
  spawnSync("chmod", ["-R", "a+rX", join(folder, "..")]);
  spawnSync("chmod", ["0", join(folder, "services/api.yml")]);
  // Root may read everything, so the look is taken by nobody; the modules are loaded before, since nobody may not see the clone.
  const load = fileURLToPath(new URL("../../src/config/load.ts", import.meta.url));
  const script = [
    `const { loadConfig } = await import(${JSON.stringify(load)});`,
    "if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }",
    "console.log(JSON.stringify(loadConfig(process.argv[1]).errors));",
  ];
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script.join("\n"), join(folder, "gantry.yml")], {
    encoding: "utf8",
  });
  const errors = JSON.parse(run.stdout || "null") as readonly { what: string; fix: string }[];
  assert.deepEqual(
    errors.map(({ what, fix }) => `${what}; ${fix}`),
    ["the file may not be read by this user; give the server's user read permission"],
    run.stderr,
  );
});
