/** Engines that die with and without live-restore, and machines that go down in mid-swap. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "../kit/eventually.ts";
import { labStand, succeeded } from "./kit/stand.ts";

const one = "1a4c9e2";
const two = "3f2a1c9";

describe("hosts that go down", () => {
  const stand = labStand(["prod-1"]);
  const host = () => stand.host();
  const docker = (...args: string[]) => host().lab.docker(...args);
  const pid = async () => docker("inspect", "--format", "{{.State.Pid}}", await docker("ps", "-q"));
  const engineIs = (ok: boolean) => host().desk.seen("prod-1", (picture) => picture.engine.ok === ok, 30_000);

  it("AG4: the engine is killed, with live-restore; the container serves on under the same pid", async () => {
    succeeded(await host().carryOut(stand.next(one, { release: 1 })));
    const before = await pid();
    await host().lab.killEngine();
    await engineIs(false);
    await stand.answers(one);
    await host().lab.startEngine();
    await engineIs(true);
    assert.equal(await pid(), before);
    succeeded(await host().carryOut(stand.next(two, { release: 2 })));
  });

  it("AG4: the engine is killed, without live-restore; the agent says that it is off, and has the container serve again", async () => {
    await host().lab.killEngine("SIGTERM");
    await host().lab.startEngine({ liveRestore: false });
    const seen = await host().desk.seen("prod-1", (picture) => picture.engine.ok && picture.engine.liveRestore === false, 30_000);
    assert.match(seen.engine.detail ?? "", /live-restore is off/);
    await host().lab.killEngine();
    await engineIs(false);
    await host().lab.startEngine({ liveRestore: false });
    await engineIs(true);
    await stand.holds(["live r2 running", "previous r1 created"]);
    await stand.answers(two);
    await host().lab.killEngine("SIGTERM");
    await engineIs(false);
    await host().lab.startEngine({ liveRestore: true });
    await engineIs(true);
    await stand.answers(two);
  });

  for (const [moment, ends] of [
    ["before:start", "done"],
    ["before:stop", "done"],
    ["before:open", "restored"],
    ["after:open", "restored"],
    ["before:settle", "done"],
  ] as const) {
    it(`AG2: the machine goes down ${moment.replace(":", " ")} and boots; never two run, and ${ends === "done" ? "the new one serves in the end" : "the old one serves again"}`, async () => {
      const [live] = (await host().containers()).filter((line) => line.startsWith("live"));
      const serving = live === "live r1 running" ? one : two;
      const other = serving === one ? two : one;
      const ordered = stand.next(other, { release: other === one ? 1 : 2 });
      host().dieAt(moment);
      host().tell(ordered);
      await host().died();
      host().dieAt(null);
      const bootId = host().desk.pictureOf("prod-1")?.bootId;
      await host().lab.reboot();
      await host().start();
      const slot = await host().desk.settled("prod-1", ordered.generation, 30_000);
      assert.notEqual(host().desk.pictureOf("prod-1")?.bootId, bootId);
      if (ends === "done") succeeded(slot);
      else assert.deepEqual(slot.outcome?.ok === false && [slot.outcome.reason, slot.outcome.after], ["interrupted", "restored"]);
      const wanted = ends === "done" ? other : serving;
      await stand.answers(wanted);
      await eventually(async () => assert.equal((await docker("ps", "-q")).split("\n").length, 1));
    });
  }
});
