// Who decides, who may not, and what the one who comes second is told.
import assert from "node:assert/strict";
import { buttonsOf } from "../../src/rehearsal/slack/render.ts";
import { first, journey, newest, second, twoCaptains } from "../kit/journey.ts";

journey("a rejection asks why, tells the requester, and touches nothing", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await bo.clicks("Reject");
  await j.until(() => bo.modal() !== null);
  assert.equal(bo.modal()?.title, "Reject #1");
  assert.match(bo.modal()?.rendered ?? "", /Rollout #1: api → prod. The requester is told why./);
  await bo.submits();
  assert.deepEqual(Object.values(bo.modal()?.errors ?? {}), ["Please complete this required field."]);
  await bo.fills({ "Why not?": "wait for the <fix> of login & co" });
  await bo.submits();
  assert.equal(bo.modal(), null);
  const card = await j.card("Rejected");
  assert.match(card, /nothing was touched/);
  assert.match(card, /wait for the <fix> of login & co/);
  assert.match(card, /Rejected by @bo/);
  assert.deepEqual(j.buttons(), []);
  await j.told(ana, "Rejected by @bo", "wait for the <fix>");
  await j.serves("prod", "nothing");
});

journey(
  "the requester may not approve what they asked for",
  async ({ bo, ...j }) => {
    await bo.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    await bo.clicks("Approve");
    await j.told(bo, "You asked for #1; someone else of release-captains must decide", "Reason: own_request");
    await j.card("Waits for approval");
    await j.serves("prod", "nothing");
  },
  twoCaptains,
);

journey(
  "a terminal may not approve what was asked for in Slack: nobody knows whether it is the requester",
  async ({ bo, eva, ...j }) => {
    await bo.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    const answer = await j.local("approve 1", "bo");
    assert.match(answer.text, /#1 was asked for in Slack, and from a terminal Gantry cannot tell that it was not you/);
    assert.match(answer.text, /approves it in Slack, on its card or with `\/gantry approve 1`\.\nReason: own_request/);
    await j.card("Waits for approval");
    await eva.clicks("Approve");
    await j.card("Live");
    await j.local(`deploy api prod ${second}`, "bo");
    await j.card("Waits for approval", 2);
    assert.match((await j.local("approve 2", "bo")).text, /You asked for #2/);
    await j.local("approve 2", "root");
    await j.card("Live", 2);
    await bo.says(`/deploy api prod ${newest}`);
    await j.card("Waits for approval", 3);
    await j.local("reject 3 it must wait", "root");
    await j.card("Rejected", 3);
  },
  {
    service: {
      people: [
        "  deployers: { users: [U0BO], local: [bo] }",
        "  release-captains: { users: [U0BO, U0EVA], local: [bo, root] }",
        "  oncall: { users: [U0EVA] }",
      ],
    },
  },
);

journey(
  "a request that too few people could approve is refused when it is asked for",
  async ({ bo, ...j }) => {
    await bo.says(`/deploy api prod ${first}`);
    await j.told(
      bo,
      "api prod needs 2 approvals by release-captains, and only 1 besides you can give them",
      "Reason: no_approvers",
    );
    assert.equal(j.cards(), 0);
  },
  { service: { ...twoCaptains.service, required: 2 } },
);

journey("a stranger may neither approve, nor reject, nor cancel, by button or by word", async ({ ana, zed, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await zed.clicks("Approve");
  await j.told(zed, "Only release-captains may decide about api prod; you are not one of them", "Reason: not_allowed");
  await zed.says("/gantry approve 1");
  await j.told(zed, "Only release-captains may decide", "Reason: not_allowed");
  await zed.says("/gantry reject 1 I do not like it");
  await j.told(zed, "Only release-captains may decide", "Reason: not_allowed");
  await zed.says("/gantry cancel 1");
  await j.told(zed, "may cancel a rollout of api prod", "Ask someone of deployers or oncall or release-captains");
  await j.card("Waits for approval");
  await j.serves("prod", "nothing");
});

journey(
  "of two who approve at once one wins, and the other is told who and what is happening",
  async ({ ana, bo, eva, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    await Promise.all([bo.clicks("Approve"), eva.clicks("Approve")]);
    const card = await j.card("Live");
    const winner = /Approved by @(bo|eva)/.exec(card)?.[1];
    assert.equal(card.match(/Approved by/g)?.length, 1);
    const loser = winner === "bo" ? eva : bo;
    await j.told(loser, new RegExp(`#1 is [a-z ]+ now, approved by ${winner}`), /Reason: already_(decided|ended)/);
  },
  twoCaptains,
);

journey("a second click of the same person changes nothing", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await Promise.all([bo.clicks("Approve"), bo.clicks("Approve")]);
  const card = await j.card("Live");
  assert.equal(card.match(/Approved by/g)?.length, 1);
  await j.told(bo, /#1 is [a-z ]+ now, approved by bo/);
  assert.equal(j.cards(), 1);
});

journey(
  "where the file asks for two approvals, two people must give them",
  async ({ ana, bo, eva, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval (0 of 2)");
    await bo.clicks("Approve");
    await j.card("Waits for approval (1 of 2)");
    await bo.clicks("Approve");
    await j.told(bo, "You have approved #1 already", "Another approver is needed", "Reason: already_approved");
    await j.serves("prod", "nothing");
    await eva.clicks("Approve");
    assert.match(await j.card("Live"), /Approved by @bo[\s\S]*Approved by @eva/);
  },
  { service: { ...twoCaptains.service, required: 2 } },
);

journey("a click on the card of another plan is refused", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await bo.clicksRaw({ action_id: "verb:approve", value: JSON.stringify({ rollout: 1, planHash: "0123456789abcdef" }) });
  await j.told(bo, "That button was made for another plan than the one of #1", "Reason: stale_click");
  await j.card("Waits for approval");
});

journey("a forged value is refused, whatever its shape", async ({ ana, bo, slack, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  const { ts } = slack.channel("deploys").latest();
  const forged = [
    "",
    "{",
    "null",
    "[]",
    "142",
    '{"rollout":1}',
    '{"rollout":"1","planHash":"x"}',
    '{"rollout":-1,"planHash":"x"}',
    '{"rollout":1,"planHash":"x","by":"U0EVA"}',
    `{"rollout":1,"planHash":"${"a".repeat(1900)}"}`,
  ];
  for (const action_id of ["verb:approve", "verb:reject", "verb:cancel", "verb:rollback"]) {
    for (const value of forged) {
      await bo.clicksRaw({ action_id, value, ts });
      await j.told(bo, "Nothing was changed", "Reason: stale_click");
    }
  }
  await bo.clicksRaw({ action_id: "verb:format-disk", value: "{}", ts });
  await j.told(bo, "That button belongs to another version of Gantry", "Reason: stale_click");
  await bo.clicksRaw({ action_id: "verb:approve", value: JSON.stringify({ rollout: 99, planHash: "0123456789abcdef" }), ts });
  await j.told(bo, "There is no rollout #99", "Reason: unknown_rollout");
  await j.card("Waits for approval");
  await j.serves("prod", "nothing");
});

journey("a click after the end is told how it ended", async ({ ana, bo, slack, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  const approve = buttonsOf(slack.channel("deploys").latest().blocks).find((button) => button.label === "Approve");
  await ana.says("/gantry cancel 1 too early");
  await j.card("Cancelled");
  await bo.clicksRaw({ action_id: "verb:approve", value: String(approve?.element["value"]) });
  await j.told(bo, "#1 is cancelled now, ended by ana", "Reason: already_ended");
  await j.serves("prod", "nothing");
});

journey("a request that nobody decides expires, and the requester is told", async ({ ana, bo, clock, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await clock.passes(29 * 60_000);
  await j.card("Waits for approval");
  await clock.passes(61_000);
  const card = await j.card("Expired");
  assert.match(card, /nobody decided in time · nothing was touched/);
  assert.deepEqual(j.buttons(), []);
  await j.told(ana, "Expired");
  await bo.says("/gantry approve 1");
  await j.told(bo, "#1 is expired now", "Reason: already_ended");
  await j.serves("prod", "nothing");
});

journey(
  "a host that joins after the request makes it another plan: nobody approves what they have not seen",
  async ({ ana, bo, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval");
    await j.join("prod-4", "prod");
    await bo.clicks("Approve");
    await j.told(bo, "The plan of #1 does not hold any more: prod-4 joined", "Ask for the rollout again", "Reason: plan_changed");
    assert.match(await j.card("Cancelled"), /The plan changed since it was made: prod-4 joined/);
    await j.told(ana, "Cancelled");
    await ana.says(`/deploy api prod ${first}`);
    await j.card("4: first prod-1", 2);
    await bo.clicks("Approve");
    await j.card("Live", 2);
    await j.serves("prod", first);
  },
);

journey("so does a service file that was edited meanwhile", async ({ ana, bo, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  j.edit({ compose: ["environment: { MODE: careful }"] });
  await j.stopServer();
  await j.startServer();
  await bo.clicks("Approve");
  await j.told(bo, "the service file was edited", "Reason: plan_changed");
  await j.card("Cancelled");
  await j.serves("prod", "nothing");
});

journey("a rollout can be cancelled while it waits, by the button's word too", async ({ ana, ...j }) => {
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval");
  await ana.says("/gantry cancel 1");
  assert.match(await j.card("Cancelled"), /nothing was touched[\s\S]*Cancelled by @ana/);
  await ana.says("/gantry cancel 1");
  await j.told(ana, "#1 is cancelled now, ended by ana", "Reason: already_ended");
});

journey("cancelled in the middle, every touched host is put back", async ({ ana, bo, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-2").waitsBefore("start");
  await bo.clicks("Approve");
  await j.host("prod-2").stands("start");
  await j.card("2 of 3 hosts done");
  await bo.clicks("Stop and put back", { confirm: true });
  await j.card("Being put back");
  goOn();
  const card = await j.card("Cancelled, put back");
  assert.match(card, /r1 serves again on all 3 hosts/);
  assert.match(card, /Cancelled by @bo/);
  await j.serves("prod", first);
  await ana.says("/gantry status api prod");
  await j.told(ana, "api prod: r1 1a4c9e2");
});
