// logs: what is asked for, and how much of it a message shows.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogPiece } from "../../src/core/logs.ts";
import { refuse } from "../../src/core/reasons.ts";
import { plainText } from "../../src/messages/words.ts";
import { assertShowable } from "../messages/check.ts";
import { Fake } from "./fake-gantry.ts";

const piece = (...texts: readonly string[]): LogPiece => ({
  lines: texts.map((text) => ({ member: null, text })),
  dropped: 0,
  note: null,
});

describe("logs", () => {
  const nothing = { host: null, member: null, lines: 50, sinceMs: null, previous: false, follow: false };
  for (const [typed, asked] of [
    ["logs api prod", {}],
    ["logs api prod web-1", { host: "web-1" }],
    ["logs api prod on web-1 --lines 200", { host: "web-1", lines: 200 }],
    ["logs api prod --member metrics --since 10m", { member: "metrics", sinceMs: 600_000 }],
    ["logs api prod --previous", { previous: true }],
  ] as const) {
    it(typed, async () => {
      const fake = new Fake();
      await fake.says(typed);
      const { actor, ...facts } = fake.asked[0]?.facts ?? {};
      assert.deepEqual(facts, { service: "api", environment: "prod", ...nothing, ...asked });
      assert.deepEqual((actor as { id: string }).id, "U0ANA");
    });
  }

  for (const [typed, said] of [
    ["logs api prod --lines 0", /is not a number from 1 to 1000/],
    ["logs api prod --lines 5000", /is not a number from 1 to 1000/],
    ["logs api prod --lines", /The number after .*--lines.* is missing/],
    ["logs api prod --member ../x", /is not the name of a container/],
    ["logs api prod --since yesterday", /is not a time/],
    ["logs api prod --follow", /goes on for ever.*gantry logs api prod --follow/s],
    ["logs api", /A word is missing/],
  ] as const) {
    it(`${typed} is refused`, async () => {
      const fake = new Fake();
      const reply = await fake.says(typed);
      assert.ok(reply.kind === "private" && reply.refused === true);
      assert.match(plainText(reply.message), said);
      assert.deepEqual(fake.asked, []);
    });
  }

  async function shown(fake: Fake, typed = "logs api prod"): Promise<string> {
    const reply = await fake.says(typed);
    assert.ok(reply.kind === "private");
    assertShowable(reply.message);
    return plainText(reply.message);
  }

  it("shows each host's lines, supporting containers by their name, and why a host shows none", async () => {
    const fake = new Fake();
    fake.told = {
      hosts: ["web-1", "web-2", "web-3"],
      faults: [{ host: "web-2", reason: "host_lost", text: "its agent is not connected" }],
      leftOut: ["web-4"],
    };
    fake.printed = [
      { host: "web-1", piece: { lines: [{ member: "metrics", text: "scraped" }], dropped: 0, note: null } },
      { host: "web-1", piece: piece("GET / <@U1> ```") },
    ];
    const text = await shown(fake);
    assert.equal(
      text,
      [
        "Logs of api prod:",
        "*web-1*",
        "metrics | scraped",
        "GET / <@U1> '''",
        "*web-2*: its agent is not connected.",
        "*web-3*: nothing was printed.",
        "Not shown: web-4. Name one to see it.",
      ].join("\n"),
    );
  });

  it("cuts to the newest that fits, and says what was cut and how to see all", async () => {
    const fake = new Fake();
    fake.printed = [{ host: "web-1", piece: piece(...Array.from({ length: 500 }, (_, n) => `line ${n} ${"x".repeat(100)}`)) }];
    const text = await shown(fake);
    assert.match(
      text,
      /^Logs of api prod:\n\*web-1\*\n47\d earlier lines left out; all: `gantry logs api prod web-1` in a terminal on the server\./,
    );
    assert.match(text, /line 499 x+$/);
    assert.ok(text.length < 3_900);
  });

  it("many hosts, each with long lines of odd characters, stay within what Slack takes", async () => {
    const fake = new Fake();
    const hosts = Array.from({ length: 40 }, (_, n) => `web-${n}`);
    fake.told = { hosts, faults: [], leftOut: [] };
    fake.printed = hosts.map((host) => ({
      host,
      piece: piece(...Array.from({ length: 50 }, () => `<&>\`\`\`${"é".repeat(900)}`)),
    }));
    await shown(fake);
  });

  it("a refusal is told as it is", async () => {
    const fake = new Fake();
    fake.refusal = refuse("not_allowed", "Only oncall may read the logs of api prod; you are not one of them.");
    assert.match(await shown(fake), /Only oncall may read the logs/);
  });
});
