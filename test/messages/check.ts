/** What must hold for anything Gantry shows, whatever it was made from. */
import assert from "node:assert/strict";
import type { Message } from "../../src/messages/message.ts";
import { checkBlocks } from "../../src/rehearsal/slack/block-rules.ts";

/** Markup that Gantry itself writes; all other angle brackets must have been escaped. */
const ours: readonly RegExp[] = [
  /^<!date\^\d+\^(?:\{date_short_pretty\} )?\{time(?:_secs)?\}\|[0-9: -]+ UTC>$/,
  /^<@U0[A-Z]+>$/,
  /^<https:\/\/(?:github|jira)\.example\.com\/[^\s<>|]*\|[^<>]*>$/,
];

export function assertShowable(message: Message, what = ""): void {
  const findings = checkBlocks(message.blocks as never, "message");
  assert.deepEqual(findings, [], what);
  const size = JSON.stringify(message.blocks).length;
  assert.ok(size < 12_000, `${what}: ${size} characters of blocks`);
  assert.ok(message.text.length > 0 && message.text.length <= 3900, `${what}: ${message.text.length} characters of text`);
  assert.doesNotMatch(message.text, /[<>]/, what);
  assertPlain(message.text, what);
  for (const text of mrkdwnOf(message.blocks)) {
    assertPlain(text, what);
    for (const markup of text.match(/<[^>]*>?|>/g) ?? []) {
      const quoteAtLineStart = markup === ">" && /^> /m.test(text);
      assert.ok(quoteAtLineStart || ours.some((form) => form.test(markup)), `${what}: ${markup} in ${text}`);
    }
    const fences = (text.match(/```/g) ?? []).length;
    assert.ok(fences === 0 || (fences === 2 && text.endsWith("\n```")), `${what}: code blocks of somebody else in ${text}`);
  }
}

/** Nothing invisible, nothing that colours or moves the terminal. */
function assertPlain(text: string, what: string): void {
  assert.doesNotMatch(text, /(?!\n)\p{Cc}|[\u202A-\u202E\u2066-\u2069\u200B-\u200F]/u, what);
}

/** Every mrkdwn text of a message's blocks. */
export function mrkdwnOf(blocks: Message["blocks"]): readonly string[] {
  const found: string[] = [];
  JSON.stringify(blocks, (_key, value: unknown) => {
    if (value !== null && typeof value === "object" && "type" in value && value.type === "mrkdwn" && "text" in value) {
      assert.ok("verbatim" in value && value.verbatim === true, "Slack must not look for links in it");
      found.push(String(value.text));
    }
    return value;
  });
  return found;
}

/** The skeleton of a message: its blocks, their columns and buttons. */
export function shapeOf(message: Message): readonly string[] {
  return message.blocks.map((block) => {
    switch (block.type) {
      case "section":
        return block.fields === undefined ? "section" : `section of ${block.fields.length} fields`;
      case "actions":
        return `actions ${block.elements.map((e) => ("action_id" in e ? e.action_id : "")).join(" ")}`;
      case "context":
        return `context of ${block.elements.length}`;
      default:
        return block.type;
    }
  });
}

export const hostile: readonly string[] = [
  "<!channel>",
  "<!here|x> <@U999> <#C999>",
  "<http://evil.example|ok>",
  "&lt;!channel&gt; &amp;",
  "```\n<!everyone>\n```",
  "``` one fence",
  "`code` *bold* _it_ ~no~ > quote",
  "\u001B[31mred\u001B[0m \u001B]8;;http://evil\u0007link",
  "\u202Egnp.exe\u202C \u200Bzero\u200Dwidth",
  "line one\nline two\r\nline three\u0000\u0007",
  "</script><img src=x onerror=alert(1)>",
  '\\"\\"\\"\\"" {"a":"b"} \\u003c!channel\\u003e',
  "🚀".repeat(300),
  "a".repeat(10_000),
  '"\\'.repeat(2_000),
  "z\u0351\u0352\u0353a\u0334\u0335lgo",
  "",
  "   ",
];
