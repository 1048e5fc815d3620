import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { LabUnavailable, startLab } from "../../../src/rehearsal/fleet/lab.ts";
import { sweep } from "../../../src/rehearsal/fleet/network.ts";
import { run } from "../../../src/rehearsal/fleet/run.ts";
import { eventually } from "../../kit/eventually.ts";

const labFile = JSON.stringify(new URL("../../../src/rehearsal/fleet/lab.ts", import.meta.url).href);

test("a lab whose owner was killed is swept; a lab whose owner lives is not", async (t) => {
  const alive = await startLab({ hosts: [{ name: "kept" }] });
  t.after(() => alive.stop());
  const dir = await labOfAKilledOwner();
  assert.ok(existsSync(`${dir}/orphan/docker.sock`));
  await sweep();
  // another lab that starts on this machine at this moment may have got there first
  await eventually(() => assert.equal(existsSync(`${dir}.json`), false));
  assert.equal(existsSync(dir), false);
  assert.doesNotMatch(await run("ps", ["-eo", "args"]), new RegExp(`${dir}/`));
  assert.equal(await alive.host("kept").docker("ps", "-q"), "");
});

test("what was pushed is there again for the next lab of the same folder", async (t) => {
  const dir = await run("mktemp", ["-d"]).then((text) => text.trim());
  t.after(() => run("rm", ["-rf", dir]));
  const { buildSampleImages } = await import("../../../src/rehearsal/fleet/images.ts");
  const builds = [{ commit: "a".repeat(40), behaviour: "good" as const, message: "first" }];
  const seen: string[] = [];
  for (const _ of [1, 2]) {
    const lab = await startLab({ hosts: [], dir });
    await buildSampleImages({ registry: lab.registry.address, service: "api", builds, onProgress: (line) => seen.push(line) });
    await lab.stop();
  }
  assert.match(seen.join("\n"), /^built .*\nfound /);
});

test("names that are no host names are refused before anything is made", async () => {
  await assert.rejects(startLab({ hosts: [{ name: "Prod_1" }] }), /"Prod_1" cannot be a host name/);
  await assert.rejects(startLab({ hosts: [{ name: "a" }, { name: "a" }] }), /same name/);
});

test("without root there is one clear line", async () => {
  const script = `const { startLab } = await import(${labFile});
    process.setuid(65534);
    await startLab({ hosts: [{ name: "a" }] }).catch((error) => console.log(error.name + ": " + error.message));`;
  const said = await run(process.execPath, ["--input-type=module", "-e", script]);
  assert.equal(said, "LabUnavailable: Starting Docker hosts needs root (network namespaces and engines): run this as root.\n");
  assert.equal(new LabUnavailable("x").name, "LabUnavailable");
});

/** Starts a lab in another process, kills that process, and returns the lab's folder. */
async function labOfAKilledOwner(): Promise<string> {
  const script = `const { startLab } = await import(${labFile});
    const lab = await startLab({ hosts: [{ name: "orphan" }] });
    console.log(lab.dir);
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(owner.stdout, "data")) as [Buffer];
  owner.kill("SIGKILL");
  await once(owner, "exit");
  return line.toString().trim();
}
