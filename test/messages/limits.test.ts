/** Whatever happens and whatever it is called, messages stay within Slack's limits and show nothing as markup but their own. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { EnvironmentStatus, HistoryLine, HostFacts, WhyFacts } from "../../src/core/facts.ts";
import { type ReasonCode, reasons, refuse } from "../../src/core/reasons.ts";
import type { Readiness } from "../../src/core/rollback-estimate.ts";
import type { Phase } from "../../src/core/rollout-state.ts";
import { watchRule } from "../../src/core/watch.ts";
import { note } from "../../src/messages/blocks.ts";
import { deploymentDescription, ticketComment } from "../../src/messages/deployment.ts";
import { endedNotice } from "../../src/messages/ended-notice.ts";
import { historyMessage } from "../../src/messages/history.ts";
import { homeView } from "../../src/messages/home.ts";
import { hostsMessage } from "../../src/messages/hosts.ts";
import type { Message } from "../../src/messages/message.ts";
import { refusalMessage } from "../../src/messages/refusal.ts";
import { rollbackPreview } from "../../src/messages/rollback-preview.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { threadLines } from "../../src/messages/thread-lines.ts";
import { turnNotice } from "../../src/messages/turn-notice.ts";
import { whyMessage } from "../../src/messages/why.ts";
import { checkBlocks } from "../../src/rehearsal/slack/block-rules.ts";
import { around, story, words } from "./arbitrary.ts";
import { assertShowable, mrkdwnOf } from "./check.ts";
import { after, noon, r41, r42 } from "./facts.ts";

const everyPhase: readonly Phase[] = [
  "in_line",
  "awaiting_approval",
  "queued",
  "rolling",
  "soaking",
  "succeeded",
  "incomplete",
  "restoring",
  "restored",
  "stuck",
  "rejected",
  "expired",
  "cancelled",
];

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });

describe("any rollout", () => {
  test("in any state has a card, a thread, and an end that can be shown", () => {
    const seen = new Set<Phase>();
    const held = new Set<string>();
    let raised = 0;
    fc.assert(
      fc.property(story, around, (moves, factsFor) => {
        for (const { before, event, after: state } of moves) {
          seen.add(state.phase);
          for (const { reason } of state.pauses) held.add(reason);
          if (event.type === "watch_raised") raised++;
          for (const { message } of threadLines(before, event, state)) assertShowable(message, event.type);
        }
        // One of each phase, and of each way of standing still in it.
        const phases = new Map(
          moves.map(({ after: s }) => [`${s.phase} ${s.pauses.map((p) => p.reason)} ${s.watch?.finding != null}`, s]),
        );
        for (const state of phases.values()) {
          const facts = factsFor(state);
          assertShowable(rolloutCard(facts), state.phase);
          assertShowable(endedNotice(facts), state.phase);
          const description = deploymentDescription(facts);
          assert.ok(description.length <= 140 && !/\p{Cc}/u.test(description));
          assert.doesNotMatch(ticketComment(facts, "API-7") ?? "", /\p{Cc}/u);
          for (const turn of ["next", "turn", "held"] as const) assertShowable(turnNotice(facts, turn), turn);
        }
      }),
      { numRuns: 250, seed: 20261122 },
    );
    assert.deepEqual(new Set(everyPhase), seen, "the stories must reach every phase");
    assert.deepEqual(held, new Set(["paused", "paused_on_failure", "server_behind", "line_held"]));
    assert.ok(raised > 0, "the watch must be raised at times");
  });
});

const slots = fc.array(
  fc.record({
    host: words,
    connected: fc.boolean(),
    release: maybe(fc.constantFrom(41, 42)),
    health: fc.constantFrom("ok", "starting", "failing", "restarting", "exited", "empty", "unknown"),
    detail: maybe(words),
  }),
  { maxLength: 40 },
);
const who = fc.record({ kind: fc.constantFrom("slack", "local", "system"), id: words, name: words });
const lock = fc.record({ by: who, at: fc.constant(noon), why: words, until: maybe(fc.constant(noon + 7_200_000)) });
const intent = fc.record({ kind: fc.constantFrom("cordoned", "drained"), by: who, at: fc.constant(noon), why: maybe(words) });
const unready = fc.record({ host: words, why: fc.constantFrom("away", "engine_down", "swapping", "not_kept") });
const readiness: fc.Arbitrary<Readiness> = fc.record({
  ready: fc.nat(3),
  total: fc.nat(60),
  unready: fc.array(unready, { maxLength: 60 }),
  expectedMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
});
const environment: fc.Arbitrary<EnvironmentStatus> = fc.record({
  service: words,
  environment: words,
  live: maybe(fc.constant(r42)),
  since: maybe(fc.constantFrom(noon, noon - 1e9)),
  by: maybe(words),
  active: maybe(fc.constant(after([]))),
  lastTrouble: maybe(fc.tuple(fc.constant(after([])), words).map(([state, detail]) => ({ ...state, phase: "stuck", detail }))),
  isConfigured: fc.boolean(),
  slots,
  rollbackTo: maybe(fc.constant(r41)),
  readiness,
  healthDeclared: fc.boolean(),
  lock: maybe(lock),
  line: fc.array(fc.constant(after([])), { maxLength: 12 }),
});
const line: fc.Arbitrary<HistoryLine> = fc
  .tuple(story, words, maybe(words))
  .map(([moves, commit, fromCommit]) => ({ state: moves.at(-1)?.after ?? after([]), commit, fromCommit }));
const host: fc.Arbitrary<HostFacts> = fc.record({
  name: words,
  labels: fc.dictionary(words, words, { maxKeys: 8 }),
  connected: fc.boolean(),
  lastSeenAt: maybe(fc.constant(noon - 5000)),
  agentVersion: maybe(words),
  revoked: fc.boolean(),
  intent: maybe(intent),
  engine: maybe(fc.record({ ok: fc.boolean(), reason: maybe(words), detail: maybe(words), liveRestore: maybe(fc.boolean()) })),
  slots: fc.array(fc.record({ service: words, environment: words, release: maybe(fc.nat()), health: words }), { maxLength: 9 }),
});

const freeze = fc.record({
  reason: fc.constantFrom("server_behind", "history_forked"),
  at: fc.constant(noon),
  host: maybe(words),
  detail: words,
});
const sample = fc.record({
  host: words,
  at: fc.constant(noon),
  health: fc.constantFrom("ok", "failing", "empty"),
  restarts: fc.nat(5),
});
const explanation: fc.Arbitrary<WhyFacts> = fc.record({
  subject: words,
  now: words,
  waits: fc.array(
    fc.record({
      reason: fc.constantFrom(...(Object.keys(reasons) as ReasonCode[])),
      text: words,
      since: maybe(fc.constant(noon - 5000)),
      until: maybe(fc.constant(noon + 5000)),
      ends: words,
    }),
    { maxLength: 12 },
  ),
  story: fc.array(fc.record({ at: fc.constant(noon), text: words }), { maxLength: 60 }),
  series: maybe(fc.record({ rule: fc.constant(watchRule), samples: fc.array(sample, { maxLength: 40 }) })),
  at: fc.constant(noon),
}) as fc.Arbitrary<WhyFacts>;

const others: readonly (readonly [name: string, message: fc.Arbitrary<Message>])[] = [
  [
    "a status",
    fc
      .tuple(fc.array(environment, { maxLength: 40 }), maybe(freeze))
      .map(([environments, frozen]) => statusMessage({ environments, now: noon, freeze: frozen })),
  ],
  ["an answer to why", explanation.map(whyMessage)],
  ["a history", fc.array(line, { maxLength: 60 }).map((lines) => historyMessage({ lines, now: noon }))],
  ["hosts", fc.array(host, { maxLength: 80 }).map((hosts) => hostsMessage({ hosts, now: noon }))],
  [
    "a preview of a rollback",
    fc
      .record({
        service: words,
        environment: words,
        from: maybe(fc.constant(r42)),
        live: maybe(fc.constantFrom(r41, r42)),
        to: fc.constant(r41),
        touched: fc.array(words, { maxLength: 60 }),
        rest: fc.array(words, { maxLength: 60 }),
        judged: fc.subarray([41, 42]),
        planHash: fc.constant("feedbeef"),
        hosts: fc.array(words, { maxLength: 60 }),
        readiness,
        stops: maybe(fc.record({ rollout: fc.nat(), phase: fc.constantFrom("rolling", "awaiting_approval") })),
      })
      // Names of services are short by the configuration's rules; only their content is wild here.
      .map((p) => rollbackPreview({ ...p, service: p.service.slice(0, 40), environment: p.environment.slice(0, 40) })),
  ],
  [
    "a refusal",
    fc
      .tuple(fc.constantFrom(...(Object.keys(reasons) as ReasonCode[])), words, words)
      .map(([code, text, next]) => refusalMessage(refuse(code, text, next))),
  ],
];

describe("the last guard", () => {
  test("cuts a paragraph at a line, closes an open code block, and says that it cut", () => {
    const lines = note(`first\n${"line\n".repeat(2000)}`);
    assertShowable(lines, "lines");
    assert.match(lines.text, /line\n…$/);
    assertShowable(note(`\`\`\`\n${"line\n".repeat(2000)}\`\`\``), "code");
    assertShowable(note(`${"&amp;".repeat(1000)}`), "one long line");
  });
});

describe("any other message", () => {
  for (const [name, arbitrary] of others) {
    test(name, () => {
      fc.assert(
        fc.property(arbitrary, (message) => assertShowable(message, name)),
        { numRuns: 120 },
      );
    });
  }

  test("the Home tab", () => {
    fc.assert(
      fc.property(fc.array(environment, { maxLength: 120 }), (board) => {
        const view = homeView({ board, now: noon });
        assert.deepEqual(checkBlocks(view.blocks as never, "home"), []);
        for (const text of mrkdwnOf(view.blocks)) assert.doesNotMatch(text, /<(?!!date\^|@U0ANA>)/);
      }),
      { numRuns: 60 },
    );
  });
});
