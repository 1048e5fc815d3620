// render and diff: who may ask what, and how much of it is shown where.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Reply } from "../../commands/command.ts";
import { assertShowable, mrkdwnOf } from "../messages/check.ts";
import { Fake } from "./fake-gantry.ts";

function shown(reply: Reply) {
  assert.equal(reply.kind, "private");
  return reply.kind === "private" ? reply.message : assert.fail();
}

describe("render and diff", () => {
  const lines: readonly (readonly [line: string, verb: string, what: string | null])[] = [
    ["render api prod", "render", null],
    ["render api prod r41", "render", "r41"],
    ["diff api on prod", "diff", null],
    ["diff api prod main", "diff", "main"],
  ];
  for (const [line, verb, what] of lines) {
    test(line, async () => {
      const fake = new Fake();
      await fake.says(line);
      assert.deepEqual(fake.asked, [{ verb, facts: { service: "api", environment: "prod", what } }]);
    });
  }

  test("Slack gets as much of it as it takes, in code, and keeps its indentation", async () => {
    const fake = new Fake();
    fake.containers = Array.from({ length: 60 }, (_, i) => ({
      name: `metrics-${i}`,
      environment: { NOTE: `<!channel> \`\`\` ${"x".repeat(400)}` },
      command: ["serve"],
    }));
    const message = shown(await fake.says("render api prod"));
    assertShowable(message);
    assert.match(message.text, /^service: api\nenvironment: prod\nrelease: r42\n/);
    assert.match(message.text, /\n {4}environment:\n {6}NOTE: /);
    assert.match(mrkdwnOf(message.blocks).at(-1) ?? "", /… \d+ more lines, all of them at a terminal on the server\n```$/);
  });

  test("a difference is a list", async () => {
    const fake = new Fake();
    const message = shown(await fake.says("diff api prod r42"));
    assertShowable(message);
    assert.match(
      message.text,
      /^api prod: r41 \(\w{7}\) is live; compared with r42 \(\w{7}\):\n- api: image sha256:\w+ → sha256:\w+\n- metrics is new$/,
    );
  });
});
