import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commands } from "../../commands/index.ts";
import { closest, slips } from "../../src/core/closest.ts";
import { parse, parseCommand } from "../../src/core/grammar.ts";
import { render } from "../../src/core/render.ts";
import { find, vocabulary } from "./words.ts";

/** What Gantry understood, as one canonical line; or the reason code and what it says. */
function read(text: string): string {
  const result = parseCommand({ text, commands, vocabulary });
  if (result.ok) return render(result.command, result.args);
  return `${result.refusal.reason}: ${result.refusal.text}`;
}

function whyNot(text: string): string {
  const result = parseCommand({ text, commands, vocabulary });
  assert.ok(!result.ok, `${JSON.stringify(text)} should have been refused`);
  return result.refusal.reason;
}

describe("a command is read as it was meant", () => {
  const meant: readonly (readonly [typed: string, understood: string])[] = [
    ["deploy api prod abc1234", "deploy api prod abc1234"],
    ["deploy api to prod abc1234", "deploy api prod abc1234"],
    ["deploy api@main to staging", "deploy api staging main"],
    ["deploy api:v1.4.0 prod", "deploy api prod v1.4.0"],
    ["deploy api prod feature/login", "deploy api prod feature/login"],
    ["deploy", "deploy"],
    ["deploy api", "deploy api"],
    ["deploy api prod", "deploy api prod"],
    ["deploy api prod abc1234 --allow-bad", "deploy api prod abc1234 --allow-bad"],
    ["deploy --allow-bad api prod abc1234", "deploy api prod abc1234 --allow-bad"],
    ['deploy api prod abc1234 --reason "it is time" --allow-bad', 'deploy api prod abc1234 --allow-bad --reason "it is time"'],
    ["promote api prod", "promote api to prod"],
    ["promote api staging prod", "promote api staging prod"],
    ["promote api from staging to prod", "promote api staging prod"],
    ["rollback api prod", "rollback api prod"],
    ["rollback api on prod to r41 --now", "rollback api prod r41 --now"],
    ["rollback api prod R41", "rollback api prod r41"],
    ["approve #142", "approve 142"],
    ["approve 142", "approve 142"],
    ["reject 142 wrong commit, sorry", "reject 142 wrong commit, sorry"],
    ["cancel 142", "cancel 142"],
    ["cancel 142 the metrics look wrong", "cancel 142 the metrics look wrong"],
    ["pause #142", "pause 142"],
    ["pause api prod", "pause api prod"],
    ["pause api on prod: it looks odd", "pause api prod it looks odd"],
    ["pause 142 api is slow", "pause 142 api is slow"],
    ["resume api to prod", "resume api prod"],
    ["continue api prod prod-3 is being replaced", "continue api prod prod-3 is being replaced"],
    ["skip-soak 142", "skip-soak 142"],
    ["why prod-3", "why prod-3"],
    ["why #142", "why 142"],
    ["why staging prod", "why staging prod"],
    ["lock api prod --for 90min sale", 'lock api prod "sale" --for 1h30m'],
    ["lock staging on prod sale --for=1d", 'lock staging prod "sale" --for 1d'],
    ["cordon Prod-3.example.com", "cordon Prod-3.example.com"],
    ["deploy api prod abc1234 --wait", "deploy api prod abc1234 --wait"],
    ["status", "status"],
    ["status prod", "status on prod"],
    ["history api 20", "history api 20"],
    ["history 20", "history 20"],
    ["hosts", "hosts"],
    ["help rollback", "help rollback"],
  ];
  for (const [typed, understood] of meant) test(typed, () => assert.equal(read(typed), understood));

  test("/deploy status is status, /promote help is help about promote, and nothing at all is help", () => {
    assert.equal(read("deploy status api"), "status api");
    assert.equal(read("deploy rollback api prod"), "rollback api prod");
    assert.equal(read("promote help"), "help promote");
    assert.equal(read(""), "help");
    assert.equal(read("@gantry status"), "unknown_verb: `@gantry` is not a command.");
    assert.equal(read("<@U0BOT> status"), "status");
  });
});

describe("what keyboards and Slack do to a line is undone", () => {
  const meant: readonly (readonly [name: string, typed: string, understood: string])[] = [
    ["a mention inside a mention", "reject 142 <<@U1>>", "reject 142 @U1>"],
    ["capitals", "Deploy API Prod ABC1234", "deploy api prod ABC1234"],
    ["runs of spaces", "deploy  api   prod\tabc1234 ", "deploy api prod abc1234"],
    ["no-break spaces", "deploy\u00A0api\u202Fprod\u00A0abc1234", "deploy api prod abc1234"],
    ["a zero-width joiner inside a word", "deploy ap\u200Di prod abc1234", "deploy api prod abc1234"],
    ["a right-to-left override", "deploy api \u202Eprod\u202C abc1234", "deploy api prod abc1234"],
    ["curly quotes around a word", "deploy \u201Capi\u201D prod abc1234", "deploy api prod abc1234"],
    ["an em dash before a flag", "rollback api prod \u2014now", "rollback api prod --now"],
    ["an en dash and a hyphen", "rollback api prod \u2013-now", "rollback api prod --now"],
    ["an automatic link", "deploy <http://api|api> prod <http://v1.4.0|v1.4.0>", "deploy api prod v1.4.0"],
    ["backticks around the commit", "deploy api prod `abc1234`", "deploy api prod abc1234"],
    ["backticks around everything", "`deploy api prod abc1234`", "deploy api prod abc1234"],
    ["a full stop at the end", "deploy api prod abc1234.", "deploy api prod abc1234"],
    ["an exclamation mark, which forces nothing", "deploy api prod abc1234!", "deploy api prod abc1234"],
    ["commas between the words", "deploy api, prod, abc1234", "deploy api prod abc1234"],
    ["entities in a reason", "reject 142 a &lt; b &amp;&amp; c", "reject 142 a &lt; b && c"],
    [
      "mentions in a reason become names",
      "reject 142 ask <@U0ANA|ana> in <#C1|ops> <!here>",
      "reject 142 ask @ana in #ops @here",
    ],
  ];
  for (const [name, typed, understood] of meant) test(name, () => assert.equal(read(typed), understood));
});

describe("free text is never looked into", () => {
  test("a reason that ends like an option is a reason", () => {
    const result = parse({ ...find("deploy"), text: "api prod abc1234 --reason it broke --allow-bad", vocabulary });
    assert.ok(result.ok);
    assert.equal(result.args["reason"], "it broke --allow-bad");
    assert.equal(result.args["allowBad"], false);
  });
  test("an apostrophe opens no quote", () => assert.equal(read("reject 142 don't"), "reject 142 don't"));
  test("a quoted word inside a reason stays", () =>
    assert.equal(read('reject 142 "api" is wrong'), 'reject 142 "\\"api\\" is wrong"'));
  test("the reason may be given as an option", () => assert.equal(read('reject 142 --reason "no"'), "reject 142 no"));
});

describe("the corpus of bad commands: each is refused with its reason", () => {
  const refused: readonly (readonly [name: string, typed: string, reason: string])[] = [
    ["2 spaces before an unknown word", "   \t nope", "unknown_verb"],
    ["3 a service alone", "api", "unknown_verb"],
    ["5 five words", "deploy api prod abc1234 again", "too_many_words"],
    ["12 full-width letters", "deploy ａｐｉ prod abc1234", "unknown_service"],
    ["13 a Cyrillic letter", "deploy \u0430pi prod abc1234", "unknown_service"],
    ["15 NUL", "deploy api prod abc\u00001234", "bad_word"],
    ["16 a second line", "deploy api staging abc1234\nrollback api prod --now", "bad_word"],
    ["17 4,000 characters", `deploy api prod ${"a".repeat(4000)}`, "too_long"],
    ["18 a link that is no service", "deploy <http://api.prod|api.prod> prod abc1234", "unknown_service"],
    ["19 a person as service", "deploy <@U123> prod abc1234", "bad_word"],
    ["19 everybody as environment", "deploy api <!channel> abc1234", "bad_word"],
    ["19 a channel as ref", "deploy api prod <#C1|general>", "bad_word"],
    ["24 HEAD~1", "deploy api prod HEAD~1", "bad_word"],
    ["26 a path that climbs", "deploy api prod refs/heads/../../x", "bad_word"],
    ["28 a digest", `deploy api prod sha256:${"a".repeat(64)}`, "bad_word"],
    ["29 a ref with a digest joined", "deploy api@sha256:abc@sha256:def prod", "bad_word"],
    ["30 -f", "deploy api prod abc1234 -f", "unknown_flag"],
    ["30 --", "deploy api prod abc1234 --", "unknown_flag"],
    ["30 --now=false", "rollback api prod --now=false", "bad_word"],
    ["30 --force", "deploy api prod abc1234 --force", "unknown_flag"],
    ["31 the same option twice", "rollback api prod --now --now", "bad_word"],
    ["32 minus one", "history api prod -1", "unknown_flag"],
    ["32 zero", "history api prod 0", "bad_word"],
    ["32 1e9", "history api prod 1e9", "bad_word"],
    ["32 Arabic digits", "history api prod ٣", "bad_word"],
    ["33 an empty reason", "deploy api prod abc1234 --reason=", "missing_word"],
    ["33 a reason of 10 kB", `deploy api prod abc1234 --reason=${"x".repeat(10_000)}`, "too_long"],
    ["34 a subshell", "deploy api prod $(reboot)", "bad_word"],
    ["34 a second command", "deploy api prod abc1234;rm -rf /", "unknown_flag"],
    ["34 a second command without options", "deploy api prod abc1234;reboot", "bad_word"],
    ["34 a pipe", "deploy api prod abc1234 | nc", "too_many_words"],
    ["35 a path as service", "deploy ../../etc/passwd prod abc1234", "unknown_service"],
    ["36 __proto__", "deploy __proto__ prod abc1234", "unknown_service"],
    ["36 constructor", "deploy api constructor abc1234", "unknown_environment"],
    ["36 toString", "toString", "unknown_verb"],
    ["37 a little word at the end", "rollback api prod to", "bad_word"],
    ["39 only an emoji", "🚀", "unknown_verb"],
    ["39 an emoji as ref", "deploy api prod 🚀", "bad_word"],
    ["40 deploy deploy deploy", "deploy deploy deploy", "unknown_service"],
    ["an environment of another service", "deploy web staging abc1234", "unknown_environment"],
    ["no environment for a rollback", "rollback api", "missing_word"],
    ["no environment for a promotion", "promote api", "missing_word"],
    ["a rollback to a commit", "rollback api prod abc1234", "bad_word"],
    ["approve what?", "approve", "missing_word"],
    ["approve a name", "approve api", "bad_word"],
    ["reject without why", "reject 142", "missing_word"],
    ["a quote that never ends", 'deploy "api prod abc1234', "bad_word"],
    ["words after hosts", "hosts api", "too_many_words"],
    ["pause what?", "pause", "missing_word"],
    ["a place without its environment", "pause api", "missing_word"],
    ["a place of nowhere", "pause api moon", "unknown_environment"],
    ["continue without why", "continue 142", "missing_word"],
    ["why what?", "why", "missing_word"],
    ["why with a word too many", "why 142 api", "too_many_words"],
    ["a person as host", "drain <@U1>", "bad_word"],
  ];
  for (const [name, typed, reason] of refused) test(name, () => assert.equal(whyNot(typed), reason));

  // These parse: whether there is such a build is not the grammar's to say.
  for (const ref of ["abc12", "abc123g", "0".repeat(40), "main", "latest"]) {
    test(`a ref is not judged here: ${ref}`, () => assert.equal(read(`deploy api prod ${ref}`), `deploy api prod ${ref}`));
  }
  test("38 a promotion backwards is understood; the application refuses it", () => {
    assert.equal(read("promote api prod staging"), "promote api prod staging");
  });
  test("17b a megabyte is refused in no time", () => {
    const began = process.cpuUsage();
    assert.equal(whyNot("a ".repeat(500_000)), "too_long");
    assert.ok(process.cpuUsage(began).user < 100_000);
  });
});

describe("a refusal says what would be right", () => {
  const said: readonly (readonly [typed: string, text: string])[] = [
    ["deploy ap1 prod abc1234", "unknown_service: There is no service `ap1`. Did you mean `api`?"],
    ["deploy api prdo abc1234", "unknown_environment: There is no environment `prdo` of api. Did you mean `prod`?"],
    ["deploy api qa abc1234", "unknown_environment: There is no environment `qa` of api. There are `staging`, `prod`."],
    ["contiune 142 x", "unknown_verb: `contiune` is not a command. Did you mean `continue`?"],
    ["skipsoak 142", "unknown_verb: `skipsoak` is not a command. Did you mean `skip-soak`?"],
    ["lock api prod sale --for soon", "bad_word: `soon` is not a time: write `90m`, `2h` or `1d`, up to 30 days."],
    ["depoly api prod abc1234", "unknown_verb: `depoly` is not a command. Did you mean `deploy`?"],
    ["rollback api prod --nwo", "unknown_flag: `rollback` has no option `--nwo`. Did you mean `--now`?"],
    ["api prod", "unknown_verb: `api` is a service. Say what to do with it: `deploy api …`, `status api` …"],
    ["rollback api", "missing_word: A word is missing: the environment."],
    ['deploy "api prod', "bad_word: The quote at character 8 is never closed."],
    ["deploy <@U123|ana> prod abc1234", "bad_word: `@ana` is a person or a group; a plain word is needed there."],
  ];
  for (const [typed, text] of said) test(typed, () => assert.equal(read(typed), text));

  test("with the usage line as the way on, and the place", () => {
    const result = parseCommand({ text: "rollback api prod r41 now", commands, vocabulary });
    assert.ok(!result.ok);
    assert.equal(result.refusal.next, "Usage: `rollback SERVICE ENVIRONMENT [TO] [--now] [--reason TEXT]`");
    assert.equal(result.at, 23);
    assert.equal(result.command?.name, "rollback");
  });
});

describe("distance", () => {
  test("counts a loss, a change and a swap as one slip each", () => {
    assert.deepEqual([slips("prod", "prd"), slips("prod", "prad"), slips("prod", "prdo"), slips("prod", "prod")], [1, 1, 1, 0]);
  });
  test("does not take a short word for another one", () => {
    assert.equal(closest("qa", ["api", "web"]), null);
    assert.equal(closest("foo", ["api", "web"]), null);
  });
});
