// The same verbs on the server's own machine, for when Slack is not there. Roles count here as they do in chat.
import assert from "node:assert/strict";
import { first, journey, second } from "../kit/journey.ts";

journey("an operator deploys, looks and rolls back from the terminal; the card appears in the team's channel", async (j) => {
  const asked = await j.local(`deploy api staging ${first}`);
  assert.match(asked.text, /^api staging 1a4c9e2 \(#1\): /);
  await j.card("Live");
  await j.serves("staging", first);
  await j.local(`deploy api staging ${second}`);
  await j.card("Live", 2);
  const preview = await j.local("rollback api staging");
  assert.match(
    preview.text,
    /api staging: roll back to r1 \(1a4c9e2\)\?[\s\S]*To do it: press Roll back, or type `\/rollback api staging r1 --now`/,
  );
  const back = await j.local("rollback api staging --now --reason 'errors on login'");
  assert.match(back.text, /rollback/);
  assert.match(await j.card("Rolled back ·", 3), /errors on login/);
  await j.serves("staging", first);
  const history = await j.local("history");
  assert.match(history.text, /#3 .*rollback r1 .*: rolled back.* by root\n#2 .*\n#1 /);
});

journey("who has no role on the machine has none", async (j) => {
  for (const words of [`deploy api staging ${first}`, "rollback api staging --now"]) {
    const answer = await j.local(words, "mallory");
    assert.match(answer.text, /you are not one of them[\s\S]*Reason: not_allowed/);
  }
  assert.match((await j.local("status", "mallory")).text, /api staging: nothing is live/);
  assert.equal(j.cards(), 0);
});

journey("the requester at the terminal and an approver in Slack are one story", async ({ bo, ...j }) => {
  await j.local(`deploy api prod ${first} --reason "from the console"`);
  const card = await j.card("Waits for approval");
  assert.match(card, /Asked by\nroot/);
  assert.match((await j.local("approve 1")).text, /Only release-captains may decide[\s\S]*Reason: not_allowed/);
  await bo.clicks("Approve");
  await j.card("Live");
  await j.serves("prod", first);
});

journey("a form becomes a usage line where there are no forms", async (j) => {
  const answer = await j.local("deploy api");
  assert.equal(answer.ok, false);
  assert.match(answer.text, /These words are missing: environment, ref[\s\S]*Usage:/);
});
