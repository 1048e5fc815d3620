/**
 * The power of the server goes while people work: what Slack holds acknowledged and what agents were told is on the disk. The disk is an
 * ext4 in a file that flushes nothing by itself; its file is copied while the server stands still, and the copy is what is found
 * after the cut. With synchronous=NORMAL every one of these fails.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { isBusy } from "./kit/kill-rounds.ts";
import { type Load, startLoad } from "./kit/load.ts";
import { type LoopDisk, mountLoopDisk } from "./kit/loop-disk.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest, everythingWasTold, hostsServeWhatIsWanted } from "./kit/settled.ts";
import { createWitness, type Witness } from "./kit/witness.ts";

const cuts = 6;
let disk: LoopDisk;
let stage: ProcessStage;
let witness: Witness;
let load: Load;

before(async () => {
  disk = mountLoopDisk(64);
  stage = await startProcessStage({ data: join(disk.folder, "data") });
  witness = createWitness(stage);
  load = startLoad(stage, 400);
});
after(async () => {
  await load?.stop();
  await stage?.stop();
  disk?.remove();
});

/** Everything that was said is heard: what is on the way between two processes of one machine arrives. */
const onTheWayMs = 200;

/** The data as they are found after a cut at this moment. The server stands still from here on. */
async function powerGoes(): Promise<string> {
  stage.server().child.kill("SIGSTOP");
  await sleep(onTheWayMs);
  return join(disk.afterPowerCut().folder, "data");
}

function isWhole(data: string): void {
  const db = new Database(join(data, "gantry.db"));
  try {
    assert.equal(db.pragma("integrity_check", { simple: true }), "ok");
  } finally {
    db.close();
  }
}

for (let cut = 1; cut <= cuts; cut++) {
  test(`cut ${cut}: everything that was acknowledged or told is on the disk`, { timeout: 60_000 }, async () => {
    await isBusy(stage, 8 + 7 * cut);
    const data = await powerGoes();
    try {
      isWhole(data);
      witness.holds(data);
    } finally {
      stage.server().child.kill("SIGCONT");
    }
  });
}

test("after the last cut a server goes on from what is on the disk, to the end", { timeout: 120_000 }, async () => {
  await isBusy(stage, 20);
  const data = await powerGoes();
  await stage.server().stop("SIGKILL");
  await stage.startServer({ data });
  stage.pointAgentsAt(stage.portOf(stage.server()));
  const saved = { ...stage, data };
  witness.holds(data);
  await isBusy(stage, 8);
  await load.stop();
  await comesToRest(saved);
  await stage.connected();
  witness.holds(data);
  everythingWasTold(saved);
  await hostsServeWhatIsWanted(saved);
});
