/** The verbs that act on a rollout under way, on locks and on hosts: typed, pressed, and by place. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Reply } from "../../commands/command.ts";
import { commands } from "../../commands/index.ts";
import { refuse } from "../../src/core/reasons.ts";
import type { RolloutState } from "../../src/core/rollout-state.ts";
import { rolloutButtons } from "../../src/messages/rollout-buttons.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { checkBlocks } from "../../src/rehearsal/slack/block-rules.ts";
import { around, story } from "../messages/arbitrary.ts";
import * as facts from "../messages/facts.ts";
import { ana, Fake } from "./fake-gantry.ts";

const { after, factsOf, noon, requested } = facts;
const value = { rollout: 142, planHash: "a1b2c3d4e5f6" };

function text(reply: Reply): string {
  return reply.kind === "form" ? reply.otherwise.text : reply.message.text;
}

function reasonOf(reply: Reply): string | null {
  return /Reason: (\w+)$/.exec(text(reply))?.[1] ?? null;
}

/** A place with these under way and in line. */
function inPlace(fake: Fake, active: RolloutState | null, line: readonly RolloutState[] = []): void {
  fake.place = { active, line };
  for (const state of [...(active === null ? [] : [active]), ...line]) fake.rollouts.set(state.number, state);
}

const rolling = after(facts.rolling);
const waiting = (number: number) => after([], requested({ number, inLine: true }));
const held = (number: number) =>
  after([{ type: "paused", at: noon, reason: "line_held", by: null, why: "look" }], requested({ number, inLine: true }));

describe("verbs on a rollout", () => {
  const typed: readonly (readonly [line: string, verb: string, why: string | null])[] = [
    ["pause 142", "pause", null],
    ["pause #142 the metrics look odd", "pause", "the metrics look odd"],
    ["resume 142", "resume", null],
    ["retry 142", "retry", null],
    ["continue 142 prod-3 is being replaced", "proceed", "prod-3 is being replaced"],
    ["skip-soak 142 --reason urgent", "skipSoak", "urgent"],
  ];
  for (const [line, verb, why] of typed) {
    test(line, async () => {
      const fake = new Fake();
      const reply = await fake.says(line);
      assert.equal(reply.kind, "card");
      assert.deepEqual(fake.asked, [{ verb, facts: { rollout: 142, planHash: null, why, actor: ana } }]);
    });
  }

  for (const [button, verb] of [
    ["pause", "pause"],
    ["resume", "resume"],
    ["retry", "retry"],
  ] as const) {
    test(`the button ${button} acts for the plan on its card`, async () => {
      const fake = new Fake();
      await fake.presses(button, value);
      assert.deepEqual(fake.asked, [{ verb, facts: { ...value, why: null, actor: ana } }]);
    });
  }

  test("continue asks why in a form that names the failed hosts; without a reason nothing happens", async () => {
    const fake = new Fake();
    fake.rollouts.set(142, after(facts.failed, requested({ policy: { ...facts.policy, onFailure: "pause" } })));
    const reply = await fake.presses("continue", value);
    assert.ok(reply.kind === "form");
    assert.deepEqual(checkBlocks(reply.form.blocks as never, "modal"), []);
    assert.match(JSON.stringify(reply.form.blocks), /goes on without web-3/);
    assert.equal(reasonOf(await fake.submits("continue", reply.form.context, { reason: " " })), "missing_word");
    assert.deepEqual(fake.asked, []);
    await fake.submits("continue", reply.form.context, { reason: "it is being replaced" });
    assert.deepEqual(fake.asked, [
      { verb: "proceed", facts: { ...value, hosts: ["web-3"], why: "it is being replaced", actor: ana } },
    ]);
  });

  test("a form that names no host, or that somebody made up, accepts nothing", async () => {
    const fake = new Fake();
    for (const hosts of [undefined, [], ["web-3", 7], "web-3"]) {
      const context = JSON.stringify({ ...value, ...(hosts === undefined ? {} : { hosts }) });
      assert.equal(reasonOf(await fake.submits("continue", context, { reason: "x" })), "stale_click");
    }
    assert.equal(reasonOf(await fake.presses("continue", value)), "nothing_failed");
    assert.deepEqual(fake.asked, []);
  });

  test("skip-soak is for the soak of the batch on the card", async () => {
    const fake = new Fake();
    await fake.presses("skip-soak", { ...value, batch: 0 });
    assert.deepEqual(fake.asked, [{ verb: "skipSoak", facts: { ...value, batch: 0, why: null, actor: ana } }]);
    assert.equal(reasonOf(await fake.presses("skip-soak", value)), "stale_click");
    const [button] = rolloutButtons(factsOf(after(facts.canarySoaks), { now: facts.noon + 30_000 }));
    assert.deepEqual([button?.verb, button?.value], ["skip-soak", { ...value, batch: 0 }]);
  });

  test("abort stops what has begun; what has not is cancelled, and that is said", async () => {
    const fake = new Fake();
    fake.rollouts.set(142, rolling);
    assert.equal((await fake.says("abort 142 odd")).kind, "card");
    fake.rollouts.set(142, after([]));
    const reply = await fake.says("abort 142");
    assert.equal(text(reply), "#142 had not begun: no host was touched. It is cancelled.");
    assert.deepEqual(
      fake.asked.map((a) => [a.verb, a.facts["why"]]),
      [
        ["cancel", "odd"],
        ["cancel", null],
      ],
    );
  });

  test("a refusal of the application is passed on", async () => {
    const fake = new Fake();
    fake.refusal = refuse("not_soaking", "#142 does not soak.");
    assert.equal(reasonOf(await fake.says("skip-soak 142")), "not_soaking");
  });

  for (const verb of ["pause", "resume", "retry", "continue", "skip-soak", "abort", "deploy", "promote"]) {
    test(`a forged value of ${verb} acts on nothing`, async () => {
      const fake = new Fake();
      const forged: readonly unknown[] = [
        null,
        "142",
        {},
        { rollout: 142 },
        { ...value, rollout: "142" },
        { ...value, planHash: "" },
        { ...value, extra: 1 },
        { service: "api", environment: "prod", ref: "--now", allowBad: false, why: null },
        { service: "api", environment: "prod", ref: "main", allowBad: false, why: "<!channel>" },
        { service: "api", environment: "prod", ref: "main", allowBad: "yes", why: null },
        { service: "../api", from: null, to: "prod", why: null },
        { service: "api", from: 1, to: "prod", why: null },
      ];
      for (const bad of forged) assert.equal(reasonOf(await fake.presses(verb, bad)), "stale_click", JSON.stringify(bad));
      assert.deepEqual(fake.asked, []);
    });
  }
});

describe("a place stands for the one rollout there", () => {
  test("pause api prod, on a phone", async () => {
    const fake = new Fake();
    inPlace(fake, rolling);
    await fake.says("Pause api in prod, it looks odd.");
    assert.deepEqual(fake.acted(), [["pause", 142, "it looks odd."]]);
  });

  test("with nothing under way it is refused", async () => {
    const fake = new Fake();
    inPlace(fake, null);
    assert.match(
      text(await fake.says("pause api prod")),
      /^Nothing is under way in api prod\.\nLook at `\/gantry history api prod`\./,
    );
    assert.deepEqual(fake.acted(), []);
  });

  test("pause means the one under way, not those in line; cancel must be told which", async () => {
    const fake = new Fake();
    inPlace(fake, rolling, [waiting(143)]);
    await fake.says("pause api prod");
    assert.deepEqual(fake.acted(), [["pause", 142, null]]);
    const reply = await fake.says("cancel api prod");
    assert.match(text(reply), /^api prod has several: #142 \(rolling\), #143 \(in line\)\.\nName one by its number\./);
    assert.equal(fake.acted().length, 1);
  });

  test("cancel takes the only one, also out of the line", async () => {
    const fake = new Fake();
    inPlace(fake, null, [waiting(143)]);
    await fake.says("cancel api prod not today");
    assert.deepEqual(fake.acted(), [["cancel", 143, "not today"]]);
  });

  test("resume means what is held, also in line; without any it says so", async () => {
    const fake = new Fake();
    inPlace(fake, rolling, [held(143)]);
    await fake.says("resume api prod");
    assert.deepEqual(fake.acted(), [["resume", 143, null]]);
    inPlace(fake, rolling);
    assert.equal(reasonOf(await fake.says("resume api prod")), "not_paused");
  });

  test("an environment that the service does not have, and a service alone", async () => {
    const fake = new Fake();
    assert.equal(reasonOf(await fake.says("pause web staging")), "unknown_environment");
    assert.equal(reasonOf(await fake.says("pause api")), "missing_word");
    assert.equal(reasonOf(await fake.says("pause ap1 prod")), "unknown_service");
    assert.equal(reasonOf(await fake.says("approve api prod")), "bad_word", "a decision names what it is about");
  });
});

describe("locks and hosts", () => {
  const typed: readonly (readonly [line: string, verb: string, asked: object])[] = [
    ["lock api prod database migration", "lock", { why: "database migration", forMs: null }],
    ["lock api prod --for 2h database migration", "lock", { why: "database migration", forMs: 7_200_000 }],
    ["lock api on prod database migration —for 90m", "lock", { why: "database migration", forMs: 5_400_000 }],
    ['lock api prod "we wait --for the fix" --for 1d12h', "lock", { why: "we wait --for the fix", forMs: 129_600_000 }],
  ];
  for (const [line, verb, asked] of typed) {
    test(line, async () => {
      const fake = new Fake();
      assert.equal(text(await fake.says(line)), "Done: lock.");
      assert.deepEqual(fake.asked, [{ verb, facts: { service: "api", environment: "prod", ...asked, actor: ana } }]);
    });
  }

  for (const [line, reason] of [
    ["lock api prod", "missing_word"],
    ["lock api prod db --for tomorrow", "bad_word"],
    ["lock api prod db --for 40d", "bad_word"],
    ["lock api prod db --for", "missing_word"],
    ["lock api prod db --for 2h migration", "bad_word"],
    ["lock api prod --for 2h", "missing_word"],
    ["cordon", "missing_word"],
    ["cordon <@U1>", "bad_word"],
    ["unlock api", "missing_word"],
  ] as const) {
    test(`${line}: ${reason}`, async () => {
      const fake = new Fake();
      assert.equal(reasonOf(await fake.says(line)), reason);
      assert.deepEqual(fake.asked, []);
    });
  }

  test("cordon, drain, uncordon, unlock, restart", async () => {
    const fake = new Fake();
    for (const line of [
      "cordon prod-3 new disk",
      "drain prod-3",
      "uncordon prod-3",
      "unlock api prod",
      "restart api prod --reason certs",
    ]) {
      await fake.says(line);
    }
    const origin = { key: "E1", channel: "C0OPS" };
    assert.deepEqual(fake.asked, [
      { verb: "cordon", facts: { host: "prod-3", why: "new disk", actor: ana } },
      { verb: "drain", facts: { host: "prod-3", why: null, actor: ana } },
      { verb: "uncordon", facts: { host: "prod-3", actor: ana } },
      { verb: "unlock", facts: { service: "api", environment: "prod", actor: ana } },
      { verb: "restart", facts: { service: "api", environment: "prod", why: "certs", actor: ana, origin } },
    ]);
  });
});

describe("why", () => {
  for (const [line, about] of [
    ["why #142", ["#142"]],
    ["why 142", ["#142"]],
    ["why prod-3", ["prod-3"]],
    ["why api prod", ["api", "prod"]],
    ["why api on prod", ["api", "prod"]],
    ["why api", ["api"]],
  ] as const) {
    test(line, async () => {
      const fake = new Fake();
      const reply = await fake.says(line);
      assert.ok(reply.kind === "private" && reply.refused === undefined);
      assert.deepEqual(fake.asked, [{ verb: "why", facts: { about } }]);
    });
  }
});

describe("waiting in line", () => {
  const asked = { service: "api", environment: "prod", ref: "main", allowBad: false, why: "release day" };

  test("a busy or locked place offers it; the button asks for the same again, in line", async () => {
    for (const reason of ["busy", "locked"] as const) {
      const fake = new Fake();
      fake.refusal = refuse(reason, "Not now.");
      const reply = await fake.says("deploy api prod main --reason release day");
      assert.ok(reply.kind === "private");
      const [button] = reply.message.blocks.flatMap((b) => (b.type === "actions" ? b.elements : []));
      assert.ok(button !== undefined && "value" in button && "action_id" in button);
      assert.equal(button.action_id, "verb:deploy");
      assert.deepEqual(JSON.parse(String(button.value)), asked);
      fake.refusal = null;
      await fake.presses("deploy", JSON.parse(String(button.value)));
      assert.deepEqual([fake.asked[0]?.facts["wait"], fake.asked[1]?.facts["wait"]], [false, true]);
      assert.equal(fake.asked[1]?.facts["why"], "release day");
    }
  });

  test("promote, too; typed with --wait nothing is offered; other refusals offer nothing", async () => {
    const fake = new Fake();
    fake.refusal = refuse("busy", "Not now.");
    assert.match(text(await fake.says("promote api prod")), /^Or wait in line: ask again with `--wait`\.$/m);
    assert.ok(!text(await fake.says("promote api prod --wait")).includes("Or wait"));
    assert.equal(fake.asked[1]?.facts["wait"], true);
    fake.refusal = refuse("bad_release", "It is bad.");
    assert.ok(!text(await fake.says("deploy api prod main")).includes("Or wait"));
    fake.refusal = null;
    await fake.presses("promote", { service: "api", from: null, to: "prod", why: null });
    assert.equal(fake.asked.at(-1)?.facts["wait"], true);
  });

  test("a request that no button can carry is refused without one", async () => {
    const fake = new Fake();
    fake.refusal = refuse("busy", "Not now.");
    const reply = await fake.says(`deploy api prod main --reason ${'\\"'.repeat(484)}`);
    assert.ok(reply.kind === "private");
    assert.ok(!reply.message.blocks.some((block) => block.type === "actions"));
    assert.deepEqual(checkBlocks(reply.message.blocks as never, "message"), []);
  });
});

describe("the one-tap way back of a card raised by the watch", () => {
  const back = { ...value, to: 41 };

  test("acts at once while the card tells the truth", async () => {
    const fake = new Fake();
    fake.place = { active: null, line: [] };
    await fake.presses("rollback", back);
    const asked = fake.asked.find((a) => a.verb === "rollback");
    assert.deepEqual([asked?.facts["to"], asked?.facts["why"]], [41, "the containers did not stay well"]);
  });

  test("is believed in exactly its own shape", async () => {
    const fake = new Fake();
    fake.place = { active: null, line: [] };
    for (const bad of [
      { ...back, to: "41" },
      { ...back, to: 0 },
      { ...back, planHash: "" },
      { ...back, rollout: null },
      { ...back, x: 1 },
    ]) {
      assert.equal(reasonOf(await fake.presses("rollback", bad)), "stale_click", JSON.stringify(bad));
    }
    assert.deepEqual(fake.asked, []);
  });

  test("shows the preview when something has happened since", async () => {
    const fake = new Fake();
    inPlace(fake, after(facts.rolling, requested({ number: 143 })));
    const reply = await fake.presses("rollback", back);
    assert.match(text(reply), /^api prod: roll back to/);
    assert.ok(!fake.asked.some((a) => a.verb === "rollback"));
    assert.equal(reasonOf(await fake.presses("rollback", { ...back, planHash: "other" })), "stale_click");
  });
});

test("every button that a card can have is understood by its verb, and fits Slack", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(story, around, (moves, factsFor) => {
      const state = moves.at(-1)?.after ?? after([]);
      const buttons = rolloutCard(factsFor(state)).blocks.flatMap((b) => (b.type === "actions" ? b.elements : []));
      assert.ok(buttons.length <= 5, `${buttons.length} buttons`);
      for (const button of buttons) {
        assert.ok("action_id" in button && "value" in button);
        const verb = String(button.action_id).replace(/^verb:/, "");
        seen.add(verb);
        assert.ok(commands.find((c) => c.name === verb)?.press !== undefined, verb);
        assert.ok(String(button.value).length <= 2000);
        const keys = Object.keys(JSON.parse(String(button.value))).join();
        const more = { rollback: "rollout,planHash,to", "skip-soak": "rollout,planHash,batch" }[verb];
        assert.ok(keys === "rollout,planHash" || keys === more, `${verb}: ${keys}`);
      }
    }),
    { numRuns: 150 },
  );
  for (const verb of ["approve", "cancel", "resume", "rollback"]) assert.ok(seen.has(verb), `${verb} was never offered`);
});
