/** A second server on the same data ends at once, with a line that says why; the first one does not notice. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Load, startLoad } from "./kit/load.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest, everythingWasTold, hostsServeWhatIsWanted } from "./kit/settled.ts";
import { createWitness } from "./kit/witness.ts";

let stage: ProcessStage;
let load: Load | null = null;
before(async () => {
  stage = await startProcessStage();
});
after(async () => {
  await load?.stop();
  await stage?.stop();
});

test("second servers are turned away while people work with the first", async () => {
  const witness = createWitness(stage);
  load = startLoad(stage, 7);
  const first = stage.server();
  for (let round = 0; round < 2; round++) {
    const pair = [stage.launch({ plain: true }), stage.launch({ plain: true })];
    for (const second of pair) {
      assert.equal(await second.ended, 1);
      const printed = second.output().trim();
      assert.match(printed, /another server holds the data in .*GANTRY_DATA/);
      assert.equal(printed.split("\n").length, 2, `${printed} is more than what is wrong and its reason code`);
      stage.forget(second);
    }
  }
  await load.stop();
  assert.equal(first.child.exitCode, null, "the first one goes on");
  await comesToRest(stage);
  witness.holds();
  everythingWasTold(stage);
  await hostsServeWhatIsWanted(stage);
});
