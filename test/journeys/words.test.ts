// What people type: missing words, wrong words, junk. Each gets one clear answer with a way on, and nothing happens.
import assert from "node:assert/strict";
import { first, journey, newest, second } from "../kit/journey.ts";

journey("unknown words are answered with what was probably meant", async ({ ana, ...j }) => {
  await ana.says("/gantry stauts");
  await j.told(ana, "stauts", /did you mean `?status/i, "Reason: unknown_verb");
  await ana.says(`/deploy appi prod ${first}`);
  await j.told(ana, "appi", /did you mean `?api/i, "Reason: unknown_service");
  await ana.says(`/deploy api prdo ${first}`);
  await j.told(ana, "prdo", /did you mean `?prod/i, "Reason: unknown_environment");
  await ana.says(`/deploy api prod ${first} --allow-bda`);
  await j.told(ana, "--allow-bda", /did you mean `?--allow-bad/i, "Reason: unknown_flag");
  await ana.says(`/deploy api prod ${first} ${second}`);
  await j.told(ana, "Reason: too_many_words");
  await ana.says("/gantry approve twelve");
  await j.told(ana, "twelve", "Reason: bad_word");
  await ana.says("/gantry approve 12");
  await j.told(ana, "There is no rollout #12", "Reason: unknown_rollout");
  assert.equal(j.cards(), 0);
});

journey("words that are missing are asked for in a form, and the form asks for the rollout", async ({ ana, ...j }) => {
  await ana.says("/deploy api");
  await j.until(() => ana.modal() !== null);
  assert.equal(ana.modal()?.title, "Deploy");
  await ana.fills({ Environment: "staging", "Commit, tag or branch": newest, Reason: "to look at it" });
  await ana.submits();
  const card = await j.card("Live");
  assert.match(card, /to look at it/);
  await j.serves("staging", newest);
});

journey("what a form says passes the same checks as what is typed", async ({ ana, zed, ...j }) => {
  await ana.says("/deploy");
  await j.until(() => ana.modal() !== null);
  await ana.fills({ Service: "api", Environment: "prod", "Commit, tag or branch": "no such thing" });
  await ana.submits();
  await j.told(ana, /no such thing/, /Reason: (bad_word|unknown_ref)/);
  await zed.says("/deploy api staging");
  await j.until(() => zed.modal() !== null);
  await zed.fills({ "Commit, tag or branch": newest });
  await zed.submits();
  await j.told(zed, "Only deployers may deploy", "Reason: not_allowed");
  assert.equal(j.cards(), 0);
});

journey("a rollback or a promotion never guesses its environment", async ({ eva, ana, ...j }) => {
  await eva.says("/rollback api");
  await j.told(eva, "environment", "Reason: missing_word");
  await ana.says("/promote api");
  await j.told(ana, "Reason: missing_word");
  await ana.says("/gantry reject 1");
  await j.told(ana, "Reason: missing_word");
});

journey("junk gets one answer each, and harms nothing", async ({ ana, ...j }) => {
  const junk = [
    "/gantry 🔥🔥🔥",
    "/gantry '; drop table rollout; --",
    "/gantry \u202Egnp.exe \u0000\u0007",
    `/gantry ${"x".repeat(2000)}`,
    `/deploy api prod ${"a".repeat(2000)}`,
    "/deploy api prod ../../etc/passwd",
    "/deploy api prod $(reboot)",
    "/deploy api prod <!channel>",
    "/deploy __proto__ prod abc1234",
    "/deploy api constructor abc1234",
    "/gantry approve 99999999999999999999",
    "/gantry approve -1",
    "/gantry deploy api prod --reason",
  ];
  for (const line of junk) {
    await ana.says(line);
    const answer = await j.told(ana, /Reason: [a-z_]+/);
    assert.doesNotMatch(answer, /internal|undefined|\[object/, line);
    assert.ok(answer.length < 1200, `${line.slice(0, 40)}: an answer of ${answer.length} characters`);
  }
  assert.equal(j.cards(), 0);
  await ana.says(`/deploy api staging ${first}`);
  await j.card("Live");
});

journey("curly quotes, long dashes and hard spaces of phones are understood", async ({ ana, ...j }) => {
  await ana.says(`/deploy\u00a0api   staging ${first} —reason “it’s time”`);
  assert.match(await j.card("Live"), /it.s time/);
});

journey("a mention, a channel or a link where a plain word belongs is refused for what it is", async ({ ana, ...j }) => {
  await ana.says("/deploy api prod @bo");
  await j.told(ana, "@bo is a person or a group; a plain word is needed there", "Reason: bad_word");
  await ana.says("/deploy api prod #deploys");
  await j.told(ana, "#deploys is a channel; a plain word is needed there", "Reason: bad_word");
  await ana.says("/deploy api prod https://github.com/acme/api/commit/1a4c9e2");
  await j.told(ana, /Reason: (bad_word|unknown_ref)/);
  assert.equal(j.cards(), 0);
});

journey(
  "a commit may be short, long or in capitals; what fits several or none is refused with candidates",
  async ({ ana, registry, ...j }) => {
    await ana.says("/deploy api staging 0000000");
    await j.told(ana, "No build of api for `0000000`", "Builds there:", "b6f3e71", "Reason: unknown_ref");
    registry.push({ repository: "api", tag: "1a4c9e2ffffffffffffffffffffffffffffffff0", content: "twin" });
    await ana.says("/deploy api staging 1a4c9e2");
    await j.told(ana, "`1a4c9e2` begins", "1a4c9e2fffff", "Reason: ambiguous_ref");
    await ana.says("/deploy api staging 3f2a1");
    await j.told(ana, "shorter than 6 digits", "3f2a1c9", "Reason: ambiguous_ref");
    await ana.says("/deploy api staging 3F2A1C9");
    await j.card("Live");
    await j.serves("staging", second);
  },
);

journey(
  "a mention does what a slash command does, in a thread as well; talk about Gantry does nothing",
  async ({ ana, slack, ...j }) => {
    await ana.says("hello everyone");
    const { ts } = slack.channel("deploys").latest();
    await ana.says("@gantry status api", { thread: ts });
    await j.told(ana, "api staging: nothing is live");
    assert.equal(ana.sees("deploys").at(-1)?.thread_ts, ts, "the answer stands where the question was asked");
    await ana.says(`@gantry deploy api staging ${first}`);
    await j.card("Live");
    await ana.says("yesterday @gantry deploy api prod broke");
    await ana.says("@gantry");
    await j.told(ana, "/deploy SERVICE ENVIRONMENT REF");
    assert.equal(j.cards(), 1);
    await j.serves("prod", "nothing");
  },
);

journey("in a direct message with Gantry the card stands there", async ({ ana, ...j }) => {
  await ana.says(`/deploy api staging ${first}`, { in: "gantry" });
  await j.told(ana, /^api → staging #1\n.*Live/);
  await j.serves("staging", first);
  assert.equal(j.cards(), 0);
});

journey("everybody can look: status, history, hosts, help and the Home tab", async ({ ana, zed, ...j }) => {
  await j.makeLive("prod", first);
  await j.makeLive("prod", second);
  await zed.says("/gantry status");
  await j.told(
    zed,
    "api staging: nothing is live",
    "api prod: r2 3f2a1c9 since",
    "by ana",
    "rollback goes to r1 1a4c9e2, ready on 3 of 3",
  );
  await zed.says("/gantry history api prod");
  await j.told(zed, /#2 .*api prod r2 3f2a1c9 from r1: live, took .* by ana\n.*#1 .*r1 1a4c9e2: live/);
  await zed.says("/gantry hosts");
  await j.told(zed, /prod-1 connected \(agent .*\), memory .* GiB, env=prod, api prod r2 ok/, /staging-1 connected/);
  await zed.says("/gantry help");
  await j.told(zed, "/deploy SERVICE ENVIRONMENT REF", "/rollback", "/gantry approve");
  await zed.says("/gantry help rollback");
  await j.told(zed, "Go back to what was good", "Who may: the oncall of the environment");
  await ana.says(`/deploy api prod ${first}`);
  await j.card("Waits for approval", 3);
  await zed.opensHome();
  await j.until(() => zed.home() !== null);
  assert.match(
    zed.home()?.rendered ?? "",
    /Waits for approval\n[\s\S]*api → prod #3: deploy of r1[\s\S]*What is live[\s\S]*api prod: r2 3f2a1c9/,
  );
});

journey("where Gantry is not in the channel the card goes to the team's channel", async ({ ana, slack, ...j }) => {
  await ana.says(`/deploy api staging ${first}`, { in: "random" });
  await j.card("Live");
  assert.deepEqual(slack.channel("random").messages(), []);
  await j.serves("staging", first);
});
