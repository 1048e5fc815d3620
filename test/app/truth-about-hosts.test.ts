/** Success is observed, never assumed; nobody is late because the server was not listening; bad is not shipped by anything. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { aCommit, anApp, eva, type TestApp } from "../kit/app.ts";
import { comes, goes, statuses } from "./hosts-kit.ts";

let open: TestApp[] = [];
function aFleet(...args: Parameters<typeof anApp>): TestApp {
  const made = anApp(...args);
  open.push(made);
  return made;
}
afterEach(() => {
  for (const each of open) each.stop();
  open = [];
});

test("a soak ends when the host says after its end that all is well, not when the clock says so", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("one");
  fleet.reports("one");
  assert.equal(fleet.state().phase, "soaking");
  await fleet.clock.advance(6_000);
  assert.equal(fleet.state().phase, "soaking", "the last word of the host is older than the end of the soak");
  assert.ok(fleet.nudged.at(-1) === "one", "it is asked");
  fleet.reports("one");
  assert.equal(fleet.state().phase, "succeeded");
});

test("a host whose engine does not answer proves nothing: what it says of its containers is of before", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("one");
  fleet.reports("one");
  await fleet.clock.advance(6_000);
  const engineIs = (ok: boolean) => {
    const engine = { ok, reason: ok ? null : ("engine_down" as const), detail: null, liveRestore: true };
    const slots = fleet.store.slots.ofHost("one").flatMap((slot) => slot.observed ?? []);
    fleet.desk.observed("one", { bootId: "b", agentVersion: "1", epoch: 1, engine, whole: true, slots, images: [] });
  };
  engineIs(false);
  assert.equal(fleet.state().phase, "soaking");
  engineIs(true);
  assert.equal(fleet.state().phase, "succeeded");
});

test("a host that loses power while it soaks is not called good", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.ships(aCommit(1));
  await fleet.asks(aCommit(2));
  fleet.hasImage("one");
  fleet.reports("one");
  fleet.connected.delete("one");
  await fleet.clock.advance(60_000);
  assert.equal(fleet.state().phase, "soaking", "a host that nobody hears of is waited for");
  await fleet.clock.advance(15 * 60_000);
  assert.notEqual(fleet.state().phase, "succeeded");
  assert.equal(fleet.state().reason, "host_lost");
  assert.equal(
    fleet.store.verdicts.newest({ service: "api", environment: "prod", release: 2 }),
    null,
    "nor bad: it says nothing about the release",
  );
});

test("the server was away past a soak's end: nothing is called good before the hosts were heard", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("one");
  fleet.reports("one");
  fleet.connected.clear();
  await fleet.clock.advance(0);
  fleet.app.stop();
  await fleet.clock.advance(180_000);
  fleet.restart();
  fleet.app.recover();
  assert.equal(fleet.state().phase, "soaking");
  fleet.connected.add("one");
  fleet.reports("one");
  assert.equal(fleet.state().phase, "succeeded");
});

test("the server was away past a host's deadline: the host is not late, it was not listened to", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("one");
  assert.equal(fleet.state().phase, "rolling");
  fleet.app.stop();
  await fleet.clock.advance(180_000);
  fleet.restart();
  fleet.app.recover();
  assert.equal(fleet.state().phase, "rolling");
  fleet.reports("one");
  assert.equal(fleet.state().phase, "soaking");
});

test("a process that stood still for minutes blames no host either", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.ships(aCommit(1));
  const number = await fleet.asks(aCommit(2));
  fleet.hasImage("one");
  const wake = fleet.store.timers.next() ?? 0;
  fleet.app.stop();
  await fleet.clock.advance(wake - fleet.clock.now() + 600_000);
  fleet.restart();
  fleet.app.recover();
  await fleet.clock.advance(61_000);
  assert.equal(fleet.state(number).reason, "deadline_passed", "past the grace it does count");
  assert.equal(
    fleet.store.verdicts.newest({ service: "api", environment: "prod", release: 2 }),
    null,
    "but not against the release",
  );
});

test("a rollback whose container vanishes after its swap does not succeed", async () => {
  const fleet = aFleet({ hosts: ["a", "b"] });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  const origin = { key: "back", channel: null };
  await fleet.app.gantry.rollback({
    service: "api",
    environment: "prod",
    to: null,
    shown: null,
    why: null,
    actor: eva,
    origin,
  });
  fleet.reports("a");
  fleet.reports("a", { gone: true });
  fleet.reports("b");
  assert.equal(fleet.state().phase, "stuck");
  assert.match(fleet.state().detail ?? "", /a could not be rolled back/);
});

test("hosts that were out already count: a deploy mends them first and takes no other down meanwhile", async () => {
  const fleet = aFleet({ hosts: ["a", "b", "c", "d"], policy: { batch: { hosts: 1 } } });
  await fleet.ships(aCommit(1));
  fleet.reports("c", { gone: true });
  await fleet.asks(aCommit(2));
  for (const host of ["a", "b", "c", "d"]) fleet.hasImage(host);
  const swapping = fleet.state().hosts.filter((h) => h.status === "swapping");
  assert.deepEqual(
    swapping.map((h) => h.host),
    ["c"],
  );
});

test("while too many are out it waits, says for whom, and goes on when they are back", async () => {
  const fleet = aFleet({ hosts: ["a", "b"], policy: { batch: { hosts: 1 } } });
  await fleet.ships(aCommit(1));
  fleet.connected.delete("b");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  assert.equal(fleet.state().phase, "queued");
  assert.equal(fleet.state().reason, "over_budget");
  assert.equal(fleet.desired("a"), 1, "a is not taken down while b is out");
  fleet.connected.add("b");
  fleet.reports("b");
  assert.equal(fleet.desired("a"), 2);
});

test("a host that is back makes room when it has said that it serves, not by being connected", async () => {
  const fleet = aFleet({ hosts: ["a", "b"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  await fleet.ships(aCommit(1));
  goes(fleet, "b");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  assert.equal(statuses(fleet), "a: waiting, b: waiting");
  comes(fleet, "b");
  assert.equal(statuses(fleet), "a: waiting, b: waiting", "its container may have died with the machine");
  fleet.reports("b", { health: "failing" });
  assert.equal(statuses(fleet), "a: waiting, b: waiting");
  fleet.reports("b");
  fleet.hasImage("b");
  assert.equal(statuses(fleet), "a: waiting, b: swapping");
});

test("a rollback waits for no dead host: the others go at once, and it comes along when it is back", async () => {
  const fleet = aFleet({ hosts: ["a", "b", "c"] });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  fleet.connected.delete("a");
  const origin = { key: "back", channel: null };
  await fleet.app.gantry.rollback({
    service: "api",
    environment: "prod",
    to: null,
    shown: null,
    why: null,
    actor: eva,
    origin,
  });
  fleet.reports("b");
  fleet.reports("c");
  assert.equal(fleet.state().phase, "stuck", "without waiting for any deadline");
  assert.equal(fleet.desired("a"), 1, "it will go back by itself");
});

test("after a rollback that got stuck, the bad release is given to nobody", async () => {
  const fleet = aFleet({ hosts: ["a", "b"] });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  fleet.connected.delete("a");
  const origin = { key: "back", channel: null };
  await fleet.app.gantry.rollback({
    service: "api",
    environment: "prod",
    to: null,
    shown: null,
    why: null,
    actor: eva,
    origin,
  });
  fleet.reports("b");
  assert.equal(fleet.state().phase, "stuck");
  fleet.store.hosts.put({ name: "new", labels: { env: "prod" }, publicKey: "n", at: fleet.clock.now() });
  fleet.connected.add("new");
  fleet.desk.connected({ host: "new", agentVersion: "1", labels: {} });
  assert.equal(fleet.desired("new"), 1);
  assert.equal(fleet.app.gantry.status({ service: null, environment: null })[0]?.live?.number, 1);
});

test("hosts that join while a request waits get the live release at once, and so does one that was enrolled anew", async () => {
  const fleet = aFleet({ hosts: ["a"] });
  await fleet.ships(aCommit(1));
  const number = await fleet.asks(aCommit(2));
  await fleet.clock.advance(10);
  fleet.store.hosts.put({ name: "late", labels: { env: "prod" }, publicKey: "l", at: fleet.clock.now() });
  fleet.connected.add("late");
  fleet.desk.connected({ host: "late", agentVersion: "1", labels: {} });
  assert.equal(fleet.desired("late"), 1);
  await fleet.app.gantry.cancel({ rollout: number, why: null, actor: ana() });
  assert.equal(fleet.desired("late"), 1);
  await fleet.ships(aCommit(3));
  const now = fleet.state().release;
  fleet.store.slots.desire({ host: "late", service: "api", environment: "prod", rollout: 1, release: 1 });
  await fleet.clock.advance(1000);
  fleet.store.hosts.put({ name: "late", labels: { env: "prod" }, publicKey: "l2", at: fleet.clock.now() });
  fleet.desk.connected({ host: "late", agentVersion: "1", labels: {} });
  fleet.reports("late", { gone: true });
  assert.equal(fleet.desired("late"), now);
});

function ana() {
  return { kind: "slack", id: "U0ANA", name: "ana" } as const;
}

test("a host that is revoked is waited for no more", async () => {
  const fleet = aFleet({ hosts: ["a", "b"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("b");
  assert.equal(fleet.state().reason, "awaiting_images");
  fleet.app.revoke("a", null);
  assert.deepEqual(
    fleet.state().hosts.map((h) => h.host),
    ["b"],
  );
  assert.equal(fleet.desired("b"), 1);
});

test("a container that restarted once long ago is not a crash loop today", async () => {
  const fleet = aFleet({ hosts: ["one"] });
  await fleet.asks(aCommit(1));
  fleet.hasImage("one");
  fleet.reports("one", { restarts: 3 });
  fleet.reports("one", { restarts: 3 });
  assert.equal(fleet.state().phase, "soaking");
  fleet.reports("one", { restarts: 4 });
  assert.equal(fleet.state().reason, "crash_loop");
});

test("a success without a container is none, also for a rollback", async () => {
  const fleet = aFleet({ hosts: ["a"] });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  const back = { service: "api", environment: "prod", to: null, shown: null, why: null, actor: eva };
  await fleet.app.gantry.rollback({ ...back, origin: { key: "back", channel: null } });
  fleet.reports("a", { gone: true });
  assert.equal(fleet.state().phase, "rolling");
  fleet.reports("a");
  assert.equal(fleet.state().phase, "succeeded");
});
