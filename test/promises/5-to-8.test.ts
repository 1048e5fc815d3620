// Promises 5 to 8 of the design, one test each, named after them.
import assert from "node:assert/strict";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { fold } from "../kit/fold.ts";
import { first, journey, second, twoCaptains } from "../kit/journey.ts";

journey(
  "promise 5: at most one active rollout per service and environment; no lost update",
  async ({ ana, bo, ...j }) => {
    await Promise.all([ana.says(`/deploy api prod ${first}`), bo.says(`/deploy api prod ${second}`)]);
    const card = await j.card("Waits for approval");
    const loser = /Asked by\n@ana/.test(card) ? bo : ana;
    await j.told(loser, "api prod is busy with #1", "Reason: busy");
    assert.equal(j.cards(), 1);
    // Another environment is another lock.
    await ana.says(`/deploy api staging ${first}`);
    await j.card("Live", 2);
  },
  twoCaptains,
);

journey("promise 6: history is append-only and complete", async ({ eva, clock, ...j }) => {
  await j.makeLive("prod", first);
  await clock.passes(60_000);
  const then = clock.now();
  await clock.passes(60_000);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod --now");
  await j.card("Rolled back ·");
  await j.stopServer();
  const store = openStore({ folder: j.data, migrations: migrationsFolder });
  try {
    for (const { number, state } of store.rollouts.list({ service: null, environment: null, limit: 10 })) {
      assert.deepEqual(fold(store.rollouts.events(number)), state, `the events of #${number} give its snapshot`);
    }
    for (const sql of ["delete from rollout_event", "update rollout_event set at = 0", "delete from rollout"]) {
      assert.throws(() => store.db.exec(sql), /append-only|never deleted/, sql);
    }
    const key = { service: "api", environment: "prod", host: "prod-2" };
    assert.equal(store.slots.ranAt({ ...key, at: then })?.release, 1, "what ran on prod-2 a minute after the first deploy");
    assert.equal(store.slots.ranAt({ ...key, at: clock.now() })?.release, 1);
    const releases = store.db
      .prepare("select release from slot_observation where host = 'prod-2' and health = 'ok' order by id")
      .pluck()
      .all();
    assert.deepEqual([...new Set(releases)], [1, 2], "and that r2 ran there in between");
  } finally {
    store.close();
  }
});

journey(
  "promise 7: going back to what was good here is always allowed to on-call, and needs nobody else's servers",
  async ({ ana, slack, github, jira, ...j }) => {
    await j.makeLive("prod", first);
    await j.makeLive("prod", second);
    // Somebody's request waits, and everything outside is down, Slack too.
    await ana.says("/deploy api prod b6f3e71");
    await j.card("Waits for approval", 3);
    j.registryDown(true);
    await Promise.all([github.stop(), jira.stop()]);
    slack.faults.refuseConnections(true);
    slack.faults.failNext("*", { drop: true, times: 100_000 });
    slack.faults.killSockets();
    const answer = await j.local("rollback api prod --now");
    assert.match(answer.text, /api prod 1a4c9e2 \(#4\): rollback/);
    await j.serves("prod", first);
  },
  { links: true },
);

journey(
  "promise 8: a bad release is not shipped again by anyone or anything without a named person saying so twice",
  async ({ ana, bo, eva, ...j }) => {
    await j.makeLive("staging", second);
    await j.makeLive("prod", first);
    await j.makeLive("prod", second);
    await eva.says("/rollback api prod --now");
    await j.card("Rolled back ·");
    for (const words of [`/deploy api prod ${second}`, "/promote api prod", "/promote api staging prod"]) {
      await ana.says(words);
      await j.told(ana, "was judged bad in prod", "Reason: bad_release");
    }
    await eva.says("/rollback api prod r1 --now");
    await j.told(eva, "r1 was judged bad there", "Reason: bad_release");
    await j.join("prod-9", "prod");
    await j.serves("prod", first);
    await ana.says(`/deploy api prod ${second} --allow-bad --reason "the alarm was false"`);
    await j.card("is asked for anyway: the alarm was false", 5);
    await ana.clicks("Approve");
    await j.told(ana, /Reason: (own_request|not_allowed)/);
    await j.serves("prod", first);
    await bo.clicks("Approve");
    await j.card("Live", 5);
    await j.serves("prod", second);
  },
);
