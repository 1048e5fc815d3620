// The disk under the data is full: what cannot be recorded is refused and not half done; what was recorded is safe.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { first, journeyOn, second } from "../kit/journey.ts";
import { mountSmallDisk, type SmallDisk } from "../kit/small-disk.ts";

const isRoot = process.getuid?.() === 0;
let disk: SmallDisk | null = null;

function theDisk(): SmallDisk {
  if (disk === null) throw new Error("the disk is only there inside tests");
  return disk;
}

if (isRoot) {
  before(() => {
    disk = mountSmallDisk("8m");
  });
  afterEach(() => disk?.free());
  after(() => disk?.unmount());

  test("commands are refused with store_unwritable while the disk is full, and work again after", async () => {
    await journeyOn({ data: join(theDisk().folder, "one"), prod: 1 }, async ({ ana, bo, ...j }) => {
      await j.makeLive("prod", first);
      await ana.says(`/deploy api prod ${second}`);
      await j.card("image on 1 of 1 host", 2);
      theDisk().fill();
      await ana.says(`/deploy api staging ${second}`);
      await j.told(ana, "could not record this, so nothing will happen", "store_unwritable");
      await bo.clicks("Approve");
      await j.told(bo, "could not record this, so nothing will happen", "store_unwritable");
      const ready = await j.page("/readyz");
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /store_unwritable.*The database cannot be written/);
      assert.equal((await j.page("/healthz")).status, 200);
      await j.serves("prod", first);
      await j.serves("staging", "nothing");
      theDisk().free();
      await bo.clicks("Approve");
      await j.card("Live", 2);
      await j.serves("prod", second);
      assert.equal(j.cards(), 2, "what was refused did not happen later");
      assert.equal((await j.page("/readyz")).status, 200);
    });
  });

  test("a disk that fills in the middle of a rollout delays it, and loses nothing", async () => {
    await journeyOn({ data: join(theDisk().folder, "two"), prod: 2 }, async ({ ana, bo, clock, ...j }) => {
      await j.makeLive("prod", first);
      await ana.says(`/deploy api prod ${second}`);
      await j.card("Waits for approval", 2);
      const goOn = j.host("prod-1").waitsBefore("start");
      await bo.clicks("Approve");
      await j.host("prod-1").stands("start");
      theDisk().fill();
      goOn();
      await j.until(() => j.host("prod-1").serves() === second);
      await j.until(() => j.logged.some((line) => line.includes("database or disk is full")));
      assert.deepEqual(j.serving("prod"), { "prod-1": second, "prod-2": first });
      theDisk().free();
      await j.until(() => j.host("prod-1").isConnected() && j.host("prod-2").isConnected());
      // Past the pause after which the store is tried again, not past the host's own deadline.
      await clock.passes(20_000);
      await j.card("Live", 2);
      await j.serves("prod", second);
    });
  });
} else {
  test("what people are told when nothing can be recorded names the reason code", async () => {
    const { nothingRecorded } = await import("../../src/slack/refusals.ts");
    assert.match(nothingRecorded.text, /store_unwritable/);
  });
}
