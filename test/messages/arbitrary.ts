/** Any facts that can come up: states made by the real reducer, words from the worst outside there is. */
import fc from "fast-check";
import type { ChangeFacts, RolloutFacts } from "../../src/core/facts.ts";
import type { Amount, RolloutPolicy } from "../../src/core/plan.ts";
import { type ReasonCode, reasons } from "../../src/core/reasons.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { LaterEvent, PauseReason, Person, Requested, RolloutState } from "../../src/core/rollout-state.ts";
import type { SlotStep } from "../../src/core/slot.ts";
import { type WatchFinding, watchRule } from "../../src/core/watch.ts";
import { hostile } from "./check.ts";
import { factsOf, noon, policy, requested } from "./facts.ts";

export const words = fc.oneof(
  fc.constantFrom(...hostile),
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.lorem({ maxCount: 20 }),
);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const reason = fc.constantFrom(...(Object.keys(reasons) as ReasonCode[]));
const person: fc.Arbitrary<Person> = fc.oneof(
  fc.constantFrom<Person>({ kind: "slack", id: "U0ANA", name: "ana" }, { kind: "slack", id: "U0BO", name: "bo" }),
  fc.record({ kind: fc.constantFrom("slack", "local", "system"), id: words, name: words }),
);
const failure = fc.record({ reason, detail: words, logTail: fc.array(words, { maxLength: 30 }) });
const address = fc.oneof(
  fc.constantFrom("https://github.example.com/a?b=1&c=2", "javascript:alert(1)", "https://x/|<!channel>"),
  words,
);

const steps: readonly SlotStep[] = [
  "idle",
  "pulling",
  "creating",
  "stopping_old",
  "starting",
  "checking",
  "promoting",
  "serving",
  "restoring",
  "failed",
];

const pauseReason = fc.constantFrom<PauseReason>("paused", "server_behind", "line_held");

function findingOn(host: fc.Arbitrary<string>): fc.Arbitrary<WatchFinding> {
  const at = fc.integer({ min: noon, max: noon + 3_600_000 });
  const health = fc.constantFrom("ok", "starting", "failing", "restarting", "exited", "empty");
  return fc.record({
    host,
    found: fc.constantFrom("unwell", "restarts", "flaps"),
    rule: fc.constant(watchRule),
    samples: fc.array(fc.record({ host, at, health, restarts: fc.nat(9) }), { maxLength: 30 }),
    at,
  }) as fc.Arbitrary<WatchFinding>;
}

/** Every way in which a rollout may go. */
const anyPolicy: fc.Arbitrary<RolloutPolicy> = fc
  .record({
    maxFailed: fc.constantFrom<Amount>({ hosts: 0 }, { hosts: 1 }, { percent: 50 }),
    onFailure: fc.constantFrom("pause", "restore", "rollback"),
    unreachable: fc.constantFrom("wait", "skip", "fail"),
    onUnwell: fc.constantFrom("raise", "rollback"),
    spread: maybe(fc.record({ label: words, order: fc.constantFrom("apart", "in_turn") })),
  })
  .map(({ onUnwell, ...rest }) => ({ ...policy, ...rest, watch: { forMs: 600_000, onUnwell } }) as RolloutPolicy);

/** What may happen next; the reducer refuses or ignores what does not fit. */
function eventsOf(hosts: readonly string[]): fc.Arbitrary<LaterEvent> {
  const at = fc.integer({ min: noon, max: noon + 3_600_000 });
  const host = fc.constantFrom(...hosts);
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant("approved"), at, by: person }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant("image_present"), at, host }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant("host_swapped"), at, host, tookMs: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("soaked"), at }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant("host_restored"), at, host }) },
    fc.tuple(failure, host, at).map(([f, h, t]) => ({ type: "host_failed" as const, host: h, at: t, ...f })),
    fc.tuple(failure, host, at).map(([f, h, t]) => ({ type: "host_unwell" as const, host: h, at: t, ...f })),
    fc.tuple(failure, host, at).map(([f, h, t]) => ({ type: "host_restore_failed" as const, host: h, at: t, ...f })),
    fc.record({ type: fc.constant("image_failed"), at, host, reason, detail: words }),
    fc.record({ type: fc.constant("stalled"), at }),
    fc.record({ type: fc.constant("hosts_changed"), at }),
    fc.record({ type: fc.constant("host_left"), at, host }),
    fc.record({ type: fc.constant("paused"), at, reason: pauseReason, by: maybe(person), why: maybe(words) }),
    fc.record({ type: fc.constant("resumed"), at, reason: maybe(pauseReason), by: maybe(person) }),
    fc.record({ type: fc.constant("retried"), at, by: person }),
    fc.record({ type: fc.constant("continued"), at, by: person, why: words }),
    fc.record({ type: fc.constant("soak_skipped"), at, by: person, why: maybe(words) }),
    fc.record({ type: fc.constant("thrown_out"), at, reason, detail: words }),
    fc.record({ type: fc.constant("adopted"), at, by: person, detail: words }),
    fc.record({ type: fc.constant("watch_raised"), at, finding: findingOn(host) }),
    fc.record({ type: fc.constant("watch_ended"), at, quiet: fc.boolean() }),
    fc.record({ type: fc.constant("host_overdue"), at, host, connected: fc.boolean() }),
    fc.record({ type: fc.constant("rejected"), at, by: person, why: words }),
    fc.record({ type: fc.constant("cancelled"), at, by: person, why: maybe(words), blame: fc.boolean() }),
    fc.record({ type: fc.constant("plan_changed"), at, detail: words }),
    fc.record({ type: fc.constant("expired"), at }),
  ) as fc.Arbitrary<LaterEvent>;
}

export type Moved = {
  readonly before: RolloutState | null;
  readonly event: LaterEvent | Requested;
  readonly after: RolloutState;
};

/** A rollout and everything that moved it. Fleets of one host and of hundreds. */
export const story: fc.Arbitrary<readonly Moved[]> = fc
  .record({
    names: fc.oneof(
      { weight: 5, arbitrary: fc.uniqueArray(fc.stringMatching(/^web-[0-9]{1,3}$/), { minLength: 1, maxLength: 4 }) },
      fc.uniqueArray(words, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 50, max: 300 }).map((n) => Array.from({ length: n }, (_, i) => `host-${i}.${"long".repeat(8)}`)),
    ),
    kind: fc.constantFrom("deploy", "promote", "rollback", "restart"),
    from: maybe(fc.constant(41)),
    approvalsRequired: fc.integer({ min: 0, max: 2 }),
    requester: person,
    size: fc.integer({ min: 1, max: 100 }),
    unchanged: fc.boolean(),
    inLine: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    policy: anyPolicy,
    back: maybe(fc.constantFrom(40, 41)),
    oneFails: fc.boolean(),
  })
  .chain(({ names, size, unchanged, oneFails, ...rest }) => {
    const { from } = rest;
    const batches = Array.from({ length: Math.ceil(names.length / size) }, (_, i) => names.slice(i * size, (i + 1) * size));
    const hosts = names.map((host, i) => ({ host, from, unchanged: unchanged && i === 0 }));
    const first = requested({ ...rest, batches, hosts });
    const straight = straightOn(first, oneFails ? (names.at(-1) ?? null) : null);
    return fc
      .tuple(
        fc.oneof(fc.constantFrom(0, straight.length), fc.integer({ min: 0, max: straight.length })),
        turnsOf(names),
        fc.array(eventsOf(names), { maxLength: 20 }),
      )
      .map(([begun, turn, events]) => told(first, [...straight.slice(0, begun), ...turn, ...events]));
  });

/** What chance alone would seldom put together. */
function turnsOf(hosts: readonly string[]): fc.Arbitrary<readonly LaterEvent[]> {
  const at = noon + 60_000;
  const all = (make: (host: string) => LaterEvent) => hosts.map(make);
  const last = hosts.at(-1);
  return fc.tuple(failure, person, findingOn(fc.constantFrom(...hosts))).chain(([why, by, finding]) =>
    fc.constantFrom<readonly LaterEvent[]>(
      [],
      [{ type: "rejected", at, by, why: why.detail }],
      [{ type: "expired", at }],
      [{ type: "paused", at, reason: "paused", by, why: why.detail }],
      [{ type: "paused", at, reason: "line_held", by: null, why: why.detail }],
      [{ type: "paused", at, reason: "server_behind", by: null, why: why.detail }],
      [{ type: "watch_raised", at, finding }],
      // The last of them fails, the others come through: 2 of 3 have it.
      ...(last === undefined ? [] : [[{ type: "host_failed" as const, at, host: last, ...why }]]),
      [...all((host) => ({ type: "host_failed", at, host, ...why })), ...all((host) => ({ type: "host_restored", at, host }))],
      [
        ...all((host) => ({ type: "host_failed", at, host, ...why })),
        ...all((host) => ({ type: "host_restore_failed", at, host, ...why })),
      ],
    ),
  );
}

/** Everything going well, but for one host at most, so that chance has to find only the rest. */
function straightOn(first: Requested, fails: string | null): readonly LaterEvent[] {
  const at = noon + 1000;
  const by = (i: number): Person => ({ kind: "slack", id: i === 0 ? "U0ANA" : "U0BO", name: "bo" });
  return [
    ...Array.from({ length: first.approvalsRequired }, (_, i): LaterEvent => ({ type: "approved", at, by: by(i) })),
    ...first.hosts.map(({ host }): LaterEvent => ({ type: "image_present", at, host })),
    ...first.batches.flatMap((batch): LaterEvent[] => [
      ...batch.map(
        (host): LaterEvent =>
          host === fails
            ? { type: "host_failed", at: at + 4000, host, reason: "unhealthy", detail: "answered 500", logTail: [] }
            : { type: "host_swapped", at: at + 4000, host, tookMs: 4000 },
      ),
      { type: "soaked", at: at + 34_000 },
    ]),
  ];
}

function told(first: Requested, events: readonly LaterEvent[]): readonly Moved[] {
  const moves: Moved[] = [{ before: null, event: first, after: begin(first).state }];
  for (const event of events) {
    const before = (moves.at(-1) as Moved).after;
    const result = step(before, event);
    if (result.kind === "moved") moves.push({ before, event, after: result.state });
  }
  return moves;
}

const change: fc.Arbitrary<ChangeFacts> = fc.record({
  commits: fc.array(fc.record({ sha: words, title: words, author: words, url: address }), { maxLength: 30 }),
  total: fc.nat(500),
  behind: fc.nat(5),
  compareUrl: maybe(address),
  tickets: fc.array(fc.record({ key: words, summary: words, status: words, url: address }), { maxLength: 30 }),
  gaps: fc.array(fc.record({ reason, text: words }), { maxLength: 5 }),
});

const sides = fc.record({
  before: fc.double({ min: 0, max: 1e15, noNaN: true }),
  after: fc.double({ min: 0, max: 1e15, noNaN: true }),
});

/** The rest of a card's facts, for any state. */
export const around: fc.Arbitrary<(state: RolloutState) => RolloutFacts> = fc
  .record({
    change: maybe(change),
    ref: maybe(words),
    why: maybe(words),
    allowBad: maybe(fc.record({ why: words, verdict: words })),
    healthDeclared: fc.boolean(),
    notSoakedIn: maybe(words),
    approvers: fc.array(words, { maxLength: 3 }),
    notRequester: fc.boolean(),
    allAway: fc.boolean(),
    slotStep: fc.constantFrom(...steps),
    place: maybe(fc.nat(9)),
    behind: maybe(
      fc.record({
        rollout: maybe(fc.nat()),
        lock: maybe(fc.record({ by: person, at: fc.constant(noon), why: words, until: maybe(fc.constant(noon + 9e6)) })),
      }),
    ),
    leftOut: fc.array(
      fc.record({
        host: words,
        intent: fc.record({ kind: fc.constantFrom("cordoned", "drained"), by: person, at: fc.constant(noon), why: maybe(words) }),
      }),
      { maxLength: 9 },
    ),
    uses: maybe(fc.record({ hosts: fc.integer({ min: 1, max: 5_000 }), cores: maybe(sides), memoryBytes: sides })),
    head: maybe(fc.record({ seq: fc.nat(), hash: fc.constant("9f3a1c2d".repeat(8)) })),
    now: fc.integer({ min: noon, max: noon + 90_000_000 }),
  })
  .map(({ allAway, slotStep, place, uses, ...rest }) => (state) => {
    const names = state.hosts.map((h) => h.host);
    return factsOf(state, {
      ...rest,
      ...(uses === null ? {} : { usage: uses }),
      position: state.phase === "in_line" && place !== null ? place + 1 : null,
      away: allAway ? names : [],
      steps: Object.fromEntries(names.map((name) => [name, slotStep])),
      readiness: { ready: 0, total: names.length, release: state.from },
    });
  });
