// After the end: containers that do not stay well raise the card again, or bring the rollback, as the policy says.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aCommit, type TestApp } from "../kit/app.ts";
import { desires, goes, passes, repeats, runs } from "./hosts-kit.ts";
import type { OpenStore } from "./kit.ts";
import { aFleet, deploys, edits, phases, place, reboots } from "./line-kit.ts";

const minute = 60_000;

/** r2 is live on a and b since a moment ago, r1 was before. */
async function live(policy: Parameters<typeof aFleet>[1] = {}): Promise<TestApp> {
  const fleet = aFleet(["a", "b"], policy);
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  await fleet.clock.advance(1000);
  return fleet;
}

/** The process ends between the commit of the raise and what follows it. */
function crashesAfterTheFinding(fleet: TestApp): void {
  const { conductor } = fleet.app;
  const samples = [{ host: "b", at: fleet.clock.now(), health: "failing" as const, restarts: 0 }];
  const rule = { unwellMs: 1, restarts: 1, flaps: 1 };
  const finding = { host: "b", found: "unwell" as const, rule, samples, at: fleet.clock.now() };
  assert.throws(() =>
    conductor.atomically(() => {
      conductor.afterwards(() => {
        throw new Error("the process ends");
      });
      conductor.tell(2, { type: "watch_raised", at: fleet.clock.now(), finding });
    }),
  );
}

/** `2!: …` is said in the thread of #2 and, with the mark, to the whole channel. */
function threads(fleet: TestApp): string[] {
  const text = "rollout || iif(body ->> '$.broadcast', '!', '') || ': ' || (body ->> '$.message.text')";
  return (fleet.store as OpenStore).db
    .prepare<[], string>(`select ${text} from outbox where kind = 'thread' order by id`)
    .pluck()
    .all();
}

function notices(fleet: TestApp): string[] {
  return (fleet.store as OpenStore).db
    .prepare<[], string>(
      "select rollout || ' ' || coalesce(body ->> 'about', 'end') from outbox where kind = 'notice' order by id",
    )
    .pluck()
    .all();
}

describe("the watch", () => {
  test("ends quietly after its time, and says nothing", async () => {
    const fleet = await live();
    await passes(fleet, 9 * minute);
    assert.equal(fleet.state(2).watch?.endedAt, null);
    await passes(fleet, 2 * minute);
    assert.notEqual(fleet.state(2).watch?.endedAt, null);
    assert.equal(fleet.state(2).watch?.finding, null);
    assert.deepEqual(notices(fleet), ["1 end", "2 end"]);
  });

  test("AG14: raises a container that is not well for a while, with the samples that led to it; once", async () => {
    const fleet = await live();
    fleet.reports("b", { health: "failing" });
    await passes(fleet, 15_000);
    assert.equal(fleet.state(2).watch?.finding, null, "a moment is no trouble");
    await passes(fleet, 10_000);
    const finding = fleet.state(2).watch?.finding;
    assert.equal(finding?.host, "b");
    assert.equal(finding?.found, "unwell");
    assert.deepEqual(finding?.samples.map((s) => s.health).slice(-1), ["failing"]);
    assert.deepEqual(notices(fleet), ["1 end", "2 end", "2 watch"]);
    await passes(fleet, 2 * minute);
    assert.deepEqual(notices(fleet), ["1 end", "2 end", "2 watch"]);
    assert.equal(desires(fleet, "a", "b"), "a: 2, b: 2", "going back is for a person to decide");
  });

  test("needs no report to see that a container has been unwell too long: a timer looks", async () => {
    const fleet = await live();
    fleet.reports("b", { health: "failing" });
    await fleet.clock.advance(25_000);
    assert.equal(fleet.state(2).watch?.finding?.found, "unwell");
  });

  test("counts restarts from what they were at the end", async () => {
    const fleet = aFleet(["a"]);
    await fleet.asks(aCommit(1));
    fleet.hasImage("a");
    for (let turn = 0; turn < 8; turn += 1) {
      fleet.reports("a", { restarts: 5 });
      await fleet.clock.advance(1000);
    }
    assert.equal(fleet.state(1).phase, "succeeded");
    fleet.reports("a", { restarts: 6 });
    await passes(fleet, 1000);
    assert.equal(fleet.state(1).watch?.finding, null, "one restart may happen");
    fleet.reports("a", { restarts: 7 });
    assert.equal(fleet.state(1).watch?.finding?.found, "restarts");
  });

  test("with the policy to go back, goes back by itself, names itself, and does so once", async () => {
    const fleet = await live({ watch: { forMs: 10 * minute, onUnwell: "rollback" } });
    fleet.reports("b", { health: "failing" });
    await passes(fleet, 25_000);
    assert.deepEqual(phases(fleet, 2, 3), ["#2 succeeded", "#3 rolling"]);
    assert.deepEqual(fleet.state(3).requester, { kind: "system", id: "watch", name: "Gantry's watch" });
    await runs(fleet, 3);
    assert.equal(fleet.state(3).phase, "succeeded");
    assert.equal(desires(fleet, "a", "b"), "a: 1, b: 1");
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict, "bad");
    fleet.reports("a", { health: "failing" });
    await passes(fleet, 12 * minute);
    assert.equal(fleet.state().number, 3, "a rollback is watched by nobody, and never itself undone");
  });

  test("with that policy, goes back although a request waits for approval; nothing comes of it days later", async () => {
    const fleet = await live({ watch: { forMs: 10 * minute, onUnwell: "rollback" } });
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 60 * minute } });
    assert.equal(await deploys(fleet, 3), "#3");
    fleet.reports("b", { health: "failing" });
    await passes(fleet, 25_000);
    assert.deepEqual(phases(fleet, 3, 4), ["#3 cancelled", "#4 rolling"]);
    assert.match(threads(fleet).join("\n"), /2!: Gantry goes back from r2 by itself, as the policy says: #4\./);
  });

  test("with that policy and nothing to go back to, says so to everybody, and does not try again days later", async () => {
    const fleet = aFleet(["a", "b"], { watch: { forMs: 10 * minute, onUnwell: "rollback" } });
    await fleet.ships(aCommit(1));
    fleet.reports("b", { health: "failing" });
    await passes(fleet, 25_000);
    assert.equal(fleet.state().number, 1);
    assert.match(threads(fleet).at(-1) ?? "", /^1!: Gantry could not go back by itself: api prod has no earlier good release:/);
    const said = threads(fleet).length;
    await reboots(fleet);
    assert.equal(threads(fleet).length, said);
  });

  test("a crash between the finding and the way back is made good for, but not days later when all are well", async () => {
    const fleet = await live({ watch: { forMs: 10 * minute, onUnwell: "rollback" } });
    crashesAfterTheFinding(fleet);
    fleet.app.stop();
    await fleet.clock.advance(3 * 24 * 60 * minute);
    await reboots(fleet);
    assert.equal(fleet.state().number, 2);
  });

  test("a rollback that a crash came before is made at the next start", async () => {
    const fleet = await live({ watch: { forMs: 10 * minute, onUnwell: "rollback" } });
    crashesAfterTheFinding(fleet);
    assert.equal(fleet.state().number, 2);
    await reboots(fleet);
    assert.equal(fleet.state().number, 3);
    assert.equal(fleet.state().kind, "rollback");
  });

  test("goes on over a restart of the server, with what was seen before it", async () => {
    const fleet = await live();
    fleet.reports("b", { health: "failing" });
    await fleet.clock.advance(5000);
    await reboots(fleet);
    await fleet.clock.advance(20_000);
    assert.equal(fleet.state(2).watch?.finding?.found, "unwell");
  });

  test("whose time passed while the server was away ends with the word of the hosts, not with silence", async () => {
    const fleet = await live();
    fleet.app.stop();
    await fleet.clock.advance(20 * minute);
    await reboots(fleet);
    await fleet.clock.advance(3000);
    assert.equal(fleet.state(2).watch?.endedAt, null, "nobody has said anything since");
    fleet.reports("b", { health: "failing" });
    repeats(fleet, "a");
    await fleet.clock.advance(25_000);
    assert.equal(fleet.state(2).watch?.finding?.found, "unwell");
  });

  test("is not called quiet while somebody is unwell at its end", async () => {
    const fleet = await live();
    await passes(fleet, 10 * minute - 10_000);
    fleet.reports("b", { health: "failing" });
    await passes(fleet, 12_000);
    assert.equal(fleet.state(2).watch?.endedAt, null);
    await passes(fleet, 10_000);
    assert.equal(fleet.state(2).watch?.finding?.found, "unwell");
  });

  test("ends when another rollout begins; one that only waits for approval ends nothing", async () => {
    const fleet = await live();
    await fleet.asks(aCommit(3));
    assert.notEqual(fleet.state(2).watch?.endedAt, null);
    assert.equal(fleet.state(2).watch?.raisedAt, null);
  });

  test("holds nothing against a host that is away", async () => {
    const fleet = await live();
    goes(fleet, "b");
    await passes(fleet, 12 * minute);
    assert.equal(fleet.state(2).watch?.finding, null);
    assert.notEqual(fleet.state(2).watch?.endedAt, null);
    const end = fleet.store.rollouts.events(2).find((event) => event.type === "watch_ended");
    assert.deepEqual([end?.quiet, end?.silent], [false, ["b"]], "nor does it say that all stayed well");
  });

  test("is off when the policy says so", async () => {
    const fleet = await live({ watch: { forMs: 0, onUnwell: "raise" } });
    assert.equal(fleet.state(2).watch, null);
    fleet.reports("b", { health: "failing" });
    await passes(fleet, minute);
    assert.deepEqual(notices(fleet), ["1 end", "2 end"]);
  });
});
