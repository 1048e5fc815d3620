// Promises 1 to 4 of the design, one test each, named after them.
import assert from "node:assert/strict";
import { EngineError } from "../../src/host/engine.ts";
import { first, journey, second } from "../kit/journey.ts";

journey(
  "promise 1: an acknowledged command runs exactly once or visibly fails; a duplicate delivery changes nothing",
  async ({ ana, slack, ...j }) => {
    // Acknowledged, and the server dies before it has done anything about it.
    await ana.says(`/deploy api staging ${first}`);
    await j.killAndStartServer();
    await j.card("Live", 1);
    await slack.faults.redeliverLast();
    await j.serves("staging", first);
    const history = await j.local("history");
    assert.deepEqual(history.text.match(/#\d+/g), ["#1"]);
    // What cannot be recorded is not acknowledged as done: the person reads that it failed.
    await j.stopServer();
    await ana.says(`/deploy api staging ${second}`);
    assert.match(ana.sees("deploys").at(-1)?.rendered ?? "", /\/deploy failed with the error/);
    await j.startServer();
    assert.deepEqual((await j.local("history")).text.match(/#\d+/g), ["#1"]);
  },
);

journey("promise 2: what runs is, byte for byte, what was approved", async ({ ana, bo, registry, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  const approved = /sha256:[0-9a-f]{12}/.exec(await j.card("Waits for approval"))?.[0] ?? "";
  const tag = (registry.requests.findLast((line) => line.includes("/manifests/")) ?? "").split("/").at(-1) ?? "";
  const other = registry.push({ repository: "api", tag, content: "pushed over the tag after the request" });
  await bo.clicks("Approve");
  await j.card("Live");
  for (const name of ["prod-1", "prod-2", "prod-3"]) {
    const [live] = j.host(name).engine.running();
    const digest = live?.labels["gantry.digest"] ?? "";
    assert.ok(digest.startsWith(approved), `${name} runs ${digest}`);
    assert.notEqual(digest, other);
  }
  // And a host that is given other bytes under that digest refuses them.
  const mismatch = new EngineError({ reason: "digest_mismatch", message: "the registry gave other bytes" });
  j.host("prod-1").engine.failNext("pull", mismatch);
  j.host("prod-1").engine.failNext("pull", mismatch);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  await bo.clicks("Approve");
  assert.match(await j.card("Failed, put back", 2), /prod-1: The image is not the approved one \(digest_mismatch\)/);
  await j.serves("prod", first);
});

journey(
  "promise 3: never more than the plan allows is out of service at once",
  async ({ ana, bo, ...j }) => {
    await j.makeLive("prod", first);
    const hosts = ["prod-1", "prod-2", "prod-3", "prod-4", "prod-5"];
    const gates = hosts.map((name) => j.host(name).waitsBefore("start"));
    const down = () => hosts.filter((name) => j.host(name).serves() === "nothing");
    await ana.says(`/deploy api prod ${second}`);
    await j.card("5: first prod-1, then prod-2, prod-3, then prod-4, prod-5", 2);
    await bo.clicks("Approve");
    for (const batch of [["prod-1"], ["prod-2", "prod-3"], ["prod-4", "prod-5"]]) {
      await Promise.all(batch.map((name) => j.host(name).stands("start")));
      assert.deepEqual(down(), batch, "the whole batch stands with its old container stopped, and no other host");
      for (const name of batch) gates[hosts.indexOf(name)]?.();
    }
    await j.card("Live", 2);
    assert.deepEqual(down(), []);
  },
  { prod: 5 },
);

journey(
  "promise 4: the old container is not touched before the new image is there and verified; a failed swap leaves the old one serving",
  async ({ ana, bo, ...j }) => {
    await j.makeLive("prod", first);
    const { engine } = j.host("prod-1");
    const before = engine.calls.length;
    const goOn = engine.registries.hold();
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    await bo.clicks("Approve");
    await j.card("Waits for images", 2);
    const untilNow = engine.calls.slice(before).map((call) => call.split(" ")[0]);
    assert.deepEqual([...new Set(untilNow)], ["pull"], "nothing else is done on the host while it has no image");
    goOn();
    await j.card("Live", 2);
    const verbs = engine.calls.slice(before).map((call) => call.replace(/^(\w+).*?-g(\d).*$/, "$1 $2"));
    const order = ["create 2", "stop 1", "start 2"].map((verb) => verbs.indexOf(verb));
    assert.ok(!order.includes(-1), verbs.join(", "));
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
      verbs.join(", "),
    );

    engine.failNext("start", new EngineError({ reason: "start_failed", message: "exec format error" }));
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval", 3);
    await bo.clicks("Approve");
    await j.card("Failed, put back", 3);
    await j.serves("prod", second);
  },
);
