// Releases and hosts that fail: what serves afterwards, and whether people can read why.
import assert from "node:assert/strict";
import { EngineError } from "../../src/host/engine.ts";
import { dying, first, journey, newest, second, unhealthy } from "../kit/journey.ts";

journey("a commit that never becomes healthy is put back by itself, with the lines that show why", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${unhealthy}`);
  await j.card("Waits for approval", 2);
  await bo.clicks("Approve");
  const card = await j.card("Failed, put back");
  assert.match(card, /prod-1: The health check failed \(unhealthy\): not healthy after 1 s: answered 503/);
  assert.match(card, /Next: Read the container's last lines/);
  assert.match(card, /Last lines on prod-1:\n[\s\S]*fatal: relation users_v2 does not exist/);
  assert.match(card, /r1 serves again on the 1 host it had touched/);
  assert.deepEqual(j.buttons(), []);
  await j.serves("prod", first);
  for (const host of ["prod-2", "prod-3"]) {
    const touched = j.host(host).engine.calls.filter((call) => /^(stop|start|create) .*-g2$/.test(call));
    assert.deepEqual(touched, [], `${host} was not touched`);
  }
  await j.told(ana, "Failed, put back", "The health check failed");
  assert.match(await j.thread("prod-1 is back on r1"), /prod-1 failed: The health check failed \(unhealthy\)/);
  await ana.says(`/deploy api prod ${unhealthy}`);
  await j.told(ana, "was judged bad in prod by #2", "Reason: bad_release");
});

journey("a container that ends during the soak is noticed, and all hosts go back", async ({ ana, bo, clock, ...j }) => {
  await j.makeLive("prod", first);
  j.edit({ soak: "10m" });
  await j.stopServer();
  await j.startServer();
  await ana.says(`/deploy api prod ${dying}`);
  await j.card("Waits for approval", 2);
  await bo.clicks("Approve");
  await j.card("Soaking · batch 1 of 2");
  await clock.passes(10 * 60_000);
  await j.card("Soaking · batch 2 of 2");
  await j.serves("prod", dying);
  j.host("prod-3").crashes();
  const card = await j.card("Failed, put back");
  assert.match(card, /prod-3: .*\((crash_loop|exited)\)/);
  assert.match(card, /panic: session map is nil/);
  assert.match(card, /r1 serves again on all 3 hosts/);
  await j.serves("prod", first);
});

journey(
  "a host that is lost in the middle of its swap fails, where the policy says so; when it returns it goes back",
  async ({ ana, bo, clock, ...j }) => {
    await j.makeLive("prod", first);
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    const goOn = j.host("prod-1").waitsBefore("start");
    await bo.clicks("Approve");
    await j.host("prod-1").stands("start");
    j.host("prod-1").vanishes();
    goOn();
    await j.card("No connection now: prod-1");
    await clock.passes(61_000);
    await j.card("Being put back");
    await clock.passes(61_000);
    const card = await j.card("Stuck, needs a person");
    assert.match(card, /prod-1: The host does not answer \(host_lost\)/);
    assert.match(card, /The others serve what they served before/);
    j.host("prod-1").returns();
    await j.serves("prod", first);
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 3);
  },
  { service: { policy: "onFailure: restore, unreachable: fail" } },
);

journey("a host that is lost in the middle of its swap is waited for, until nothing has moved for too long", async (world) => {
  const { ana, bo, clock, ...j } = world;
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-1").waitsBefore("start");
  await bo.clicks("Approve");
  await j.host("prod-1").stands("start");
  j.host("prod-1").vanishes();
  goOn();
  await clock.passes(61_000);
  await j.card("prod-1: The host does not answer (host_lost)");
  await clock.passes(15 * 60_000);
  await j.card("Stuck, needs a person");
  const thread = await j.thread("it is waited for");
  assert.equal(thread.split("it is waited for").length, 2, "said once");
  j.host("prod-1").returns();
  await j.serves("prod", first);
});

journey("a host that returns in time finishes as if nothing had been", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-1").waitsBefore("start");
  await bo.clicks("Approve");
  await j.host("prod-1").stands("start");
  j.host("prod-1").vanishes();
  await j.card("No connection now: prod-1");
  goOn();
  j.host("prod-1").returns();
  await j.card("Live");
  await j.serves("prod", second);
});

const faults = [
  {
    method: "create",
    reason: "disk_full",
    message: "no space left on device",
    says: /prod-1: The disk is full \(disk_full\)/,
    bad: false,
  },
  {
    method: "create",
    reason: "create_failed",
    message: "invalid mount config",
    says: /prod-1: The container could not be created \(create_failed\): invalid mount config/,
    bad: true,
  },
  {
    method: "start",
    reason: "port_in_use",
    message: "address already in use",
    says: /prod-1: Another process holds the port \(port_in_use\)/,
    bad: false,
  },
  {
    method: "start",
    reason: "start_failed",
    message: "exec: no such file",
    says: /prod-1: The container could not be started \(start_failed\)/,
    bad: true,
  },
] as const;

for (const { method, reason, message, says, bad } of faults) {
  journey(
    `${reason} on a host puts it back and ${bad ? "condemns" : "does not condemn"} the release`,
    async ({ ana, bo, ...j }) => {
      await j.makeLive("prod", first);
      await ana.says(`/deploy api prod ${second}`);
      await j.card("Waits for approval", 2);
      j.host("prod-1").engine.failNext(method, new EngineError({ reason, message }));
      await bo.clicks("Approve");
      assert.match(await j.card("Failed, put back"), says);
      await j.serves("prod", first);
      await ana.says(`/deploy api prod ${second}`);
      if (bad) await j.told(ana, "was judged bad", "Reason: bad_release");
      else await j.card("Waits for approval", 3);
    },
  );
}

journey("an engine that is down holds the rollout; it goes on when the engine is back", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-1").waitsBefore("create");
  await bo.clicks("Approve");
  await j.host("prod-1").stands("create");
  j.host("prod-1").engine.setDown(true);
  goOn();
  await ana.says("/gantry hosts");
  await j.told(ana, "prod-1 connected");
  j.host("prod-1").engine.setDown(false);
  await j.card("Live");
  await j.serves("prod", second);
});

journey("a host that cannot get the image stops the rollout before anything is touched", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  for (const name of ["prod-1", "prod-2", "prod-3"]) j.host(name).engine.registries.setFault(j.registry.address, "registry_auth");
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  await bo.clicks("Approve");
  const card = await j.card("Failed, put back");
  assert.match(card, /prod-1: The registry refuses the credentials \(registry_auth\)/);
  assert.match(card, /No host was touched; everything serves what it served before/);
  await j.serves("prod", first);
});

journey("a power cut on a host brings back what served", async ({ ana, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", newest);
  j.host("prod-2").engine.powerCut();
  await j.serves("prod", newest);
  await ana.says("/gantry status api prod");
  await j.told(ana, "api prod: r2 b6f3e71");
});
