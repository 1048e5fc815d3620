import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMrkdwn, toPlainText } from "../../../src/rehearsal/slack/mrkdwn.ts";

const names = { user: (id: string) => ({ U0ANA: "ana" })[id] ?? id, channel: () => "deploys", group: () => "dev" };
const text = (mrkdwn: string) => toPlainText(parseMrkdwn(mrkdwn, names));
const kinds = (mrkdwn: string) => parseMrkdwn(mrkdwn, names).map((node) => node.kind);

test("markup is read as Slack reads it", () => {
  assert.equal(text("*bold* _italic_ ~gone~ `code`"), "bold italic gone code");
  assert.deepEqual(kinds("*bold* `code`"), ["bold", "text", "code"]);
  assert.equal(text("2*3*4 and snake_case_name"), "2*3*4 and snake_case_name");
  assert.equal(text("<@U0ANA> in <#C1|deploys> with <!subteam^S1> and <!here>"), "@ana in #deploys with @dev and @here");
  assert.equal(
    text("see <https://example.com/a?b=1&amp;c=2|the diff> and <https://example.com>"),
    "see the diff and https://example.com",
  );
  assert.equal(text("<b>bold?</b> 1 < 2"), "<b>bold?</b> 1 < 2");
  assert.equal(text("a &lt;b&gt; &amp;amp; c"), "a <b> &amp; c");
  assert.equal(text(":rocket: :nonsense: at 12:30:45"), "🚀 :nonsense: at 12:30:45");
  assert.equal(text("<!date^1767603600^{date_short} at {time}|soon>"), "2026-01-05 at 09:00");
});

test("code keeps what is in it", () => {
  assert.equal(text("`a *b* _c_`"), "a *b* _c_");
  assert.equal(text("```\n*x*\n<https://e.com|y>\n```").trim(), "*x*\ny");
  assert.deepEqual(kinds("before\n```x```"), ["text", "pre"]);
});

test("quotes are lines that begin with an angle", () => {
  assert.deepEqual(kinds("&gt; one\n&gt; two\nthree"), ["quote", "text"]);
});
