// Slack fails in its own ways; rollouts go on, and the card is right as soon as it can be.
import assert from "node:assert/strict";
import { eventually } from "../kit/eventually.ts";
import { first, journey, second } from "../kit/journey.ts";

journey("Slack is gone while a rollout goes on; afterwards the card is right", async ({ ana, bo, slack, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-1").waitsBefore("start");
  await bo.clicks("Approve");
  await j.host("prod-1").stands("start");
  slack.faults.refuseConnections(true);
  slack.faults.failNext("*", { drop: true, times: 10_000 });
  slack.faults.killSockets();
  goOn();
  await j.serves("prod", second);
  const ready = await j.page("/readyz");
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /chat_unreachable/);
  await eventually(async () => assert.match((await j.local("status api prod")).text, /api prod: r2 \(3f2a1c9\)/));
  slack.faults.clear();
  await slack.connected();
  await j.clock.passes(60_000);
  await j.card("Live · on 3 hosts", 2);
  await j.told(ana, "Live · on 3 hosts", "#2");
});

journey("Slack swallows everything for a while: nothing is lost, nothing is said twice", async ({ ana, slack, clock, ...j }) => {
  await ana.says(`/deploy api staging ${first}`);
  await j.card("Live");
  slack.faults.blackhole(true);
  const rollout = await j.local(`deploy api staging ${second}`);
  assert.equal(rollout.ok, true, rollout.text);
  await j.serves("staging", second);
  slack.faults.blackhole(false);
  slack.faults.killSockets();
  await slack.connected();
  await clock.passes(60_000);
  await j.card("Live", 2);
  const notices = slack
    .direct("ana")
    .messages()
    .filter((m) => m.rendered.includes("#1"));
  assert.equal(notices.length, 1);
});

journey("a storm of 429 delays what is shown, and the last word is right", async ({ ana, bo, slack, clock, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  for (let i = 0; i < 12; i += 1) {
    slack.faults.rateLimit("chat.update", 1);
    slack.faults.rateLimit("chat.postMessage", 1);
  }
  await bo.clicks("Approve");
  await j.serves("prod", first);
  for (let i = 0; i < 40; i += 1) await clock.passes(1_100);
  await j.card("Live");
  const log = await j.thread("Done: 3 hosts on r1");
  assert.equal(log.match(/Approved by/g)?.length, 1, "each line once, in order");
  assert.ok(log.indexOf("Batch 1 of 2") < log.indexOf("Batch 2 of 2"));
});

journey(
  "the answer to the post of a card is lost: there is one rollout, and its card is live",
  async ({ ana, slack, clock, ...j }) => {
    slack.faults.failNext("chat.postMessage", { lostResponse: true });
    await ana.says(`/deploy api staging ${first}`);
    await j.serves("staging", first);
    await clock.passes(10_000);
    await j.card("Live");
    const history = await j.local("history api staging");
    assert.equal(history.text.trim().split("\n").length, 1);
  },
);

journey("a deleted card is posted again", async ({ ana, bo, slack, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  slack.faults.failNext("chat.update", { error: "message_not_found" });
  await bo.says("/gantry approve 1");
  await j.card("Live");
  assert.equal(j.cards(), 2);
});

journey("a revoked bot token: the process lives, says why, and the command line works", async ({ ana, slack, ...j }) => {
  await j.makeLive("staging", first);
  slack.faults.revokeBotToken();
  slack.faults.killSockets();
  await ana.says(`/deploy api staging ${second}`).catch(() => undefined);
  await j.clock.passes(60_000);
  assert.equal((await j.page("/healthz")).status, 200);
  const ready = await j.page("/readyz");
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /"reason":"chat_auth".*Slack refuses the token/);
  const answer = await j.local(`deploy api staging ${second}`);
  assert.equal(answer.ok, true);
  await j.serves("staging", second);
  slack.faults.restoreTokens();
  await j.clock.passes(10 * 60_000);
  await slack.connected();
  await j.card("Live", 2);
  assert.equal((await j.page("/readyz")).status, 200);
});

journey("an envelope that Slack delivers again changes nothing", async ({ ana, bo, slack, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await slack.faults.redeliverLast();
  await j.card("Waits for approval");
  await bo.clicks("Approve");
  await slack.faults.redeliverLast();
  await j.card("Live");
  await slack.faults.redeliverLast();
  await ana.says("/gantry history api");
  const history = await j.told(ana, "live, took");
  assert.equal(history.match(/#\d/g)?.length, 1);
  assert.equal(j.cards(), 1);
  assert.doesNotMatch(
    slack.channel("deploys").transcript(),
    /already_decided|already_ended/,
    "nobody is told of what they did once",
  );
});

journey(
  "the same journey over signed HTTP requests instead of Socket Mode",
  async ({ ana, bo, eva, ...j }) => {
    await j.makeLive("prod", first);
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    await bo.clicks("Approve");
    await j.card("Live", 2);
    await eva.says("/rollback api prod");
    await j.told(eva, "Roll back api → prod?");
    await eva.clicks("Roll back");
    await j.card("Rolled back ·", 3);
    await j.serves("prod", first);
    await ana.says("/deploy");
    await j.until(() => ana.modal() !== null);
  },
  { slackMode: "http" },
);
