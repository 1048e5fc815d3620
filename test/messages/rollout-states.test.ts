/** The card, the thread and the buttons of a rollout that stands still, waits in line, or is not over although it has ended. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RolloutFacts } from "../../src/core/facts.ts";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { LaterEvent, Requested } from "../../src/core/rollout-state.ts";
import { watchRule } from "../../src/core/watch.ts";
import { endedNotice } from "../../src/messages/ended-notice.ts";
import { rolloutButtons } from "../../src/messages/rollout-buttons.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { threadLines } from "../../src/messages/thread-lines.ts";
import { turnNotice } from "../../src/messages/turn-notice.ts";
import { assertShowable, mrkdwnOf } from "./check.ts";
import * as story from "./facts.ts";

const { after, ana, bo, factsOf, noon, requested } = story;
const at = (seconds: number) => noon + seconds * 1000;

type Told = {
  events: readonly LaterEvent[];
  policy?: Partial<RolloutPolicy>;
  first?: Partial<Requested>;
  facts?: Partial<RolloutFacts>;
};

function factsAfter({ events, policy = {}, first = {}, facts = {} }: Told): RolloutFacts {
  return factsOf(after(events, requested({ policy: { ...story.policy, ...policy }, ...first })), facts);
}

/** The text of the card, down to the release. */
function top(told: Told): readonly string[] {
  const message = rolloutCard(factsAfter(told));
  assertShowable(message);
  const lines = message.text.split("\n");
  return lines.slice(
    0,
    lines.findIndex((line) => line.startsWith("Release: ")),
  );
}

function buttons(told: Told): readonly string[] {
  return rolloutButtons(factsAfter(told)).map((button) => button.label);
}

/** What the last event put into the thread; what also goes to the channel is marked. */
function lastLines(told: Told): readonly string[] {
  const events = [...told.events];
  const last = events.pop() as LaterEvent;
  const before = after(events, requested({ policy: { ...story.policy, ...told.policy }, ...told.first }));
  const result = step(before, last);
  assert.ok(result.kind === "moved", last.type);
  const lines = threadLines(before, last, result.state);
  for (const { message } of lines) assertShowable(message);
  return lines.map(({ message, broadcast }) => `${broadcast ? "(channel) " : ""}${message.text}`);
}

const pausedBy: LaterEvent = { type: "paused", at: at(58), reason: "paused", by: ana, why: "errors in the log" };
const pauses: Partial<RolloutPolicy> = { onFailure: "pause" };
const one: Partial<RolloutPolicy> = { maxFailed: { hosts: 1 } };
/** web-3 fails, and one may. */
const incomplete = [
  ...story.secondBatch,
  story.swapped("web-2", 58),
  story.unhealthy("web-3", 60),
  { type: "soaked", at: at(95) },
] as const;

describe("paused by a person", () => {
  const told: Told = { events: [...story.secondBatch, pausedBy] };
  test("the card says who, since when, why, and what goes on meanwhile", () => {
    assert.deepEqual(top(told), [
      "api prod 3f9c1e2 (#142): paused, batch 2 of 2, 1 of 3 hosts done, for 40 s",
      "Paused by ana at 12:00 UTC: errors in the log.",
      "2 hosts in mid-swap will finish; no other begins; its clocks stand still.",
      "Rollback to r41: ready on 3 of 3 hosts, about 4 s",
    ]);
    assert.deepEqual(lastLines(told), ["Paused by ana: errors in the log. Hosts in mid-swap finish, no other begins."]);
  });
  test("it can go on, be stopped, or go back", () =>
    assert.deepEqual(buttons(told), ["Resume", "Stop and put back", "Roll back"]));
  test("while it soaks, what was left of the soak is kept and said", () => {
    const soaking: Told = { events: [...story.canarySoaks, { ...pausedBy, at: at(34) }] };
    assert.match(top(soaking)[2] ?? "", /^No host is in mid-swap; .*20 s of the soak left\.$/);
    assert.deepEqual(buttons(soaking), ["Resume", "Stop and put back", "Roll back"]);
  });
  test("resumed, the thread says by whom", () => {
    assert.deepEqual(lastLines({ events: [...told.events, { type: "resumed", at: at(70), reason: null, by: bo }] }), [
      "Resumed by bo.",
    ]);
  });
});

describe("paused because hosts failed", () => {
  const told: Told = { events: [...story.secondBatch, story.swapped("web-2", 58), story.unhealthy("web-3", 60)], policy: pauses };
  test("the card counts, names, and keeps the log; the channel hears of it", () => {
    const lines = top(told);
    assert.match(lines[0] ?? "", /: paused, hosts failed, batch 2 of 2/);
    assert.equal(lines[1], "Paused because hosts failed at 12:01 UTC: 1 of 3 hosts failed, 0 allowed: web-3.");
    assert.ok(lines.some((line) => line.startsWith("web-3: The health check failed (unhealthy)")));
    const said = lastLines(told);
    assert.equal(
      said[1],
      "(channel) Paused: 1 of 3 hosts failed, 0 allowed: web-3. Retry them, continue past them, abort or roll back: a person decides, on the card.",
    );
  });
  test("it offers what a person may decide", () => {
    assert.deepEqual(buttons(told), ["Retry failed hosts", "Continue past them", "Stop and put back", "Roll back"]);
    assert.match(
      rolloutCard(factsAfter(told)).text,
      /You can: \/gantry retry 142, or \/gantry continue 142 WHY, or \/gantry abort 142/,
    );
  });
  test("retried, and continued with a reason", () => {
    assert.equal(
      lastLines({ ...told, events: [...told.events, { type: "retried", at: at(70), by: bo }] })[0],
      "bo retries web-3.",
    );
    const on: LaterEvent = { type: "continued", at: at(70), by: bo, why: "it is being replaced" };
    assert.equal(lastLines({ ...told, events: [...told.events, on] })[0], "bo goes on without web-3: it is being replaced.");
    const lines = top({ ...told, events: [...told.events, on] });
    assert.ok(lines.includes("Goes on without web-3, as a person decided."), lines.join("\n"));
  });
});

describe("paused because the image cannot be had, before anything was touched", () => {
  const noImage: LaterEvent = {
    type: "image_failed",
    at: at(21),
    host: "web-1",
    reason: "registry_unreachable",
    detail: "timeout",
  };
  const told: Told = { events: [story.approved, noImage], policy: pauses };
  test("it offers what counts, and no rollback of what serves", () => {
    assert.deepEqual(buttons(told), ["Retry failed hosts", "Continue past them", "Cancel"]);
    assert.match(lastLines(told).join("\n"), /Retry them, continue past them, or cancel: a person decides/);
  });
});

test("a failure within the budget: it goes on and says so", () => {
  const lines = top({ events: [...story.secondBatch, story.unhealthy("web-3", 60)], policy: one });
  assert.equal(lines[1], "1 of 3 hosts failed, 1 allowed: web-3. It goes on.");
});

describe("while it soaks", () => {
  test("the soak can be skipped, with a question", () => {
    const told: Told = { events: story.canarySoaks, facts: { now: at(40) } };
    assert.deepEqual(buttons(told), ["Skip soak", "Pause", "Stop and put back", "Roll back"]);
    assert.equal(rolloutButtons(factsAfter(told))[0]?.confirm?.title, "Skip the soak of #142?");
    const skipped: LaterEvent = { type: "soak_skipped", at: at(30), by: bo, why: "urgent fix" };
    assert.equal(lastLines({ events: [...told.events, skipped] })[0], "The soak was ended by bo: urgent fix.");
  });
});

describe("after the time of a soak", () => {
  const told: Told = { events: story.canarySoaks, facts: { now: at(300), away: ["web-1"] } };
  test("the card names who must still say that it is well, and offers no skip", () => {
    assert.match(
      top(told)[0] ?? "",
      /: soaking, batch 1 of 2, its soak time is over; it waits for the word of web-1 \(no connection\)/,
    );
    assert.deepEqual(buttons(told), ["Pause", "Stop and put back", "Roll back"]);
  });
});

describe("a rollback under way", () => {
  const first: Partial<Requested> = {
    kind: "rollback",
    release: 41,
    from: 42,
    approvalsRequired: 0,
    batches: [["web-1", "web-2", "web-3"]],
  };
  test("offers no way to undo it", () => assert.deepEqual(buttons({ events: [], first }), []));
  test("paused, it can go on", () => assert.deepEqual(buttons({ events: [{ ...pausedBy, at: at(1) }], first }), ["Resume"]));
});

describe("a frozen server", () => {
  const told: Told = {
    events: [...story.rolling, { type: "paused", at: at(30), reason: "server_behind", by: null, why: "epoch 9" }],
  };
  test("offers nothing that it would refuse, and says why it stands still", () => {
    assert.deepEqual(buttons(told), []);
    assert.match(
      top(told)[1] ?? "",
      /^Stands still, the server is behind at 12:00 UTC: epoch 9\. Nothing goes on until `gantry adopt`/,
    );
    assert.match(lastLines(told)[0] ?? "", /^\(channel\) The server is behind its agents/);
  });
});

describe("in line", () => {
  const first: Partial<Requested> = { inLine: true };
  const lock = { by: bo, at: noon, why: "migration", until: at(7200) };
  test("the card shows its place and what it waits behind", () => {
    const facts: Partial<RolloutFacts> = { position: 2, behind: { rollout: 141, lock } };
    assert.deepEqual(top({ events: [], first, facts }), [
      "api prod 3f9c1e2 (#142): waits in line, by release-captains, not the requester",
      "Place 2 in line: waits behind #141, and is locked by bo since 12:00 UTC until 14:00 UTC: migration",
    ]);
  });
  test("it may be approved there, and left", () => {
    assert.deepEqual(buttons({ events: [], first }), ["Approve", "Leave the line"]);
    assert.deepEqual(buttons({ events: [story.approved], first }), ["Leave the line"]);
    const anHourLater = { events: [story.approved], first, facts: { now: at(3_601) } };
    assert.deepEqual(buttons(anHourLater), ["Approve", "Leave the line"], "that approval will not count any more");
  });
  test("held, a person lets it go on", () => {
    const held: LaterEvent = { type: "paused", at: at(5), reason: "line_held", by: null, why: "#141 failed" };
    assert.deepEqual(buttons({ events: [story.approved, held], first }), ["Resume", "Leave the line"]);
    assert.deepEqual(lastLines({ events: [held], first }), [
      "The line is held: #141 failed. Look first, then `/gantry resume 142`.",
    ]);
  });
  test("its turn comes with another plan: earlier approvals do not count, and that is said", () => {
    const { batches, hosts, policy } = requested();
    const turn: LaterEvent = {
      type: "turn_came",
      at: at(60),
      from: 41,
      back: 41,
      planHash: "other",
      policy,
      approvalsRequired: 1,
      batches,
      hosts,
    };
    const said = lastLines({ events: [story.approved, turn], first });
    assert.equal(said[0], "Its turn has come. The plan was made anew. Earlier approvals were for another plan and do not count.");
    const lines = top({ events: [story.approved, turn], first });
    assert.ok(
      lines.some((line) => line.startsWith("The plan changed while it waited in line")),
      lines.join("\n"),
    );
  });
  test("its turn comes long after it was approved: it asks anew, in the channel, with the reason", () => {
    const { batches, hosts, policy, planHash } = requested();
    const plan = { from: 41, back: 41, planHash, policy, approvalsRequired: 1, batches, hosts };
    const turn: LaterEvent = { type: "turn_came", at: at(7200), expireMs: 1_800_000, ...plan };
    const said = lastLines({ events: [story.approved, turn], first });
    assert.match(
      said[0] ?? "",
      /^\(channel\) Its turn has come, and it asks anew: bo approved it 119 min ago, while it waited in line: too long ago to count\. Approve on/,
    );
    const lines = top({ events: [story.approved, turn], first });
    assert.ok(
      lines.some((line) => line.endsWith("while it waited in line: too long ago to count.")),
      lines.join("\n"),
    );
  });
  test("the requester is told that it is next, that its turn came, that the line is held", () => {
    const waiting = factsAfter({ events: [], first, facts: { position: 1, behind: { rollout: 141, lock: null } } });
    assert.equal(
      turnNotice(waiting, "next").text,
      "api prod 3f9c1e2 (#142): you are next in line. Place 1, it is next: waits behind #141",
    );
    assert.match(turnNotice(factsAfter({ events: [] }), "turn").text, /its turn has come, and it waits for approval\.$/);
    assert.match(turnNotice(waiting, "held").text, /the line is held\..*`\/gantry resume 142`/);
  });
});

describe("not over although it has ended", () => {
  test("incomplete: how many, which not, and what to do", () => {
    const told: Told = { events: incomplete, policy: one };
    assert.deepEqual(top(told).slice(0, 2), [
      "api prod 3f9c1e2 (#142): live, not everywhere, 2 of 3 hosts done, took 1 min 15 s",
      "2 of 3 hosts have r42: web-3 does not. To finish: mend them, then `/deploy api prod 3f9c1e2`.",
    ]);
    assert.match(lastLines(told)[0] ?? "", /^\(channel\) Done, not everywhere\. 2 of 3 hosts have r42: web-3 does not\./);
    assert.match(endedNotice(factsAfter(told)).text, /2 of 3 hosts have r42: web-3 does not/);
  });

  const finding = {
    host: "web-2",
    found: "unwell",
    rule: watchRule,
    samples: [
      { host: "web-2", at: at(200), health: "ok", restarts: 0 },
      { host: "web-2", at: at(210), health: "failing", restarts: 0 },
    ],
    at: at(230),
  } as const;
  const raised: LaterEvent = { type: "watch_raised", at: at(230), finding };

  test("raised by the watch: rule, samples, and one tap back to where the card says", () => {
    const told: Told = { events: [...story.succeeded, raised] };
    assert.equal(
      top(told)[1],
      "web-2 did not stay well: not well for 20 s without a break (watch_tripped). Seen: ok 12:03:20 UTC, failing 12:03:30 UTC",
    );
    const [button] = rolloutButtons(factsAfter(told));
    assert.equal(button?.label, "Roll back to r41");
    assert.deepEqual(button?.value, { rollout: 142, planHash: "a1b2c3d4e5f6", to: 41 });
    assert.equal(button?.confirm?.text, "api → prod: from r42 back to r41 on all hosts, at once.");
    assert.match(endedNotice(factsAfter(told)).text, /web-2 did not stay well/);
  });

  test("and raised again in the channel, with the button in the thread's line", () => {
    const before = after(story.succeeded);
    const result = step(before, raised);
    assert.ok(result.kind === "moved");
    const [line] = threadLines(before, raised, result.state);
    assert.equal(line?.broadcast, true);
    assert.deepEqual(
      line?.message.blocks.map((block) => block.type),
      ["section", "actions"],
    );
    assert.match(line?.message.text ?? "", /^api → prod #142, r42: web-2 did not stay well/);
  });

  test("when the policy goes back by itself, the line says so and offers nothing", () => {
    const policy: Partial<RolloutPolicy> = { watch: { forMs: 600_000, onUnwell: "rollback" } };
    const said = lastLines({ events: [...story.succeeded, raised], policy });
    assert.match(said[0] ?? "", /The policy says to go back by itself; what comes of that is said below\.$/);
  });

  test("a watch that ended quietly says so once", () => {
    const quiet: LaterEvent = { type: "watch_ended", at: at(700), quiet: true };
    assert.deepEqual(lastLines({ events: [...story.succeeded, quiet] }), ["Watched for 10 min: 3 hosts stayed well."]);
    assert.ok(!rolloutCard(factsAfter({ events: [...story.succeeded, quiet] })).text.includes("Watched"));
  });
});

test("a watch in which a host fell silent says so, in the channel", () => {
  const over: LaterEvent = { type: "watch_ended", at: at(700), quiet: false, silent: ["web-2"] };
  assert.deepEqual(lastLines({ events: [...story.succeeded, over] }), [
    "(channel) Watched for 10 min, and the watch is over: of web-2 nobody knows, not heard of at its end (host_lost). The other 2 stayed well.",
  ]);
});

test("ended by an adoption in mid-rollout: where its hosts were left", () => {
  const adopted: LaterEvent = { type: "adopted", at: at(56), by: bo, detail: "restored from a backup" };
  assert.match(
    top({ events: [...story.secondBatch, adopted] })[0] ?? "",
    /: cancelled, ended where it stood: web-1 had r42, web-2, web-3 left in mid-way, took/,
  );
  assert.match(top({ events: [story.cancelledBy(ana, 5)] })[0] ?? "", /: cancelled, nothing was touched$/);
});

test("continued past the hosts that the form named", () => {
  const told: Told = { events: [...story.secondBatch, story.swapped("web-2", 58), story.unhealthy("web-3", 60)], policy: pauses };
  const on: LaterEvent = { type: "continued", at: at(70), by: bo, why: "replaced", hosts: ["web-3"] };
  assert.equal(lastLines({ ...told, events: [...told.events, on] })[0], "bo goes on without web-3: replaced.");
});

describe("the small things", () => {
  test("hosts that a person took out are named before anybody approves", () => {
    const intent = { kind: "cordoned", by: bo, at: noon, why: "new disk" } as const;
    const { text } = rolloutCard(factsAfter({ events: [], facts: { leftOut: [{ host: "web-9", intent }] } }));
    assert.match(text, /^Warning: Left out: web-9 \(cordoned by bo: new disk\)\.$/m);
  });
  test("a host that was taken out and serves a bad release is named at the end", () => {
    const intent = { kind: "cordoned", by: bo, at: noon, why: "new disk" } as const;
    const told: Told = { events: story.succeeded, facts: { leftOut: [{ host: "web-9", intent, bad: 40 }] } };
    const words = "web-9 still serves r40, which is bad (cordoned by bo). `/gantry uncordon HOST` gives it what is live.";
    assert.ok(top(told).includes(words), top(told).join("\n"));
    assert.ok(endedNotice(factsAfter(told)).text.includes(words));
  });
  test("how the batches keep zones apart", () => {
    const spread = { label: "zone", order: "apart" } as const;
    const { text } = rolloutCard(factsAfter({ events: [], policy: { spread } }));
    assert.match(text, /^Hosts: 3: first web-1, then web-2, web-3; never two of one zone at once$/m);
  });
  test("how many of the environment may be out, where the batches do not tell it, until it begins", () => {
    const facts = factsAfter({ events: [] });
    const of = (change: Partial<typeof facts.state>) => rolloutCard({ ...facts, state: { ...facts.state, ...change } }).text;
    const words = "; at most 3 of the environment out of service at once";
    assert.ok(of({ budget: 3 }).includes(`first web-1, then web-2, web-3${words}\n`));
    for (const change of [{ budget: 2 }, { budget: 3, startedAt: noon }, { budget: 3, kind: "rollback" as const }]) {
      assert.ok(!of(change).includes("at once"));
    }
  });
  test("the head of the history, so that the card is a witness", () => {
    const message = rolloutCard(factsAfter({ events: [], facts: { head: { seq: 1842, hash: "9f3a1c2d".repeat(8) } } }));
    assert.ok(mrkdwnOf(message.blocks).some((text) => text.endsWith("· history `#1842 9f3a1c2d`")));
  });
  test("a start in line says so in the thread", () => {
    const first = requested({ inLine: true });
    const lines = threadLines(null, first, begin(first).state).map(({ message }) => message.text);
    assert.deepEqual(lines, ["Asked for by ana.", "Waits in line: the environment is busy or locked."]);
  });
});
