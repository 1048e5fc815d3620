/** A rollout that waits for room names the hosts that will not give it back by themselves, and what a person can do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aCommit, eva, type TestApp } from "../kit/app.ts";
import { fails, goes, joins, passes, statuses } from "./hosts-kit.ts";
import { aFleet } from "./line-kit.ts";

const stop = "Without any progress the policy for a failure applies. To stop: `/gantry cancel 2`.";

/** What would end the only wait of #2. */
function ends(fleet: TestApp): string {
  const answer = fleet.app.gantry.why(["#2"]);
  assert.ok("waits" in answer);
  assert.deepEqual(
    answer.waits.map((wait) => wait.reason),
    ["over_budget"],
  );
  return answer.waits[0]?.ends ?? "";
}

async function live(hosts: readonly string[]): Promise<TestApp> {
  const fleet = aFleet(hosts, { batch: { hosts: 1 }, maxUnavailable: { hosts: 2 } });
  await fleet.ships(aCommit(1));
  await fleet.clock.advance(1000);
  return fleet;
}

test("a drained host is named, with who did it, and how it takes part again", async () => {
  const fleet = await live(["a", "b", "c"]);
  await fleet.app.gantry.drain({ host: "c", why: "new kernel", actor: eva });
  fleet.reports("c", { gone: true });
  await fleet.asks(aCommit(2));
  goes(fleet, "b");
  fleet.hasImage("a");
  assert.equal(
    ends(fleet),
    "One of them serves well again: `/gantry hosts`. People took out c (drained by eva: new kernel): " +
      `\`/gantry uncordon c\` lets it take part again, \`gantry revoke c\` takes it away for good. ${stop}`,
  );
});

test("where people took out all of them, nothing else is promised", async () => {
  const fleet = await live(["a", "b", "c"]);
  await fleet.asks(aCommit(2));
  for (const host of ["b", "c"]) {
    await fleet.app.gantry.cordon({ host, why: null, actor: eva });
    goes(fleet, host);
  }
  fleet.hasImage("a");
  assert.equal(
    ends(fleet),
    "People took out b (cordoned by eva), c (cordoned by eva): " +
      `\`/gantry uncordon HOST\` lets it take part again, \`gantry revoke HOST\` takes it away for good. ${stop}`,
  );
});

test("a new host of the plan that has never served is named: cordoned, it is missed by nobody", async () => {
  const fleet = await live(["a", "b"]);
  joins(fleet, "z");
  fails(fleet, "z", "disk_full");
  await passes(fleet, 1000);
  await fleet.asks(aCommit(2));
  goes(fleet, "z");
  goes(fleet, "b");
  fleet.hasImage("a");
  assert.match(ends(fleet), /\. z is new and has never served here: until it does, `\/gantry cordon z` gives its room back\. /);
  await fleet.app.gantry.cordon({ host: "z", why: null, actor: eva });
  assert.equal(statuses(fleet, 2), "a: swapping, b: waiting");
});
