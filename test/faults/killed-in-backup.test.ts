/** `gantry backup` is killed while it copies and people work: the server does not notice, and there is a whole copy or none. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { eventually } from "../kit/eventually.ts";
import { isBusy } from "./kit/kill-rounds.ts";
import { type Load, startLoad } from "./kit/load.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest } from "./kit/settled.ts";
import { createWitness, type Witness } from "./kit/witness.ts";

let stage: ProcessStage;
let load: Load;
let witness: Witness;
before(async () => {
  stage = await startProcessStage();
  witness = createWitness(stage);
  load = startLoad(stage, 700);
});
after(async () => {
  await load?.stop();
  await stage?.stop();
});

function isWhole(file: string): void {
  const db = new Database(file, { readonly: true });
  try {
    assert.equal(db.pragma("integrity_check", { simple: true }), "ok");
    assert.ok(Number(db.prepare("select count(*) from inbox").pluck().get()) > 0);
  } finally {
    db.close();
  }
}

for (const delayMs of [0, 2, 5]) {
  test(`killed ${delayMs} ms after its copy has begun, it leaves a whole one or none, and the next one works`, async () => {
    const file = join(stage.dir, `copy-${delayMs}.db`);
    await isBusy(stage);
    const server = stage.server();
    const backup = stage.launch({ plain: true, command: ["backup", file] });
    stage.forget(backup);
    await eventually(() => assert.ok(existsSync(`${file}.partial`) || existsSync(file), "it does not begin"));
    const begunAt = performance.now();
    await eventually(() => assert.ok(performance.now() - begunAt >= delayMs));
    await backup.stop("SIGKILL");
    if (existsSync(file)) isWhole(file);

    const again = stage.launch({ plain: true, command: ["backup", `${file}.2`] });
    stage.forget(again);
    assert.equal(await again.ended, 0, again.output());
    isWhole(`${file}.2`);
    assert.equal(server.child.exitCode, null, "the server goes on");
    witness.holds();
  });
}

test("in the end everything ended", async () => {
  await load.stop();
  await comesToRest(stage);
  witness.holds();
});
