import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../../src/rehearsal/slack/api-error.ts";
import { assertView, checkBlocks } from "../../../src/rehearsal/slack/block-rules.ts";
import type { Block } from "../../../src/rehearsal/slack/types.ts";

const plain = (text: string) => ({ type: "plain_text", text });
const mrkdwn = (text: string) => ({ type: "mrkdwn", text });
const section = (text: string): Block => ({ type: "section", text: mrkdwn(text) });
const button = (facts: object = {}) => ({ type: "button", action_id: "a", text: plain("Go"), ...facts });
const actions = (...elements: object[]): Block => ({ type: "actions", elements });
const numbered = (count: number) => Array.from({ length: count }, (_, index) => button({ action_id: `a${index}` }));
const confirm = (facts: object = {}) => ({
  title: plain("Sure?"),
  text: mrkdwn("Really"),
  confirm: plain("Yes"),
  deny: plain("No"),
  ...facts,
});
const option = (text: string, value = text) => ({ text: plain(text), value });
const input = (facts: object = {}): Block => ({
  type: "input",
  label: plain("Why"),
  element: { type: "plain_text_input", action_id: "t" },
  ...facts,
});
const x = (length: number) => "x".repeat(length);

const fine: readonly [string, Block[]][] = [
  ["50 blocks", Array.from({ length: 50 }, () => section("x"))],
  ["3,000 characters in a section", [section(x(3_000))]],
  ["10 fields of 2,000", [{ type: "section", fields: Array.from({ length: 10 }, () => mrkdwn(x(2_000))) }]],
  ["a header of 150", [{ type: "header", text: plain(x(150)) }]],
  ["25 buttons", [actions(...numbered(25))]],
  [
    "button text of 75 and value of 2,000",
    [actions(button({ text: plain(x(75)), value: x(2_000), accessibility_label: x(75) }))],
  ],
  [
    "a confirm dialog at its limits",
    [actions(button({ confirm: confirm({ title: plain(x(100)), text: mrkdwn(x(300)), confirm: plain(x(30)) }) }))],
  ],
  ["10 context elements", [{ type: "context", elements: Array.from({ length: 10 }, () => mrkdwn("x")) }]],
  ["a divider and an image", [{ type: "divider" }, { type: "image", image_url: "https://example.com/x.png", alt_text: "x" }]],
  [
    "a select of 100",
    [actions({ type: "static_select", action_id: "s", options: Array.from({ length: 100 }, (_, i) => option(`o${i}`)) })],
  ],
];

const wrong: readonly [string, Block[], RegExp][] = [
  ["51 blocks", Array.from({ length: 51 }, () => section("x")), /no more than 50 items allowed \[json-pointer:\/blocks\]/],
  ["3,001 characters in a section", [section(x(3_001))], /less than 3001 characters \[json-pointer:\/blocks\/0\/text\/text\]/],
  ["an empty section", [{ type: "section" }], /text or fields/],
  ["an empty text", [section("")], /more than 0 characters/],
  ["11 fields", [{ type: "section", fields: Array.from({ length: 11 }, () => mrkdwn("x")) }], /no more than 10 items/],
  ["a field of 2,001", [{ type: "section", fields: [mrkdwn(x(2_001))] }], /less than 2001/],
  ["a header of 151", [{ type: "header", text: plain(x(151)) }], /less than 151/],
  ["a header in mrkdwn", [{ type: "header", text: mrkdwn("x") }], /unsupported type: mrkdwn/],
  ["26 buttons", [actions(...numbered(26))], /no more than 25 items/],
  ["no buttons", [actions()], /no fewer than 1/],
  ["a button text of 76", [actions(button({ text: plain(x(76)) }))], /less than 76/],
  ["a button in mrkdwn", [actions(button({ text: mrkdwn("x") }))], /unsupported type: mrkdwn/],
  ["a button value of 2,001", [actions(button({ value: x(2_001) }))], /less than 2001.*elements\/0\/value/],
  ["an empty button value", [actions(button({ value: "" }))], /more than 0 characters/],
  ["a button style that does not exist", [actions(button({ style: "loud" }))], /must be one of: primary, danger/],
  ["an accessibility label of 76", [actions(button({ accessibility_label: x(76) }))], /less than 76/],
  ["a confirm title of 101", [actions(button({ confirm: confirm({ title: plain(x(101)) }) }))], /less than 101/],
  ["a confirm text of 301", [actions(button({ confirm: confirm({ text: mrkdwn(x(301)) }) }))], /less than 301/],
  ["a confirm button of 31", [actions(button({ confirm: confirm({ deny: plain(x(31)) }) }))], /less than 31/],
  [
    "a confirm dialog without text",
    [actions(button({ confirm: confirm({ text: undefined }) }))],
    /missing required field.*confirm\/text/,
  ],
  ["two buttons with one action_id", [actions(button(), button())], /`action_id` must be unique/],
  [
    "two blocks with one block_id",
    [
      { ...section("x"), block_id: "b" },
      { ...section("y"), block_id: "b" },
    ],
    /`block_id` must be unique/,
  ],
  ["a block_id of 256", [{ ...section("x"), block_id: x(256) }], /less than 256/],
  ["an unknown block", [{ type: "marquee" }], /unsupported type: marquee/],
  ["a block named like a property of objects", [{ type: "constructor" }], /unsupported type: constructor/],
  ["an unknown element", [actions({ type: "blink", action_id: "a" })], /unsupported type: blink/],
  ["a text input among actions", [actions({ type: "plain_text_input", action_id: "a" })], /unsupported type: plain_text_input/],
  ["an alert in a message", [{ type: "alert", text: mrkdwn("x") }], /unsupported type: alert/],
  ["11 context elements", [{ type: "context", elements: Array.from({ length: 11 }, () => mrkdwn("x")) }], /no more than 10/],
  ["an image without alt text", [{ type: "image", image_url: "https://example.com/x.png" }], /missing required field.*alt_text/],
  [
    "a select of 101",
    [actions({ type: "static_select", action_id: "s", options: Array.from({ length: 101 }, (_, i) => option(`o${i}`)) })],
    /no more than 100/,
  ],
  ["an option text of 76", [actions({ type: "static_select", action_id: "s", options: [option(x(76), "v")] })], /less than 76/],
  [
    "an initial option that is not offered",
    [actions({ type: "static_select", action_id: "s", options: [option("a")], initial_option: option("b") })],
    /initial_option/,
  ],
  [
    "six overflow options",
    [actions({ type: "overflow", action_id: "o", options: Array.from({ length: 6 }, (_, i) => option(`o${i}`)) })],
    /no more than 5/,
  ],
  ["an input without a label", [input({ label: undefined })], /missing required field.*label/],
];

for (const [name, blocks] of fine) {
  test(`${name}: allowed`, () => assert.deepEqual(checkBlocks(blocks, "message"), []));
}

for (const [name, blocks, finding] of wrong) {
  test(`${name}: refused`, () => assert.match(checkBlocks(blocks, "message").join("\n"), finding));
}

const modal = (facts: object = {}) => ({
  type: "modal",
  title: plain("Deploy"),
  submit: plain("Go"),
  blocks: [input()],
  ...facts,
});

function refusalOf(view: object): string {
  try {
    assertView(view as Block, "modal");
    return "fine";
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return `${error.code} ${JSON.stringify(error.extra)}`;
  }
}

test("modals: titles of 24 characters, a submit button when there are inputs, 100 blocks, 250 KB", () => {
  assert.equal(refusalOf(modal({ title: plain(x(24)), submit: plain(x(24)), close: plain(x(24)) })), "fine");
  assert.match(
    refusalOf(modal({ title: plain(x(25)) })),
    /^invalid_arguments .*less than 25 characters \[json-pointer:\/view\/title\/text\]/,
  );
  assert.match(refusalOf(modal({ title: undefined })), /missing required field/);
  assert.match(refusalOf(modal({ submit: plain(x(25)) })), /less than 25/);
  assert.match(refusalOf(modal({ submit: undefined })), /submit/);
  assert.equal(refusalOf(modal({ blocks: Array.from({ length: 100 }, () => section("x")) })), "fine");
  assert.match(refusalOf(modal({ blocks: Array.from({ length: 101 }, () => section("x")) })), /no more than 100/);
  assert.match(refusalOf(modal({ blocks: Array.from({ length: 90 }, () => section(x(3_000))) })), /^view_too_large/);
  assert.match(refusalOf(modal({ private_metadata: x(3_001) })), /less than 3001/);
  assert.match(refusalOf(modal({ callback_id: x(256) })), /less than 256/);
  assert.match(refusalOf(modal({ type: "home" })), /must be of type modal/);
  assert.match(refusalOf(modal({ blocks: undefined })), /missing required field: blocks/);
});
