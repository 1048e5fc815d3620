/** The grammar against everything: whatever is understood can be said again, and junk is refused once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { commands } from "../../commands/index.ts";
import { type Grammar, type Parsed, parse, parseCommand } from "../../src/core/grammar.ts";
import { freeText, normalise } from "../../src/core/normalise.ts";
import { render, usage } from "../../src/core/render.ts";
import { find, vocabulary } from "./words.ts";

const text = fc
  .oneof(fc.string({ maxLength: 60, unit: "grapheme" }), fc.string({ maxLength: 60, unit: "binary" }), fc.lorem({ maxCount: 8 }))
  .map((raw) => freeText(normalise(raw)))
  .filter((t) => t !== "" && !/(?![\t\n\r])\p{Cc}/u.test(t));
const refs = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,40}$/).filter((ref) => !ref.includes(".."));
const place = fc.constantFrom(["api", "staging"], ["api", "prod"], ["web", "prod"], ["staging", "prod"]);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const numbers = fc.integer({ min: 1, max: 999_999_999 });
const target = fc.oneof(
  numbers,
  place.map(([service, environment]) => ({ service, environment })),
);
// A host may have the name of a service, or of a little word.
const hosts = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  fc.constantFrom("prod-3", "Web-1.example.com", "api", "on", "9lives"),
);

/** Values that each verb can have. */
const calls: readonly { readonly name: string; readonly args: fc.Arbitrary<object> }[] = [
  {
    name: "deploy",
    args: fc
      .record({
        place,
        ref: refs,
        words: fc.integer({ min: 0, max: 3 }),
        allowBad: fc.boolean(),
        wait: fc.boolean(),
        reason: maybe(text),
      })
      .map(({ place: [service, environment], ref, words, allowBad, wait, reason }) => ({
        service: words > 0 ? service : null,
        environment: words > 1 ? environment : null,
        ref: words > 2 ? ref : null,
        allowBad,
        wait,
        reason,
      })),
  },
  {
    name: "promote",
    args: fc
      .record({
        from: maybe(fc.constantFrom("staging", "prod")),
        to: fc.constantFrom("staging", "prod"),
        wait: fc.boolean(),
        reason: maybe(text),
      })
      .map((a) => ({ service: "api", ...a })),
  },
  {
    name: "rollback",
    args: fc
      .record({ place, to: maybe(numbers), now: fc.boolean(), reason: maybe(text) })
      .map(({ place: [service, environment], ...rest }) => ({ service, environment, ...rest })),
  },
  {
    name: "restart",
    args: fc
      .record({ place, reason: maybe(text) })
      .map(({ place: [service, environment], reason }) => ({ service, environment, reason })),
  },
  { name: "approve", args: fc.record({ rollout: numbers }) },
  { name: "reject", args: fc.record({ rollout: numbers, why: text }) },
  { name: "cancel", args: fc.record({ rollout: target, why: maybe(text) }) },
  { name: "pause", args: fc.record({ rollout: target, why: maybe(text) }) },
  { name: "resume", args: fc.record({ rollout: target }) },
  { name: "retry", args: fc.record({ rollout: target }) },
  { name: "continue", args: fc.record({ rollout: target, why: text }) },
  { name: "skip-soak", args: fc.record({ rollout: target, why: maybe(text) }) },
  { name: "abort", args: fc.record({ rollout: target, why: maybe(text) }) },
  {
    name: "why",
    args: fc.record({
      about: fc.oneof(
        target,
        hosts.map((host) => ({ host })),
      ),
    }),
  },
  {
    name: "status",
    args: fc.record({ service: maybe(fc.constantFrom("api", "staging")), environment: maybe(fc.constant("prod")) }),
  },
  {
    name: "history",
    args: fc.record({
      service: maybe(fc.constantFrom("api", "staging")),
      environment: maybe(fc.constant("prod")),
      limit: maybe(fc.integer({ min: 1, max: 100 })),
    }),
  },
  { name: "hosts", args: fc.constant({}) },
  {
    name: "logs",
    args: fc
      .record({
        place,
        host: maybe(hosts),
        lines: maybe(fc.integer({ min: 1, max: 1_000 })),
        since: maybe(fc.integer({ min: 60, max: 30 * 86_400 }).map((s) => s * 1000)),
        member: maybe(fc.constantFrom("api", "metrics", "db_1.x-2")),
        previous: fc.boolean(),
        follow: fc.boolean(),
      })
      .map(({ place: [service, environment], ...rest }) => ({ service, environment, ...rest })),
  },
  ...["render", "diff"].map((name) => ({
    name,
    args: fc
      .record({ place, build: maybe(fc.oneof(fc.constantFrom("r41", "main"), refs)) })
      .map(({ place: [service, environment], build }) => ({ service, environment, build })),
  })),
  {
    name: "lock",
    args: fc
      .record({ place, why: text, for: maybe(fc.integer({ min: 60, max: 30 * 86_400 }).map((s) => s * 1000)) })
      .map(({ place: [service, environment], ...rest }) => ({ service, environment, ...rest })),
  },
  { name: "unlock", args: place.map(([service, environment]) => ({ service, environment })) },
  { name: "cordon", args: fc.record({ host: hosts, why: maybe(text) }) },
  { name: "uncordon", args: fc.record({ host: hosts }) },
  { name: "drain", args: fc.record({ host: hosts, why: maybe(text) }) },
  { name: "help", args: fc.record({ verb: maybe(fc.constantFrom(...commands.map((c) => c.name))) }) },
];

describe("properties", () => {
  test("every verb has its generator here", () => {
    assert.deepEqual(
      calls.map((c) => c.name),
      commands.map((c) => c.name),
    );
  });

  for (const { name, args } of calls) {
    test(`parse(render(x)) is x: ${name}`, () => {
      const command = find(name);
      fc.assert(
        fc.property(args, (values) => {
          const line = render(command, values as Parsed<Grammar>);
          fc.pre(line.length <= 1000);
          const result = parseCommand({ text: line, commands, vocabulary });
          assert.ok(result.ok, `${line} was refused: ${result.ok ? "" : result.refusal.text}`);
          assert.equal(result.command.name, name);
          assert.deepEqual({ ...result.args }, { ...values }, line);
        }),
        { numRuns: 300 },
      );
    });
  }

  const fragments = [
    ...[
      "deploy",
      "promote",
      "rollback",
      "approve",
      "reject",
      "cancel",
      ...["pause", "resume", "retry", "continue", "skip-soak", "abort", "restart", "why", "lock", "unlock", "cordon", "drain"],
      "status",
      "history",
      "hosts",
      "help",
      "api",
      "prod",
      "staging",
    ],
    ...[
      "to",
      "on",
      "from",
      "r41",
      "#142",
      "142",
      "abc1234",
      "--now",
      "--reason",
      "--allow-bad",
      "—now",
      "--reason=",
      "--for",
      "—for",
      "--wait",
      "2h",
      "1d12h",
      '"',
      "'",
      "\\",
      "`",
    ],
    ...[
      "<@U1|x>",
      "<#C1>",
      "<!channel>",
      "<http://a|b>",
      "&lt;",
      "&amp;amp;",
      "\u0000",
      "\n",
      "\t",
      "\u202E",
      "🚀",
      "=",
      "@",
      ":",
      "!",
    ],
  ];
  const junk = fc.oneof(
    fc.string({ unit: "binary", maxLength: 1200 }),
    fc.string({ unit: "grapheme", maxLength: 200 }),
    fc
      .array(fc.tuple(fc.constantFrom(...fragments), fc.constantFrom(" ", "", "  ")), { maxLength: 14 })
      .map((pairs) => pairs.flat().join("")),
  );

  test("junk gives understanding or exactly one refusal, never a throw; and what was understood is stable", () => {
    let understood = 0;
    fc.assert(
      fc.property(junk, (typed) => {
        const result = parseCommand({ text: typed, commands, vocabulary });
        if (!result.ok) {
          assert.ok(result.refusal.text.length > 0 && result.refusal.text.length < 600, result.refusal.text);
          assert.ok(result.refusal.next.length > 0);
          assert.doesNotMatch(result.refusal.text, /\p{Cc}/u);
          return;
        }
        understood++;
        const line = render(result.command, result.args);
        fc.pre(line.length <= 1000);
        const again = parseCommand({ text: line, commands, vocabulary });
        assert.ok(again.ok, `${JSON.stringify(typed)} became ${JSON.stringify(line)}, which is refused`);
        assert.deepEqual({ ...again.args }, { ...result.args }, line);
      }),
      { numRuns: 5000 },
    );
    assert.ok(understood >= 20, `only ${understood} of 5000 were understood: the junk is too wild to test anything`);
  });

  test("100 kB of anything is refused within 100 ms", () => {
    for (const unit of ["a", '"', "<", "<@", "&amp;", "--x ", "\u200B", "`", "<http://a|", " ", "\\"]) {
      const began = process.cpuUsage();
      parseCommand({ text: unit.repeat(100_000 / unit.length), commands, vocabulary });
      parse({ ...find("reject"), text: unit.repeat(Math.floor(990 / unit.length)), vocabulary });
      // Processor time: the machine may be busy with other things.
      assert.ok(process.cpuUsage(began).user < 100_000, unit);
    }
  });

  test("a grammar with free text has no options that it would swallow; and only its last word is text", () => {
    for (const { name, grammar } of commands) {
      const at = grammar.words.findIndex((w) => w.kind === "text");
      if (at < 0) continue;
      assert.equal(at, grammar.words.length - 1, name);
      assert.ok(
        grammar.flags.every((f) => f.kind === "duration"),
        name,
      );
      assert.ok(
        grammar.words.slice(0, at).every((w) => w.need === "always"),
        usage({ name, grammar }),
      );
    }
  });

  test("no verb that changes something may leave the environment out and act", () => {
    for (const { name, grammar, changesState } of commands) {
      const environments = grammar.words.filter((w) => w.kind === "environment");
      const one = ["rollout", "target", "host"];
      const named = environments.some((w) => w.need !== "optional") || grammar.words.some((w) => one.includes(w.kind));
      assert.ok(!changesState || named, name);
    }
  });
});
