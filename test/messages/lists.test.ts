/** The messages around the card: the thread, the end, and what the reading verbs answer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EnvironmentStatus, HostFacts } from "../../src/core/facts.ts";
import { refuse } from "../../src/core/reasons.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { LaterEvent, Requested } from "../../src/core/rollout-state.ts";
import { deploymentDescription, ticketComment } from "../../src/messages/deployment.ts";
import { endedNotice } from "../../src/messages/ended-notice.ts";
import { historyMessage } from "../../src/messages/history.ts";
import { homeView } from "../../src/messages/home.ts";
import { hostsMessage } from "../../src/messages/hosts.ts";
import type { Message } from "../../src/messages/message.ts";
import { refusalMessage } from "../../src/messages/refusal.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { threadLines } from "../../src/messages/thread-lines.ts";
import { plainText } from "../../src/messages/words.ts";
import { assertShowable, mrkdwnOf, shapeOf } from "./check.ts";
import * as story from "./facts.ts";

const { after, ana, factsOf, noon, r41, r42, requested } = story;

function reads(message: Message, lines: readonly string[]): void {
  assertShowable(message);
  assert.deepEqual(message.text.split("\n"), lines);
}

/** The thread of a rollout; what also goes to the channel is marked. */
function thread(events: readonly LaterEvent[], first: Requested = requested()): readonly string[] {
  let state = begin(first).state;
  const lines = [...threadLines(null, first, state)];
  for (const event of events) {
    const result = step(state, event);
    assert.ok(result.kind === "moved", event.type);
    lines.push(...threadLines(state, event, result.state));
    state = result.state;
  }
  for (const { message } of lines) assertShowable(message);
  return lines.map(({ message, broadcast }) => `${broadcast ? "(channel) " : ""}${message.text}`);
}

describe("the thread tells", () => {
  test("a deploy that goes well", () => {
    assert.deepEqual(thread(story.succeeded), [
      "Asked for by ana.",
      "Approved by bo (1 of 1).",
      "Batch 1 of 2: `web-1`.",
      "`web-1` is healthy on r42 after 4 s.",
      "Soaks for 30 s.",
      "Batch 2 of 2: `web-2`, `web-3`.",
      "`web-2` is healthy on r42 after 4 s.",
      "`web-3` is healthy on r42 after 4 s.",
      "Soaks for 30 s.",
      "Done: 3 hosts on r42, took 1 min 9 s.",
    ]);
  });

  test("a deploy that fails and is put back; the channel hears of it twice", () => {
    assert.deepEqual(thread(story.restored).slice(-6), [
      "`web-3` failed: The health check failed (unhealthy). GET http://127.0.0.1:8080/healthz answered 500\n```\nlistening on :8080\nGET /healthz 500\n```",
      "(channel) Putting back 3 hosts.",
      "`web-1` is back on r41.",
      "`web-2` is back on r41.",
      "`web-3` is back on r41.",
      "(channel) r41 serves again on all 3 hosts. Reason: unhealthy.",
    ]);
  });

  test("waits, and a person who stops it", () => {
    const told = thread([story.approved, ...story.images, story.cancelledBy(ana, 30, "not today"), story.backOn("web-1", 33)]);
    assert.deepEqual(told.slice(1), [
      "Approved by bo (1 of 1).",
      "Waits until the first hosts have the image.",
      "Batch 1 of 2: `web-1`.",
      "Cancelled by ana: not today",
      "Putting back 1 host.",
      "`web-1` is back on r41.",
      "(channel) r41 serves again on the 1 host it had touched. Reason: cancelled.",
    ]);
  });

  test("an image that a host cannot get", () => {
    const broken: LaterEvent = {
      type: "image_failed",
      at: noon,
      host: "web-1",
      reason: "disk_full",
      detail: "no space left on device",
    };
    assert.deepEqual(thread([broken, story.approved]).slice(1), [
      "`web-1` cannot get the image: The disk is full (disk_full). no space left on device",
      "Approved by bo (1 of 1).",
      "(channel) No host was touched; everything serves what it served before. Reason: disk_full.",
    ]);
  });
});

describe("the requester is told", () => {
  test("that it is live", () => {
    reads(endedNotice(factsOf(after(story.succeeded))), ["api prod 3f9c1e2 (#142): live, on 3 hosts, took 1 min 9 s"]);
  });
  test("who rejected it and why", () => {
    const state = after([{ type: "rejected", at: noon + 5000, by: story.bo, why: "wrong commit" }]);
    reads(endedNotice(factsOf(state)), [
      "api prod 3f9c1e2 (#142): rejected, nothing was touched",
      "Rejected by bo at 12:00 UTC",
      "wrong commit",
    ]);
  });
  test("what failed where, and what serves now", () => {
    const lines = endedNotice(factsOf(after(story.restored))).text.split("\n");
    assert.equal(lines[0], "api prod 3f9c1e2 (#142): failed, put back, took 43 s");
    assert.match(lines[1] ?? "", /^web-3: The health check failed \(unhealthy\)/);
    assert.equal(lines[2], "r41 serves again on all 3 hosts.");
  });
});

describe("GitHub and Jira are told", () => {
  test("where the rollout stands", () => {
    assert.equal(deploymentDescription(factsOf(after([]))), "#142 r42 by ana: waits for approval (0 of 1)");
    assert.equal(deploymentDescription(factsOf(after(story.restored))), "#142 r42 by ana: failed, put back");
  });
  test("that a ticket is live, and that it is not any more", () => {
    const live = ticketComment(factsOf(after(story.succeeded)), "API-7");
    assert.equal(live, "API-7 is live in api prod with r42 (3f9c1e2), asked for by ana. (gantry #142)");
    const first = requested({
      number: 143,
      kind: "rollback",
      release: 41,
      from: 42,
      approvalsRequired: 0,
      batches: [["web-1", "web-2", "web-3"]],
    });
    const back = after(
      ["web-1", "web-2", "web-3"].map((host) => story.swapped(host, 4)),
      first,
    );
    assert.equal(
      ticketComment(factsOf(back), "API-7"),
      "API-7 is no longer live in api prod: ana rolled r42 back to r41 (9d8e7f6). (gantry #143)",
    );
  });
  test("nothing on a ticket when nothing shipped", () => {
    assert.equal(ticketComment(factsOf(after(story.restored)), "API-7"), null);
  });
});

const prod: EnvironmentStatus = {
  service: "api",
  environment: "prod",
  live: r42,
  since: noon - 86_400_000,
  by: "ana",
  active: null,
  lastTrouble: null,
  isConfigured: true,
  slots: ["web-1", "web-2", "web-3"].map((host) => ({ host, connected: true, release: 42, health: "ok", detail: null })),
  rollbackTo: r41,
  readiness: { ready: 3, total: 3, expectedMs: 4_000 },
  lock: null,
  line: [],
};

describe("status", () => {
  test("in peace: what is live, since when, by whom, and the way back", () => {
    reads(statusMessage({ environments: [prod], now: noon }), [
      "api prod: r42 (3f9c1e2) since 2026-11-21 12:00 UTC by ana",
      "  3 hosts; rollback goes to r41 (9d8e7f6), ready on 3 of 3 hosts, about 4 s",
    ]);
  });

  test("of a service without a health check: says so once, and what to write", () => {
    const { text, blocks } = statusMessage({ environments: [{ ...prod, healthDeclared: false }], now: noon });
    assert.deepEqual(text.match(/.*health check.*/g), [
      "  no health check is declared: whatever stays up for a second counts as healthy, and only a crash is noticed. Write `health: http://127.0.0.1:PORT/healthz` under `x-gantry`.",
    ]);
    assert.equal(JSON.stringify(blocks).match(/:warning: no health check/g)?.length, 1);
  });

  test("in trouble: what moves, and which hosts are odd", () => {
    const slots: EnvironmentStatus["slots"] = [
      { host: "web-1", connected: true, release: 42, health: "ok", detail: null },
      { host: "web-2", connected: false, release: 42, health: "unknown", detail: null },
      { host: "web-3", connected: true, release: 41, health: "failing", detail: "answered 500" },
      { host: "web-4", connected: true, release: null, health: "empty", detail: null },
    ];
    reads(
      statusMessage({
        environments: [
          {
            ...prod,
            slots,
            active: after([]),
            readiness: {
              ready: 2,
              total: 4,
              unready: [
                { host: "web-2", why: "away" },
                { host: "web-4", why: "not_kept" },
              ],
              expectedMs: 65_000,
            },
          },
        ],
        now: noon,
      }),
      [
        "api prod: r42 (3f9c1e2) since 2026-11-21 12:00 UTC by ana",
        "  #142 deploy of r42 waits for approval (0 of 1), by ana",
        "  `web-2` was last seen with r42, unknown, no connection",
        "  `web-3` serves r41, failing: answered 500",
        "  `web-4` serves nothing",
        "  4 hosts; rollback goes to r41 (9d8e7f6), ready on 2 of 4 hosts (web-2: away, web-4: no kept container), about 1 min 5 s",
      ],
    );
  });

  test("after an attempt that got stuck, until something succeeds", () => {
    const lastTrouble = {
      ...after([]),
      phase: "stuck" as const,
      reason: "host_lost" as const,
      detail: "web-2 could not be rolled back",
    };
    reads(statusMessage({ environments: [{ ...prod, lastTrouble }], now: noon }), [
      "api prod: r42 (3f9c1e2) since 2026-11-21 12:00 UTC by ana",
      "  #142 deploy of r42 is stuck, needs a person: web-2 could not be rolled back (host_lost)",
      "  3 hosts; rollback goes to r41 (9d8e7f6), ready on 3 of 3 hosts, about 4 s",
    ]);
    const texts = mrkdwnOf(homeView({ board: [{ ...prod, lastTrouble }], now: noon }).blocks);
    assert.match(texts[0] ?? "", /^:rotating_light: \*api → prod\* #142 .*needs a person: web-2 could not be rolled back/);
  });

  test("of a place that the configuration does not have any more", () => {
    const gone = { ...prod, active: after(story.rolling), isConfigured: false };
    const [, , line] = statusMessage({ environments: [gone], now: noon }).text.split("\n");
    assert.equal(line, "  the configuration does not have it any more; #142 goes on. To stop it: `/gantry cancel 142`.");
  });

  test("before anything: nothing live, no host, no way back", () => {
    const empty = { ...prod, live: null, since: null, by: null, slots: [], rollbackTo: null };
    reads(statusMessage({ environments: [empty], now: noon }), [
      "api prod: nothing is live",
      "  no host has its labels",
      "  0 hosts; no earlier good release to go back to",
    ]);
    reads(statusMessage({ environments: [], now: noon }), ["No service is set up there."]);
  });
});

describe("history, hosts, Home", () => {
  test("history: one line per rollout", () => {
    const lines = [
      { state: after(story.restored), commit: r42.commit, fromCommit: r41.commit },
      {
        state: { ...after(story.succeeded, requested({ number: 141, release: 41, from: 40 })) },
        commit: r41.commit,
        fromCommit: null,
      },
    ];
    reads(historyMessage({ lines, now: noon }), [
      "#142 12:00 UTC api prod r42 (3f9c1e2) from r41 (9d8e7f6): failed, put back (unhealthy), took 43 s, by ana",
      "#141 12:00 UTC api prod r41 (9d8e7f6) from r40: live, took 1 min 9 s, by ana",
    ]);
    reads(historyMessage({ lines: [], now: noon }), ["Nothing has happened there yet."]);
  });

  test("hosts: those that are not well come first", () => {
    const well: HostFacts = {
      name: "web-1",
      labels: { env: "prod" },
      connected: true,
      lastSeenAt: noon,
      agentVersion: "0.1.0",
      revoked: false,
      intent: null,
      engine: { ok: true, reason: null, detail: null, liveRestore: true },
      slots: [{ service: "api", environment: "prod", release: 42, health: "ok" }],
    };
    const away: HostFacts = { ...well, name: "web-2", connected: false, lastSeenAt: noon - 90_000 };
    const sick: HostFacts = {
      ...well,
      name: "web-3",
      engine: { ok: false, reason: "engine_down", detail: "no answer", liveRestore: null },
    };
    reads(hostsMessage({ hosts: [well, away, sick], now: noon }), [
      "web-2: no connection for 1 min 30 s (agent 0.1.0), env=prod, api prod r42 ok",
      "web-3: connected (agent 0.1.0), engine: no answer, env=prod, api prod r42 ok",
      "web-1: connected (agent 0.1.0), env=prod, api prod r42 ok",
    ]);
    reads(hostsMessage({ hosts: [], now: noon }), [
      "No host is enrolled yet. On the server: `gantry enroll --name NAME --label env=prod`.",
    ]);
  });

  test("Home: what waits, what moves, what is live", () => {
    const staging = { ...prod, environment: "staging", active: after(story.rolling) };
    const { blocks } = homeView({ board: [{ ...prod, active: after([]) }, staging], now: noon });
    const texts = mrkdwnOf(blocks);
    assert.match(
      texts[0] ?? "",
      /\*api → prod\* #142: deploy of r42, waits for approval.*\nDecide on its card, or `\/gantry approve 142`\.$/,
    );
    assert.match(texts[1] ?? "", /rolling out/);
    assert.equal(texts.length, 5);
  });
});

describe("a refusal", () => {
  test("says what, what next, and the reason code in small print", () => {
    const message = refusalMessage(refuse("unknown_service", "There is no service `ap1`. Did you mean `api`?"));
    reads(message, [
      "There is no service `ap1`. Did you mean `api`?",
      "Use a name from `/gantry status`, or add a file to the services folder.",
      "Reason: unknown_service",
    ]);
    assert.deepEqual(shapeOf(message), ["section", "context of 1"]);
  });

  test("keeps lines apart, and reads plainly in a terminal", () => {
    const message = refusalMessage(refuse("ambiguous_ref", "abc fits several:\n<a>\n<b>", "Type more & more."));
    assert.equal(plainText(message), "abc fits several:\n<a>\n<b>\nType more & more.\nReason: ambiguous_ref");
  });
});
