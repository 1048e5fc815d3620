// The server goes away and comes back, gracefully or not; hosts keep serving, and every card tells the truth again.
import assert from "node:assert/strict";
import { first, journey, newest, second } from "../kit/journey.ts";

for (const way of ["gracefully", "by a power cut"] as const) {
  journey(`a server that restarts ${way} in the middle of a rollout finishes it on the same card`, async ({ ana, bo, ...j }) => {
    await j.makeLive("prod", first);
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    const goOn = j.host("prod-1").waitsBefore("start");
    await bo.clicks("Approve");
    await j.host("prod-1").stands("start");
    await j.card("Rolling out");
    if (way === "gracefully") {
      await j.stopServer();
      goOn();
      await j.startServer();
    } else {
      const again = j.killAndStartServer();
      goOn();
      await again;
    }
    await j.card("Live · on 3 hosts", 2);
    await j.serves("prod", second);
    assert.equal(j.cards(), 2, "no second card");
    const log = await j.thread("Done: 3 hosts on r2");
    assert.equal(log.match(/Done:/g)?.length, 1);
  });
}

journey("hosts serve on while there is no server at all, and deploys go on afterwards", async ({ ana, ...j }) => {
  await j.makeLive("prod", first);
  await j.stopServer();
  j.host("prod-2").engine.powerCut();
  await j.serves("prod", first);
  await assert.rejects(j.local("status"), /no Gantry server runs/);
  await j.startServer();
  await j.makeLive("prod", newest);
  await ana.says("/gantry history api prod");
  await j.told(ana, /#2 .*live[\s\S]*#1 .*live/);
});

journey("a request that waited through a restart can be approved by its old button", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await j.killAndStartServer();
  await bo.clicks("Approve");
  await j.card("Live");
  await j.serves("prod", first);
});

journey("a request that expired while the server was away is expired, not approved", async ({ ana, bo, clock, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await j.stopServer();
  await clock.passes(31 * 60_000);
  await j.startServer();
  await j.card("Expired");
  await bo.says("/gantry approve 1");
  await j.told(bo, "#1 is expired now", "Reason: already_ended");
  await j.serves("prod", "nothing");
});

journey(
  "a soak that ended while the server was away goes on at once",
  async ({ ana, bo, clock, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    await bo.clicks("Approve");
    await j.card("Soaking · batch 1 of 2");
    await j.stopServer();
    await clock.passes(11 * 60_000);
    await j.startServer();
    await j.card("Soaking · batch 2 of 2");
    await clock.passes(11 * 60_000);
    await j.card("Live");
  },
  { service: { soak: "10m" } },
);

journey("a second server on the same data ends at once and says why", async (j) => {
  await assert.rejects(j.startServer(), /Another server|another server|locked/i);
  await j.makeLive("staging", first);
});

journey("the metrics and pages of operations tell what happened", async (j) => {
  await j.makeLive("staging", first);
  const metrics = await (await j.page("/metrics")).text();
  assert.match(metrics, /gantry_[a-z_]*command[a-z_]*\{[^}]*verb="deploy"[^}]*\} 1/);
  assert.match(metrics, /gantry_[a-z_]*hosts?[a-z_]*(\{[^}]*connected[^}]*\}| )\s*\d/);
  const ready = await j.page("/readyz");
  assert.equal(ready.status, 200, await ready.text());
});
