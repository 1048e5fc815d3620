/** The card of one rollout, phase by phase, as it reads aloud. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChangeFacts, RolloutFacts } from "../../src/core/facts.ts";
import type { LaterEvent, Requested } from "../../src/core/rollout-state.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { assertShowable, mrkdwnOf, shapeOf } from "./check.ts";
import * as story from "./facts.ts";

const { after, factsOf, requested } = story;

type Told = { events: readonly LaterEvent[]; facts?: Partial<RolloutFacts>; first?: Partial<Requested> };

function card(told: Told) {
  const message = rolloutCard(factsOf(after(told.events, requested(told.first)), told.facts));
  assertShowable(message);
  return message;
}

function reads(told: Told, lines: readonly string[]): void {
  assert.deepEqual(card(told).text.split("\n"), lines);
}

const repository = "https://github.example.com/acme/api";
const change: ChangeFacts = {
  commits: [
    { sha: "3f9c1e2".padEnd(40, "a"), title: "Fix the login", author: "Ana", url: `${repository}/commit/3f9c1e2` },
    { sha: "8a7b6c5".padEnd(40, "b"), title: "Tidy up <!channel>", author: "Bo", url: `${repository}/commit/8a7b6c5` },
  ],
  total: 12,
  behind: 0,
  compareUrl: `${repository}/compare/9d8e7f6...3f9c1e2`,
  tickets: [{ key: "API-7", summary: "Login fails", status: "In Review", url: "https://jira.example.com/browse/API-7" }],
  gaps: [],
};

describe("the card reads", () => {
  test("while it waits for approval: what changes, who may decide, until when", () => {
    reads({ events: story.images.slice(0, 2), facts: { change, ref: "main", why: "release day" } }, [
      "api prod 3f9c1e2 (#142): waits for approval (0 of 1), by release-captains, not the requester, expires at 12:30 UTC, image on 2 of 3 hosts",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC as main",
      "Why: release day",
      "Commits: 12",
      "- 3f9c1e2 Fix the login · Ana",
      "- 8a7b6c5 Tidy up &lt;!channel&gt; · Bo",
      "and 10 more",
      "Tickets: 1",
      "- API-7 Login fails (In Review)",
      "Command: /deploy api prod 3f9c1e2",
      "You can: /gantry approve 142, or /gantry reject 142 WHY",
    ]);
  });

  test("with everything an approver must not overlook", () => {
    const facts: Partial<RolloutFacts> = {
      change: {
        ...change,
        commits: [],
        total: 0,
        tickets: [],
        behind: 2,
        gaps: [{ reason: "jira_unreachable", text: "Jira: no answer in 5 s" }],
      },
      healthDeclared: false,
      notSoakedIn: "staging",
      away: ["web-3"],
      allowBad: { why: "the alarm was false", verdict: "unhealthy: web-1 answered 500" },
      why: "the alarm was false",
      readiness: { ready: 2, total: 3, release: 41, unready: [{ host: "web-3", why: "away" }], expectedMs: 4_000 },
    };
    const warned = card({ events: [], facts }).text.match(/^W.*$/gm);
    assert.deepEqual(warned, [
      "Warning: r42 was judged bad here (unhealthy: web-1 answered 500) and is asked for anyway: the alarm was false",
      "Warning: NO HEALTH CHECK is declared: whatever stays up for a second counts as healthy, and only a crash is noticed. Write `health: http://127.0.0.1:PORT/healthz` under `x-gantry`.",
      "Warning: r42 has not soaked in staging.",
      "Warning: 2 commits that run now are not in it and would be lost.",
      "Warning: No connection now: web-3.",
      "Warning: Rollback to r41: ready on 2 of 3 hosts (web-3: away), about 4 s.",
      "Warning: Could not look this up: Jira: no answer in 5 s (jira_unreachable)",
    ]);
  });

  test("while it waits for images", () => {
    reads({ events: [story.approved] }, [
      "api prod 3f9c1e2 (#142): waits for images, image on 0 of 3 hosts",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC",
      "Approved by bo at 12:00 UTC",
      "- web-1: waits, pulling the image",
      "- web-2: waits, pulling the image",
      "- web-3: waits, pulling the image",
      "Command: /deploy api prod 3f9c1e2",
      "You can: /gantry cancel 142",
    ]);
  });

  test("while hosts swap: each with what it does just now", () => {
    reads({ events: story.secondBatch, facts: { steps: { "web-2": "checking" }, away: ["web-3"] } }, [
      "api prod 3f9c1e2 (#142): rolling out, batch 2 of 2, 1 of 3 hosts done, for 40 s",
      "Rollback to r41: ready on 3 of 3 hosts, about 4 s",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC",
      "Approved by bo at 12:00 UTC",
      "Warning: No connection now: web-3.",
      "- web-1: healthy, 4 s",
      "- web-2: checking health, 6 s",
      "- web-3: swapping, 6 s, no connection",
      "Command: /deploy api prod 3f9c1e2",
      "You can: /gantry pause 142, or /gantry abort 142, or /rollback api prod",
    ]);
  });

  test("while it soaks", () => {
    const [first] = card({ events: story.canarySoaks, facts: { now: story.noon + 40_000 } }).text.split("\n");
    assert.equal(first, "api prod 3f9c1e2 (#142): soaking, batch 1 of 2, until 12:00:54 UTC, for 20 s");
  });

  test("when it is live", () => {
    reads({ events: story.succeeded, facts: { now: story.noon + 3_600_000 } }, [
      "api prod 3f9c1e2 (#142): live, on 3 hosts, took 1 min 9 s",
      "Watched until 12:11 UTC: containers that do not stay well raise this card again.",
      "Rollback to r41: ready on 3 of 3 hosts, about 4 s",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC",
      "Approved by bo at 12:00 UTC",
      "- web-1: healthy, 4 s",
      "- web-2: healthy, 4 s",
      "- web-3: healthy, 5 s",
      "Command: /deploy api prod 3f9c1e2",
      "You can: /rollback api prod",
    ]);
  });

  test("while a failure is undone: which host, why, its last lines, and what comes next", () => {
    reads({ events: story.failed }, [
      "api prod 3f9c1e2 (#142): being put back, 0 of 3 hosts back, for 40 s",
      "web-3: The health check failed (unhealthy): GET http://127.0.0.1:8080/healthz answered 500. Next: Read the container's last lines and try the health address on the host.",
      "Last lines on `web-3`:",
      "```",
      "listening on :8080",
      "GET /healthz 500",
      "```",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC",
      "Approved by bo at 12:00 UTC",
      "- web-1: going back",
      "- web-2: waits to go back",
      "- web-3: going back",
      "Command: /deploy api prod 3f9c1e2",
    ]);
  });

  test("when it was put back", () => {
    const lines = card({ events: story.restored }).text.split("\n");
    assert.equal(lines[0], "api prod 3f9c1e2 (#142): failed, put back, took 43 s");
    assert.equal(lines[2], "Now: r41 serves again on all 3 hosts.");
    assert.ok(lines.includes("- web-3: put back to r41"));
  });

  test("when a host could not be put back: where to go", () => {
    const events: LaterEvent[] = [
      ...story.failed,
      story.backOn("web-1", 62),
      story.backOn("web-2", 62),
      {
        type: "host_restore_failed",
        at: story.noon + 65_000,
        host: "web-3",
        reason: "restore_failed",
        detail: "no such container",
        logTail: [],
      },
    ];
    const lines = card({ events }).text.split("\n");
    assert.equal(lines[0], "api prod 3f9c1e2 (#142): stuck, needs a person, took 45 s");
    assert.equal(
      lines[1],
      "web-3: The old container could not be put back (restore_failed): no such container. Next: Go to the host now: nothing serves there.",
    );
    assert.equal(lines[2], "Now: A person is needed on web-3: look there now. The others serve r41.");
  });

  test("when it was rejected, with the words of who rejected it", () => {
    reads({ events: [{ type: "rejected", at: story.noon + 5000, by: story.bo, why: "wrong commit" }] }, [
      "api prod 3f9c1e2 (#142): rejected, nothing was touched",
      "They said: wrong commit",
      "Release: r42 (3f9c1e2), sha256:424242424242; before: r41 (9d8e7f6)",
      "Hosts: 3: first web-1, then web-2, web-3",
      "Asked by ana at 12:00 UTC",
      "Rejected by bo at 12:00 UTC",
      "Command: /deploy api prod 3f9c1e2",
    ]);
  });

  test("when nobody decided, and when the plan changed", () => {
    const expired = card({ events: [{ type: "expired", at: story.noon + 1_800_000 }] }).text.split("\n");
    assert.deepEqual(expired.slice(0, 2), [
      "api prod 3f9c1e2 (#142): expired, nobody decided in time, nothing was touched",
      "Nobody decided in time. Ask for the rollout again.",
    ]);
    const changed = card({ events: [{ type: "plan_changed", at: story.noon + 9000, detail: "web-4 has joined" }] }).text.split(
      "\n",
    );
    assert.deepEqual(changed.slice(0, 2), [
      "api prod 3f9c1e2 (#142): cancelled, nothing was touched",
      "The plan changed since it was made: web-4 has joined. Ask for the rollout again.",
    ]);
  });

  test("when a person stopped it on the way", () => {
    const events = [...story.canarySoaks, story.cancelledBy(story.ana, 30, "metrics look wrong"), story.backOn("web-1", 33)];
    const lines = card({ events }).text.split("\n");
    assert.deepEqual(lines.slice(0, 3), [
      "api prod 3f9c1e2 (#142): cancelled, put back, took 13 s",
      "They said: metrics look wrong",
      "Now: r41 serves again on the 1 host it had touched.",
    ]);
    assert.ok(lines.includes("Cancelled by ana at 12:00 UTC"));
  });

  test("when it is a rollback", () => {
    const first: Partial<Requested> = {
      kind: "rollback",
      release: 41,
      from: 42,
      approvalsRequired: 0,
      batches: [["web-1", "web-2", "web-3"]],
    };
    const rolling = card({ events: [], first }).text.split("\n");
    assert.equal(rolling[0], "api prod 9d8e7f6 (#142): rollback, rolling back, batch 1 of 1, 0 of 3 hosts done, for 1 min");
    assert.ok(!rolling.some((line) => line.startsWith("You can")), "a rollback that has begun is not undone");
    const done = card({ events: ["web-1", "web-2", "web-3"].map((host) => story.swapped(host, 4)), first }).text.split("\n");
    assert.equal(done[0], "api prod 9d8e7f6 (#142): rollback, rolled back, on 3 hosts, took 4 s");
    assert.equal(done.at(-1), "Command: /rollback api prod r41 --now");
  });

  test("what it names fits into the first forty characters, where a phone shows it", () => {
    for (const events of [[], story.rolling, story.succeeded, story.restored]) {
      assert.match(card({ events }).text.slice(0, 40), /api.*prod.*3f9c1e2/);
    }
  });
});

describe("too much of everything", () => {
  const names = Array.from({ length: 300 }, (_, i) => `web-${i}`);
  const first: Partial<Requested> = {
    batches: [names.slice(0, 1), names.slice(1, 100), names.slice(100, 300)],
    hosts: names.map((host) => ({ host, from: 41, unchanged: false })),
  };
  const many = (n: number) => ({ sha: `${n}`.padStart(7, "a"), title: `Commit ${n}`, author: "Ana", url: "" });

  test("is cut by count, with what needs an eye first", () => {
    const facts = { change: { ...change, commits: Array.from({ length: 30 }, (_, n) => many(n)), total: 250 } };
    const events: LaterEvent[] = [story.approved, { type: "image_present", at: story.noon, host: "web-0" }];
    const lines = card({ events, first, facts }).text.split("\n");
    assert.ok(lines.includes("Hosts: 300: first web-0, then web-1, web-2 and 97 more, then web-100, web-101 and 198 more"));
    assert.equal(lines.filter((line) => line.startsWith("- web-")).length, 20);
    assert.ok(lines.includes("- web-0: swapping, 1 min"));
    assert.ok(lines.includes("and 280 more: 280 waiting"));
    assert.ok(lines.includes("- aaaaaa9 Commit 9 · Ana") && !lines.includes("- aaaaa10 Commit 10 · Ana"));
    assert.ok(lines.includes("and 240 more"));
  });

  test("stays within a message even when all of it is quotes and backslashes", () => {
    const wild = '"\\'.repeat(500);
    const link = `https://github.example.com/${"a".repeat(200)}`;
    const facts: Partial<RolloutFacts> = {
      ref: wild,
      why: wild,
      healthDeclared: false,
      notSoakedIn: wild,
      approvers: [wild, wild, wild],
      away: names.map((name) => `${wild}${name}`),
      allowBad: { why: `other${wild}`, verdict: wild },
      change: {
        commits: Array.from({ length: 30 }, () => ({ sha: wild, title: wild, author: wild, url: link })),
        total: 30,
        behind: 3,
        compareUrl: link,
        tickets: Array.from({ length: 30 }, () => ({ key: wild, summary: wild, status: wild, url: link })),
        gaps: Array.from({ length: 9 }, () => ({ reason: "jira_unreachable" as const, text: wild })),
      },
    };
    const hosts = names.map((name) => `${wild}${name}`);
    const fleet: Partial<Requested> = {
      requester: { kind: "local", id: "0", name: wild },
      batches: [hosts],
      hosts: hosts.map((host) => ({ host, from: 41, unchanged: false })),
    };
    const at = story.noon;
    const events: LaterEvent[] = [
      story.approved,
      ...hosts.map((host): LaterEvent => ({ type: "image_present", at, host })),
      { type: "host_failed", at, host: hosts[9] ?? "", reason: "unhealthy", detail: wild, logTail: Array(30).fill(wild) },
    ];
    const message = card({ events, first: fleet, facts });
    for (const text of mrkdwnOf(message.blocks)) assert.ok(!text.endsWith("\n…"), "cut by the last guard, not by count");
  });

  test("colours of a terminal are left out of log lines, and no line closes the block", () => {
    const lines = ["\u001B[31mERROR\u001B[0m boom", "```", "<!channel> <@U999>"];
    const message = card({ events: [...story.secondBatch, story.unhealthy("web-2", 60, lines)] });
    assert.ok(
      mrkdwnOf(message.blocks).includes("Last lines on `web-2`:\n```\nERROR boom\n'''\n&lt;!channel&gt; &lt;@U999&gt;\n```"),
    );
  });
});

describe("the card looks", () => {
  const shapes: readonly (readonly [string, Told, readonly string[]])[] = [
    [
      "while it waits: facts, changes, two buttons",
      { events: [], facts: { change } },
      ["header", "section", "section of 4 fields", "section", "section", "actions verb:approve verb:reject", "context of 1"],
    ],
    [
      "while it rolls: hosts, and what can be done with it",
      { events: story.rolling },
      ["header", "section", "section", "section of 4 fields", "actions verb:pause verb:abort verb:rollback", "context of 2"],
    ],
    [
      "when it is live: only the way back",
      { events: story.succeeded },
      ["header", "section", "section", "section of 4 fields", "actions verb:rollback", "context of 2"],
    ],
    [
      "when it failed: the trouble and the log first, no buttons",
      { events: story.restored },
      ["header", "section", "section", "section", "section", "section of 4 fields", "context of 2"],
    ],
    [
      "when it was rejected: no buttons",
      { events: [{ type: "rejected", at: story.noon, by: story.bo, why: "no" }] },
      ["header", "section", "section of 4 fields", "context of 2"],
    ],
  ];
  for (const [name, told, shape] of shapes) test(name, () => assert.deepEqual(shapeOf(card(told)), shape));

  test("after the end: commits are only counted, tickets stay", () => {
    const texts = mrkdwnOf(card({ events: story.succeeded, facts: { change } }).blocks);
    assert.ok(texts.includes(`*12 commits* · <${change.compareUrl}|compare>`));
    assert.ok(texts.some((text) => text.includes("API-7")) && !texts.some((text) => text.includes("Fix the login")));
  });

  test("two columns of facts", () => {
    const fields = card({ events: [], facts: { ref: "main" } }).blocks.flatMap((b) =>
      b.type === "section" ? (b.fields ?? []) : [],
    );
    assert.deepEqual(
      fields.map((f) => f.text),
      [
        "*From → to*\nr41 `9d8e7f6` → r42 `3f9c1e2`",
        "*Image*\n`sha256:424242424242`",
        "*Hosts*\n3: first web-1, then web-2, web-3",
        "*Asked by*\n<@U0ANA> <!date^1795348800^{time}|12:00 UTC>, as `main`",
      ],
    );
  });

  test("buttons carry the rollout and its plan, and say in full what they do", () => {
    const [actions] = card({ events: [] }).blocks.filter((b) => b.type === "actions");
    const [approve, reject] = (actions?.elements ?? []) as unknown as Record<string, unknown>[];
    assert.equal(approve?.["value"], '{"rollout":142,"planHash":"a1b2c3d4e5f6"}');
    assert.equal(reject?.["value"], '{"rollout":142,"planHash":"a1b2c3d4e5f6"}');
    assert.equal(approve?.["accessibility_label"], "Approve #142, api to prod");
    const confirm = approve?.["confirm"] as { text: { text: string } };
    assert.equal(confirm.text.text, "api → prod: r42 (3f9c1e2) on 3 hosts. r41 (9d8e7f6) runs there now.");
    assert.equal(reject?.["confirm"], undefined, "its form asks");
  });

  test("every render has block ids of its own, the same facts the same ones", () => {
    const ids = (told: Told) => card(told).blocks.map((b) => b.block_id);
    assert.deepEqual(ids({ events: story.rolling }), ids({ events: story.rolling }));
    const other = ids({ events: story.rolling, facts: { now: story.noon + 61_000 } });
    assert.ok(ids({ events: story.rolling }).every((id) => !other.includes(id)));
  });

  test("nobody is mentioned but those who acted", () => {
    const mentions = mrkdwnOf(card({ events: story.succeeded }).blocks)
      .join(" ")
      .match(/<@\w+>/g);
    assert.deepEqual(new Set(mentions), new Set(["<@U0ANA>", "<@U0BO>"]));
    const local = card({ events: [], first: { requester: { kind: "local", id: "1000", name: "root*<@U1>" } } });
    assert.ok(mrkdwnOf(local.blocks).some((text) => text.includes("*root&lt;@U1&gt;*")));
  });
});
