// What `gantry …` tells the shell: 0 when what was asked for came true.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { first, type Journey, journey, second, unhealthy } from "../kit/journey.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** Runs the command as `root`, and returns its exit code and what it printed. */
async function gantry(j: Pick<Journey, "data">, words: string): Promise<string> {
  const env = { PATH: process.env["PATH"], GANTRY_DATA: j.data, SUDO_USER: "root" };
  const child = spawn(process.execPath, [cli, ...words.split(" ")], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (out += chunk));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  return `${await promise}: ${out}`;
}

journey(
  "a verb that is understood and done is 0, a refusal is 1",
  async (j) => {
    assert.match(await gantry(j, `deploy api staging ${first} --wait`), /^0: api staging[\s\S]*#1: succeeded\n$/);
    assert.match(await gantry(j, "status"), /^0: api staging: r1/);
    assert.match(await gantry(j, "rollback api staging --now"), /^1: [\s\S]*Reason: no_earlier_good/);
    assert.match(await gantry(j, "deploy api"), /^1: These words are missing/);
  },
  { prod: 0 },
);

journey(
  "with --wait a deploy that is put back is 1; stopping one is what a rollback and a cancel were asked for, so that is 0",
  async (j) => {
    await j.makeLive("staging", first);
    assert.match(await gantry(j, `deploy api staging ${unhealthy} --wait`), /^1: [\s\S]*#2: restored\n$/);
    const stop = async (words: string) => {
      const goOn = j.host("staging-1").waitsBefore("start");
      const asked = await j.local(`deploy api staging ${second}`);
      assert.ok(asked.ok, asked.text);
      await j.host("staging-1").stands("start");
      const told = gantry(j, words);
      await j.card("Being put back");
      goOn();
      return told;
    };
    assert.match(await stop("cancel 3 --wait"), /^0: [\s\S]*#3: restored\n$/);
    assert.match(await stop("rollback api staging --now --wait"), /^0: [\s\S]*#4: restored\n$/);
    assert.match(await gantry(j, "status api"), /^0: /);
  },
  { prod: 0 },
);
