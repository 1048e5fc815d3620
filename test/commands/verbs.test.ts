import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { docsOf } from "../../commands/docs.ts";
import { commands } from "../../commands/index.ts";
import { parseCommand } from "../../src/core/grammar.ts";
import { refuse } from "../../src/core/reasons.ts";
import { checkBlocks } from "../../src/rehearsal/slack/block-rules.ts";
import * as story from "../messages/facts.ts";
import { ana, Fake } from "./fake-gantry.ts";
import { vocabulary } from "./words.ts";

const origin = { key: "E1", channel: "C0OPS" };

/** Every shape a forger or an old client might send. None of them may act. */
const garbage: readonly unknown[] = [
  null,
  0,
  "142",
  [],
  {},
  { rollout: 142 },
  { rollout: "142", planHash: "a1b2c3d4e5f6" },
  { rollout: -1, planHash: "a1b2c3d4e5f6" },
  { rollout: 1.5, planHash: "a1b2c3d4e5f6" },
  { rollout: 142, planHash: "" },
  { rollout: 142, planHash: null },
  { rollout: 142, planHash: "x".repeat(200) },
  { rollout: 142, planHash: "a1b2c3d4e5f6", extra: true },
  { rollout: 142, planHash: { toString: "a1b2c3d4e5f6" } },
  { rollout: null, planHash: "feedbeef", service: "API", environment: "prod", to: 41 },
  { rollout: null, planHash: "feedbeef", service: "../api", environment: "prod", to: 41 },
  { rollout: null, planHash: "feedbeef", service: "api", environment: "prod", to: "41" },
  { rollout: null, planHash: "feedbeef", service: "api", environment: "prod" },
];

function reasonOf(reply: { readonly kind: string; readonly message?: { readonly text: string } }): string | null {
  return /Reason: (\w+)$/.exec(reply.message?.text ?? "")?.[1] ?? null;
}

describe("deploy", () => {
  test("with all words asks for a rollout and leaves the telling to its card", async () => {
    const fake = new Fake();
    const reply = await fake.says('deploy api prod abc1234 --reason "release day"');
    const facts = {
      service: "api",
      environment: "prod",
      ref: "abc1234",
      allowBad: false,
      wait: false,
      why: "release day",
      actor: ana,
      origin,
    };
    assert.deepEqual(fake.asked, [{ verb: "deploy", facts }]);
    assert.equal(reply.kind === "card" && reply.rollout, 142);
    assert.match(reply.kind === "card" ? reply.message.text : "", /^api prod 3f9c1e2 \(#142\): waits for approval/);
  });

  test("with words missing opens the form with what was understood, and asks for nothing yet", async () => {
    const fake = new Fake();
    const reply = await fake.says("deploy api prod");
    assert.ok(reply.kind === "form");
    assert.deepEqual(fake.asked, []);
    const [service, environment, ref] = reply.form.blocks as unknown as { element: Record<string, unknown> }[];
    assert.deepEqual(service?.element["initial_option"], { text: { type: "plain_text", text: "api" }, value: "api" });
    assert.deepEqual(environment?.element["initial_option"], { text: { type: "plain_text", text: "prod" }, value: "prod" });
    assert.equal(ref?.element["initial_value"], undefined);
    assert.equal(reply.otherwise.text.split("\n")[0], "These words are missing: ref.");
  });

  test("the submitted form asks in the channel where it was opened", async () => {
    const fake = new Fake();
    const reply = await fake.says("deploy --allow-bad --wait");
    assert.ok(reply.kind === "form");
    await fake.submits("deploy", reply.form.context, {
      service: "api",
      environment: "prod",
      ref: "`abc1234`",
      reason: " it “works” ",
    });
    const facts = {
      service: "api",
      environment: "prod",
      ref: "abc1234",
      why: 'it "works"',
      allowBad: true,
      wait: true,
      actor: ana,
      origin,
    };
    assert.deepEqual(fake.asked, [{ verb: "deploy", facts }]);
  });

  test("a form with words that fit nothing is refused like typed words", async () => {
    const fake = new Fake();
    const context = JSON.stringify({ channel: null, allowBad: false, wait: false });
    const typed = { service: "web", environment: "staging", ref: "abc1234" };
    assert.equal(reasonOf(await fake.submits("deploy", context, typed)), "unknown_environment");
    assert.equal(reasonOf(await fake.submits("deploy", context, { ...typed, service: "wbe" })), "unknown_service");
    assert.equal(
      reasonOf(await fake.submits("deploy", context, { service: "api", environment: "prod", ref: "--now" })),
      "bad_word",
    );
    assert.equal(reasonOf(await fake.submits("deploy", "{}", typed)), "stale_click");
    assert.equal(reasonOf(await fake.submits("deploy", "not json", typed)), "stale_click");
    assert.deepEqual(fake.asked, []);
  });

  test("a refusal is private and says what, why and what next", async () => {
    const fake = new Fake();
    fake.refusal = refuse("busy", "api prod is busy with #141 by <@U0BO> since 14:02.", "Wait for it.");
    const reply = await fake.says("deploy api prod abc1234");
    assert.ok(reply.kind === "private" && reply.refused);
    assert.deepEqual(reply.message.text.split("\n"), [
      "api prod is busy with #141 by &lt;@U0BO&gt; since 14:02.",
      "Wait for it.",
      "Or wait in line: ask again with `--wait`.",
      "Reason: busy",
    ]);
  });

  test("with no service set up there is no form to open", async () => {
    const fake = new Fake();
    fake.config = { ...fake.config, services: [] };
    assert.equal(reasonOf(await fake.says("deploy")), "unknown_service");
  });
});

describe("rollback", () => {
  test("shows where to, with one button that needs no second confirmation", async () => {
    const fake = new Fake();
    const reply = await fake.says("rollback api prod");
    assert.deepEqual(fake.asked, [
      { verb: "previewRollback", facts: { service: "api", environment: "prod", to: null, actor: ana } },
      { verb: "hosts", facts: {} },
    ]);
    assert.ok(reply.kind === "private");
    const buttons = reply.message.blocks.flatMap((b) => (b.type === "actions" ? b.elements : [])) as unknown as Record<
      string,
      unknown
    >[];
    assert.deepEqual(
      buttons.map((b) => [(b["text"] as { text: string }).text, b["action_id"], b["style"], b["confirm"]]),
      [
        ["Roll back", "verb:rollback", "danger", undefined],
        ["Never mind", "verb:cancel", undefined, undefined],
      ],
    );
    const value = JSON.parse(String(buttons[0]?.["value"]));
    assert.deepEqual(value, { rollout: null, planHash: "feedbeef", service: "api", environment: "prod", to: 41 });
  });

  test("the button does exactly what was shown", async () => {
    const fake = new Fake();
    const reply = await fake.presses("rollback", {
      rollout: null,
      planHash: "feedbeef",
      service: "api",
      environment: "prod",
      to: 41,
    });
    const facts = {
      service: "api",
      environment: "prod",
      to: 41,
      shown: { planHash: "feedbeef", rollout: null },
      why: null,
      actor: ana,
      origin,
    };
    assert.deepEqual(fake.asked, [{ verb: "rollback", facts }]);
    assert.equal(reply.kind, "card");
  });

  test("of what has touched no host calls that off, and says that it is not the way back", async () => {
    const fake = new Fake();
    fake.preview = { ...fake.preview, hosts: [], stops: { rollout: 142, phase: "queued" } };
    const shown = await fake.says("rollback api prod");
    assert.ok(shown.kind === "private");
    const [button] = shown.message.blocks.flatMap((b) => (b.type === "actions" ? b.elements : [])) as { value?: string }[];
    const value = JSON.parse(String(button?.value));
    assert.deepEqual(value, { rollout: 142, planHash: "feedbeef", service: "api", environment: "prod", to: null });
    fake.rollouts.set(142, story.after([story.approved, story.cancelledBy(story.ana, 30)]));
    const reply = await fake.presses("rollback", value);
    assert.equal(
      reply.kind === "private" && reply.message.text,
      "#142 has touched no host: it is cancelled, and nothing is judged. r41 (9d8e7f6) serves on. To leave r41 itself: `/rollback api prod`.",
    );
  });

  test("never mind changes nothing", async () => {
    const fake = new Fake();
    const reply = await fake.presses("cancel", { rollout: null, planHash: "feedbeef" });
    assert.equal(reply.kind === "private" && reply.message.text, "Nothing was changed.");
    assert.deepEqual(fake.asked, []);
  });

  test("--now acts at once", async () => {
    const fake = new Fake();
    await fake.says("rollback api prod to r41 --now --reason errors on login");
    const facts = { service: "api", environment: "prod", to: 41, shown: null, why: "errors on login", actor: ana, origin };
    assert.deepEqual(fake.asked, [{ verb: "rollback", facts }]);
  });

  test("the button of a card opens the preview of its place", async () => {
    const fake = new Fake();
    const reply = await fake.presses("rollback", { rollout: 142, planHash: "a1b2c3d4e5f6" });
    assert.equal(fake.asked[0]?.verb, "previewRollback");
    assert.match(reply.kind === "private" ? reply.message.text : "", /^api prod: roll back to r41 \(9d8e7f6\)\?/);
  });
});

describe("decisions", () => {
  test("a typed approval counts for the plan as it stands, a pressed one for the plan on the card", async () => {
    const fake = new Fake();
    await fake.says("approve #142");
    await fake.presses("approve", { rollout: 142, planHash: "a1b2c3d4e5f6" });
    assert.deepEqual(
      fake.asked.map((a) => a.facts["planHash"]),
      [null, "a1b2c3d4e5f6"],
    );
  });

  test("Reject asks why in a form; the form rejects", async () => {
    const fake = new Fake();
    const reply = await fake.presses("reject", { rollout: 142, planHash: "a1b2c3d4e5f6" });
    assert.ok(reply.kind === "form");
    assert.equal(reply.form.id, "reject");
    assert.deepEqual(fake.asked, []);
    assert.equal(reasonOf(await fake.submits("reject", reply.form.context, { reason: "  " })), "missing_word");
    await fake.submits("reject", reply.form.context, { reason: "wrong commit" });
    assert.deepEqual(fake.asked, [
      { verb: "reject", facts: { rollout: 142, planHash: "a1b2c3d4e5f6", why: "wrong commit", actor: ana } },
    ]);
  });

  test("a cancel, typed and pressed", async () => {
    const fake = new Fake();
    await fake.says("cancel 142 metrics look wrong");
    await fake.presses("cancel", { rollout: 142, planHash: "a1b2c3d4e5f6" });
    assert.deepEqual(
      fake.asked.map((a) => a.facts["why"]),
      ["metrics look wrong", null],
    );
  });

  test("a number that is no rollout is refused", async () => {
    assert.equal(reasonOf(await new Fake().says("approve 7")), "unknown_rollout");
  });

  for (const verb of ["approve", "reject", "cancel", "rollback"]) {
    test(`a forged value of ${verb} acts on nothing`, async () => {
      const fake = new Fake();
      for (const value of garbage) assert.equal(reasonOf(await fake.presses(verb, value)), "stale_click", JSON.stringify(value));
      assert.equal(reasonOf(await fake.does({ kind: "press", action: `verb:${verb}`, value: "{", place: null })), "stale_click");
      assert.deepEqual(fake.asked, []);
    });
  }

  test("a button of another plan is out of date", async () => {
    const fake = new Fake();
    for (const verb of ["reject", "cancel", "rollback"]) {
      assert.equal(reasonOf(await fake.presses(verb, { rollout: 142, planHash: "other" })), "stale_click", verb);
      assert.equal(reasonOf(await fake.presses(verb, { rollout: 7, planHash: "a1b2c3d4e5f6" })), "stale_click", verb);
    }
    assert.deepEqual(fake.asked, []);
  });
});

describe("verbs that only read", () => {
  test("answer privately and may leave everything out", async () => {
    const fake = new Fake();
    for (const typed of ["status", "status api prod", "history", "history api prod 5", "hosts", "help", "help deploy"]) {
      assert.equal((await fake.says(typed)).kind, "private", typed);
    }
    assert.deepEqual(
      fake.asked.map((a) => [a.verb, a.facts["service"], a.facts["environment"], a.facts["limit"]]),
      [
        ["status", null, null, undefined],
        ["status", "api", "prod", undefined],
        ["history", null, null, 10],
        ["history", "api", "prod", 5],
        ["hosts", undefined, undefined, undefined],
      ],
    );
  });
});

describe("the declarations", () => {
  for (const command of commands) {
    test(`the examples of ${command.name} parse as ${command.name}`, () => {
      assert.ok(command.examples.length > 0);
      for (const example of command.examples) {
        const result = parseCommand({ text: example, commands, vocabulary });
        assert.ok(result.ok, `${example}: ${result.ok ? "" : result.refusal.text}`);
        assert.equal(result.command.name, command.name);
      }
    });
  }

  test("help names every verb, and explains each within Slack's limits", async () => {
    const fake = new Fake();
    const all = await fake.says("help");
    for (const { name } of commands) {
      assert.match(all.kind === "private" ? all.message.text : "", new RegExp(`/(gantry )?${name}\\b`));
      const one = await fake.says(`help ${name}`);
      assert.ok(one.kind === "private");
      assert.deepEqual(checkBlocks(one.message.blocks as never, "message"), [], name);
    }
  });

  test("forms are within Slack's limits, also with very many services", async () => {
    const fake = new Fake();
    const [api] = fake.config.services;
    assert.ok(api !== undefined);
    fake.config = { ...fake.config, services: Array.from({ length: 150 }, (_, i) => ({ ...api, name: `api-${i}` })) };
    const deploy = await fake.says("deploy");
    const reject = await fake.presses("reject", { rollout: 142, planHash: "a1b2c3d4e5f6" });
    for (const reply of [deploy, reject]) {
      assert.ok(reply.kind === "form");
      assert.deepEqual(checkBlocks(reply.form.blocks as never, "modal"), []);
      assert.ok(reply.form.title.length <= 24 && reply.form.submit.length <= 24 && reply.form.context.length <= 3000);
    }
  });

  test("the reference page has a section for every verb and no raw angle brackets", () => {
    const page = docsOf(commands);
    for (const { name } of commands) assert.match(page, new RegExp(`^## ${name}$`, "m"));
    assert.doesNotMatch(page, /[<>]/);
    assert.match(page, /^ {4}\/deploy SERVICE ENVIRONMENT REF \[--allow-bad\] \[--wait\] \[--reason TEXT\]$/m);
  });
});
