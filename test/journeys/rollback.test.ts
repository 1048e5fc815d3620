// The way back: for whoever is on call, from any state, without anybody's leave and without anybody's servers.
import assert from "node:assert/strict";
import { first, journey, newest, second, third, unhealthy } from "../kit/journey.ts";

journey("on call, one command shows where to and one tap goes there", async ({ eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod");
  const preview = await j.told(eva, "Roll back api → prod?");
  assert.match(preview, /Live now\nr2 3f2a1c9/);
  assert.match(preview, /Back to\nr1 1a4c9e2/);
  assert.match(preview, /3: prod-1, prod-2, prod-3/);
  assert.match(preview, /Rollback to r1: ready on 3 of 3 hosts/);
  assert.equal(j.cards(), 2, "looking changes nothing");
  await eva.clicks("Roll back");
  const card = await j.card("Rolled back ·");
  assert.match(card, /^api → prod rollback #3/);
  assert.match(card, /r2 3f2a1c9 → r1 1a4c9e2/);
  await j.serves("prod", first);
  assert.deepEqual(j.buttons(), []);
});

journey("a preview can be waved off", async ({ eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod");
  await j.told(eva, "Roll back api → prod?");
  await eva.clicks("Never mind");
  await j.told(eva, "Nothing was changed");
  await j.serves("prod", second);
});

journey("with --now it goes at once, to the release that is named, and says why", async ({ eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await j.makeLive("prod", third);
  await eva.says('/rollback api prod r1 --now --reason "logins fail"');
  assert.match(await j.card("Rolled back ·"), /logins fail/);
  await j.serves("prod", first);
});

journey("the card of what went wrong has the way back on it", async ({ eva, ana, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await ana.clicks("Roll back");
  await j.told(
    ana,
    "Only oncall may roll back api prod; you are not one of them",
    "Ask someone of oncall",
    "Reason: not_allowed",
  );
  await eva.clicks("Roll back");
  await j.told(eva, "Roll back api → prod?");
  await eva.clicks("Roll back");
  await j.card("Rolled back ·");
  await j.serves("prod", first);
});

journey("who is not on call may not, by any door", async ({ ana, bo, zed, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  for (const person of [ana, bo, zed]) {
    await person.says("/rollback api prod");
    await j.told(person, "Only oncall may roll back api prod", "Reason: not_allowed");
    await person.says("/rollback api prod --now");
    await j.told(person, "Only oncall may roll back api prod", "Reason: not_allowed");
  }
  const refused = await j.local("rollback api prod --now", "mallory");
  assert.match(refused.text, /Only oncall may roll back api prod[\s\S]*Reason: not_allowed/);
  await j.serves("prod", second);
});

journey("a second rollback never returns to the bad release", async ({ eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod --now");
  await j.card("Rolled back ·");
  await eva.says("/rollback api prod --now");
  await j.told(
    eva,
    "api prod has no earlier good release: r1 is the only one that was ever good there",
    "Reason: no_earlier_good",
  );
  await eva.says("/rollback api prod r2 --now");
  await j.told(eva, "r2 was judged bad there", "Reason: bad_release");
  await eva.says("/rollback api prod r1 --now");
  await j.told(eva, "r1 is what runs in prod now", "Reason: already_live");
  await eva.says("/rollback api prod r77 --now");
  await j.told(eva, "api has no release r77", "Reason: no_earlier_good");
  await j.serves("prod", first);
});

journey("what was rolled back is bad: shipping it again takes a reason and a second person", async ({ ana, bo, eva, ...j }) => {
  await j.makeLive("staging", second);
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod --now");
  await j.card("Rolled back ·");
  await ana.says(`/deploy api prod ${second}`);
  await j.told(
    ana,
    /was judged bad in prod by #4 at .* UTC: rolled back by eva/,
    "--allow-bad and a second person",
    "Reason: bad_release",
  );
  await ana.says("/promote api prod");
  await j.told(ana, "was judged bad in prod", "Reason: bad_release");
  await ana.says(`/deploy api prod ${second} --allow-bad`);
  await j.told(ana, "`--allow-bad` needs a reason", "Reason: missing_word");
  assert.equal(j.cards(), 4);

  await ana.says(`/deploy api prod ${second} --allow-bad --reason the alarm was false`);
  const card = await j.card("Waits for approval");
  assert.match(card, /r1 was judged bad here \(.*rolled back by eva.*\) and is asked for anyway: the alarm was false/);
  await bo.clicks("Approve");
  await j.card("Live", 5);
  await j.serves("prod", second);
});

journey("even where nobody must approve, a bad release needs somebody else", async ({ ana, bo, ...j }) => {
  await j.makeLive("staging", first);
  await ana.says(`/deploy api staging ${unhealthy}`);
  await j.card("Failed, put back");
  await ana.says(`/deploy api staging ${unhealthy} --allow-bad --reason "the database is there now"`);
  const card = await j.card("Waits for approval");
  assert.match(card, /by deployers, not the requester/);
  await ana.clicks("Approve");
  await j.told(ana, "You asked for #3", "Reason: own_request");
  await bo.clicks("Approve");
  await j.card("Failed, put back", 3);
  await j.serves("staging", first);
});

journey("--allow-bad for a release that is not bad is an ordinary request", async ({ ana, ...j }) => {
  await ana.says(`/deploy api staging ${first} --allow-bad`);
  const card = await j.card("Live");
  assert.doesNotMatch(card, /judged bad|allow-bad/);
});

journey("a request that still waits is moved aside", async ({ ana, eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await ana.says(`/deploy api prod ${newest}`);
  await j.card("Waits for approval", 3);
  await eva.says("/rollback api prod");
  await j.told(eva, "This stops rollout #3 (awaiting approval): it is cancelled before it touches a host");
  await eva.clicks("Roll back");
  await j.card("Rolled back ·", 4);
  assert.match(await j.card("Cancelled", 3), /nothing was touched[\s\S]*rolled back[\s\S]*Cancelled by @eva/);
  await j.told(ana, "Cancelled by @eva");
  await j.serves("prod", first);
});

journey("a deploy under way is stopped, and its hosts are put back", async ({ ana, bo, eva, ...j }) => {
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card("Waits for approval", 2);
  const goOn = j.host("prod-2").waitsBefore("stop");
  await bo.clicks("Approve");
  await j.host("prod-2").stands("stop");
  await eva.says("/rollback api prod");
  await j.told(eva, /This stops rollout #2 \(rolling\)\. First prod-1, prod-2, prod-3, which it has touched, go back to r1\./);
  await eva.clicks("Roll back");
  goOn();
  const card = await j.card("Rolled back ·", 2);
  assert.match(card, /r1 serves again on all 3 hosts[\s\S]*Rolled back by @eva/);
  assert.equal(j.cards(), 2, "the rollout itself goes back; there is no second one");
  await j.serves("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.told(ana, "was judged bad", "Reason: bad_release");
});

journey("the preview's button acts on what it showed, not on what came after", async ({ eva, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await eva.says("/rollback api prod");
  await j.told(eva, "Roll back api → prod?");
  await j.makeLive("prod", third);
  await eva.clicks("Roll back", { on: eva.sees("deploys").findLast((m) => m.buttons.includes("Never mind"))?.ts ?? "" });
  await j.told(eva, "api prod changed since that button was shown", "/rollback api prod", "Reason: plan_changed");
  await j.serves("prod", third);
});

journey("a host that is away makes it stuck, by name; it converges by itself when it returns", async ({ eva, clock, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  j.host("prod-2").vanishes();
  await eva.says("/rollback api prod --now");
  await j.card(/1 of 3 hosts done[\s\S]*No connection now: prod-2/);
  await clock.passes(61_000);
  const card = await j.card("Stuck, needs a person");
  assert.match(card, /prod-2: The host does not answer \(host_lost\)/);
  assert.match(card, /A person is needed on prod-2: look there now. The others serve r1/);
  assert.deepEqual(j.serving("prod"), { "prod-1": first, "prod-2": second, "prod-3": first });
  await eva.says("/gantry hosts");
  await j.told(eva, /prod-2 no connection for 1 min/);
  j.host("prod-2").returns();
  await j.serves("prod", first);
});

journey("an environment that never had a good release says so", async ({ eva, ...j }) => {
  await eva.says("/rollback api prod");
  await j.told(
    eva,
    "api prod has no earlier good release: nothing has been deployed there yet",
    "/deploy api prod <commit>",
    "Reason: no_earlier_good",
  );
});

journey(
  "the registry, GitHub and Jira may all be down",
  async ({ eva, github, jira, ...j }) => {
    await j.makeLive("prod", first);
    await j.makeLive("prod", second);
    j.registryDown(true);
    await Promise.all([github.stop(), jira.stop()]);
    await eva.says("/rollback api prod --now");
    await j.card("Rolled back ·");
    await j.serves("prod", first);
  },
  { links: true },
);
