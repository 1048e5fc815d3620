/** The disk under the server's data fills while people work, and the server is killed and started on it: what was acknowledged stays, the rest is refused. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "../kit/eventually.ts";
import { isBusy } from "./kit/kill-rounds.ts";
import { type Load, startLoad } from "./kit/load.ts";
import { type LoopDisk, mountLoopDisk } from "./kit/loop-disk.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest, everythingWasTold, hostsServeWhatIsWanted } from "./kit/settled.ts";
import { createWitness, type Witness } from "./kit/witness.ts";

let disk: LoopDisk;
let stage: ProcessStage;
let witness: Witness;
let load: Load;

before(async () => {
  disk = mountLoopDisk(48);
  stage = await startProcessStage({ data: join(disk.folder, "data") });
  witness = createWitness(stage);
  load = startLoad(stage, 600);
});
after(async () => {
  await load?.stop();
  await stage?.stop();
  disk?.remove();
});

const refusals = () =>
  stage.slack.log.filter((entry) => entry.kind === "ack" && JSON.stringify(entry.payload).includes("store_unwritable")).length;
let fullSince = 0;

/** Work while the disk is full. */
async function whileFull(work: () => Promise<void>): Promise<void> {
  fullSince = stage.slack.log.length;
  disk.fill();
  try {
    await work();
  } finally {
    allowFull();
    disk.free();
  }
}

function allowFull(): void {
  witness.mayDecline(fullSince, stage.slack.log.length);
  witness.mayForget(fullSince, stage.slack.log.length);
}

function holdsWhileFull(): void {
  allowFull();
  witness.holds();
}

/** On a full disk a server says in words what is wrong and ends, or it works. */
async function startsPoorly(): Promise<void> {
  const poor = stage.launch({ plain: true });
  const how = await Promise.race([poor.ended, poor.prints("gantry is up").then(() => "up")]);
  if (how !== "up") {
    assert.equal(how, 1);
    assert.match(poor.output(), /full/);
    assert.doesNotMatch(poor.output(), /^\s+at /m, "no stack");
  }
  await poor.stop("SIGKILL");
}

const page = async (path: string) => (await fetch(`http://127.0.0.1:${stage.portOf(stage.server())}${path}`)).status;

test("while it is full, commands are refused and nothing that was acknowledged is lost", { timeout: 60_000 }, async () => {
  await isBusy(stage, 10);
  await whileFull(async () => {
    await eventually(() => assert.ok(refusals() >= 5, "nobody was refused"), 30_000);
    assert.equal(await page("/readyz"), 503);
    assert.equal(await page("/healthz"), 200);
    holdsWhileFull();
  });
  await eventually(async () => assert.equal(await page("/readyz"), 200));
  // Presses that were declined just before there was room, and whose answers came just after.
  allowFull();
  await isBusy(stage, 10);
  witness.holds();
});

test("killed on a full disk it says what is wrong, or works, and goes on when there is room", { timeout: 90_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    await isBusy(stage, 5);
    await whileFull(async () => {
      const before = refusals();
      await eventually(() => assert.ok(refusals() > before, "nobody was refused"), 30_000);
      await stage.server().stop("SIGKILL");
      holdsWhileFull();
      await startsPoorly();
    });
    await stage.startServer();
    await stage.slack.connected();
    witness.holds();
  }
});

test("in the end everything ended and was told", { timeout: 90_000 }, async () => {
  await load.stop();
  await comesToRest(stage);
  await stage.connected();
  witness.holds();
  everythingWasTold(stage);
  await hostsServeWhatIsWanted(stage);
});
