import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyAll } from "../../src/sqlite/chain-verify.ts";
import { fold } from "../kit/fold.ts";
import { bigFilePlaces, makeBigFile } from "./big-file.ts";
import { dataFolders } from "./folders.ts";

const { folder, open } = dataFolders();

test("the base that speed is measured on is a true one: its chain holds, and its logs fold to its snapshots", () => {
  const data = folder();
  makeBigFile({ folder: data, rollouts: 1300 });
  const store = open(data);
  assert.equal(store.fault, null);
  assert.equal(verifyAll(store.history), null);
  assert.equal(bigFilePlaces.length, 60);
  for (const number of [1, 58, 700, 1280, 1300]) {
    assert.deepEqual(store.rollouts.find(number)?.state, fold(store.rollouts.events(number)), `#${number}`);
  }
  const counted = store.rollouts.countEnded();
  assert.ok((counted["succeeded"] ?? 0) > 1000 && (counted["restored"] ?? 0) > 0 && (counted["cancelled"] ?? 0) > 0);
  for (const key of bigFilePlaces) {
    const live = store.rollouts.live(key.service, key.environment);
    assert.equal(live?.state.phase, "succeeded");
    assert.equal(store.verdicts.good(key, 1)[0]?.release, live?.state.release);
    assert.ok(store.slots.ofEnvironment(key).every((slot) => slot.observed !== null));
  }
  const number = store.rollouts.nextNumber();
  assert.equal(number, 1301, "and it can be gone on with");
});
