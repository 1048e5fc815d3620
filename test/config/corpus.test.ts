import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { configSchemas } from "../../src/config/schema.ts";
import type { Schema } from "../../src/config/shape.ts";
import { corpus } from "./corpus.ts";
import { folderOf, goodGantry, goodService, saysOfGantry, saysOfService, withCompose } from "./files.ts";

const child = fileURLToPath(new URL("corpus-child.ts", import.meta.url));

type Outcome = { readonly folder: string; readonly ok: boolean; readonly said: string; readonly tookMs: number };

/** In a process of its own with little memory and a small stack, since what is feared is an abort, which no test survives. */
function outcomesOf(folders: readonly string[]): ReadonlyMap<string, Outcome> {
  const limits = ["--max-old-space-size=96", "--stack-size=500"];
  const run = spawnSync(process.execPath, [...limits, child], {
    input: JSON.stringify(folders),
    timeout: 60_000,
    encoding: "utf8",
  });
  assert.equal(run.signal, null, run.stderr);
  assert.equal(run.status, 0, run.stderr);
  const outcomes = run.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
  return new Map(outcomes.map((outcome) => [outcome.folder, outcome]));
}

test("each bad file is refused in a sentence, within the time and memory of a small process", async (t) => {
  const cases = Object.entries(corpus).flatMap(([name, text]) => [
    { name, folder: folderOf({ "gantry.yml": goodGantry, "services/api.yml": text }) },
    { name: `${name} (as gantry.yml)`, folder: folderOf({ "gantry.yml": text, "services/api.yml": goodService }) },
  ]);
  const outcomes = outcomesOf(cases.map(({ folder }) => folder));
  for (const { name, folder } of cases) {
    await t.test(name, () => {
      const outcome = outcomes.get(folder);
      assert.ok(outcome !== undefined);
      assert.equal(outcome.ok, name.startsWith("good: ") && !name.endsWith("(as gantry.yml)"), outcome.said);
      assert.ok(outcome.tookMs < 1000, `${outcome.tookMs} ms`);
      assert.ok(outcome.said.length < 40_000, `${outcome.said.length} characters said`);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
      assert.doesNotMatch(outcome.said, /[\u0000-\u0009\u000b-\u001f\u007f]/);
    });
  }
});

/** Texts that look like service files: lines of a good one, cut, doubled, moved and sprinkled with YAML's punctuation. */
const almost = fc
  .array(
    fc.record({
      line: fc.constantFrom(
        ...goodService.split("\n"),
        "    volumes: [a, 3]",
        "    environment: { A: B }",
        "  health: { tcp: 1 }",
      ),
      indent: fc.integer({ min: -2, max: 3 }),
      junk: fc.oneof(
        { weight: 6, arbitrary: fc.constant("") },
        { weight: 1, arbitrary: fc.constantFrom(..."[]{}:,&*!|>'\"#%@`-? \t$~".split("")) },
      ),
      at: fc.nat(40),
    }),
    { maxLength: 14 },
  )
  .map((parts) =>
    parts
      .map(({ line, indent, junk, at }) => `${" ".repeat(Math.max(0, indent))}${line.slice(0, at)}${junk}${line.slice(at)}`)
      .join("\n"),
  );

test("any text gives errors with a place and a way on, never a throw", () => {
  const junk = fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.string({ maxLength: 400 }), almost);
  let refused = 0;
  fc.assert(
    fc.property(junk, fc.boolean(), (text, asService) => {
      for (const line of asService ? saysOfService(text) : saysOfGantry(text)) {
        assert.match(line.replaceAll("\n", " "), /^((gantry|services\/api)\.yml:)?\d+:\d+ .+; .+$/);
        refused++;
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(refused > 500, `only ${refused} refusals: the texts are too tame`);
});

/** What people and machines write under a key: texts of every small language of these files, alone, in lists and in maps. */
const scraps = fc.oneof(
  fc.constantFrom(
    ..."1 -1 0 99999999999999999999 1.5 true null ~ 64m -64m 1h '' '0-3' 8080:80 [::1]:1:2 a:b:c:d /a:/b /a:/b:ro data:/b host ALL".split(
      " ",
    ),
  ),
  fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
);
const inKeys = fc.constantFrom(
  ..."type source target path rate weight soft hard size bind volume published test limits memory name".split(" "),
);
const underKey = fc.oneof(
  scraps,
  fc.array(scraps, { maxLength: 3 }).map((items) => `[${items.map(flowSafe).join(", ")}]`),
  fc.array(fc.tuple(inKeys, scraps), { maxLength: 3 }).map((pairs) => flowMap(pairs)),
  fc.array(fc.tuple(inKeys, scraps), { maxLength: 3 }).map((pairs) => `[${flowMap(pairs)}]`),
);

function flowSafe(scrap: string): string {
  return /^["'\w-]+$/.test(scrap) ? scrap : JSON.stringify(scrap);
}

function flowMap(pairs: readonly (readonly [string, string])[]): string {
  return `{ ${pairs.map(([key, value]) => `${key}: ${flowSafe(value)}`).join(", ")} }`;
}

test("whatever stands under a key of Compose is taken or refused in a sentence", () => {
  const top = configSchemas().service["properties"] as Readonly<Record<string, Schema>>;
  const service = top["services"]?.["additionalProperties"] as Schema;
  const keys = Object.keys(service["properties"] as Readonly<Record<string, unknown>>);
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...keys), underKey, (key, value) => {
      const lines = saysOfService(withCompose(`${key}: ${value}`));
      if (lines.length === 0) taken++;
      for (const line of lines) assert.match(line.replaceAll("\n", " "), /^\d+:\d+ .+; .+$/);
      refused += lines.length;
    }),
    { numRuns: 1500 },
  );
  assert.ok(taken > 50 && refused > 500, `${taken} taken, ${refused} refusals: the values are of one kind`);
});
