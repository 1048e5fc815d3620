/** The few blocks Gantry uses, each within Slack's limits (docs.slack.dev/reference/block-kit/blocks). */
import type { ActionsBlock, Button, ContextBlock, HeaderBlock, KnownBlock, MrkdwnElement, SectionBlock } from "@slack/types";
import type { Message } from "./message.ts";
import { oneLine } from "./words.ts";

/** Text forms stay below what Slack lets an app edit later (4,000). */
const longestText = 3900;
const longestSection = 3000;

/** `verbatim`: Slack must not find links, channels or people in words from outside. */
function mrkdwn(text: string, max: number): MrkdwnElement {
  return { type: "mrkdwn", text: clip(text, max), verbatim: true };
}

/** The last guard; messages cut their lists by count before. Never inside a line, so never inside markup, if there are lines. */
function clip(text: string, max: number): string {
  if (text.length <= max) return text || " ";
  const head = text.slice(0, max - 2);
  const cut = head.lastIndexOf("\n");
  const kept = cut > 0 ? head.slice(0, cut) : head.replace(/[<&][^>;]*$/, "");
  const open = (kept.match(/```/g) ?? []).length % 2 === 1;
  return open ? `${clip(kept, max - 6)}\n\`\`\`` : `${kept}\n…`;
}

export function header(text: string): HeaderBlock {
  return { type: "header", text: { type: "plain_text", text: oneLine(text, 150) } };
}

export function section(text: string): SectionBlock {
  return { type: "section", text: mrkdwn(text, longestSection) };
}

/** Two columns on a desktop, one under the other on a phone. At most 10. */
export function fields(pairs: readonly (readonly [label: string, value: string])[]): SectionBlock {
  return { type: "section", fields: pairs.slice(0, 10).map(([label, value]) => mrkdwn(`*${label}*\n${value}`, 2000)) };
}

/** Small print. */
export function context(texts: readonly string[]): ContextBlock {
  return { type: "context", elements: texts.slice(0, 10).map((text) => mrkdwn(text, 2000)) };
}

export type ButtonFacts = {
  readonly label: string;
  readonly verb: string;
  /** Becomes the button's JSON value. */
  readonly value: object;
  readonly style?: "primary" | "danger";
  readonly confirm?: { readonly title: string; readonly text: string; readonly yes: string; readonly no: string };
  /** The whole act in words, for a screen reader. */
  readonly describe: string;
};

export function actions(buttons: readonly ButtonFacts[]): ActionsBlock {
  return { type: "actions", elements: buttons.map(button) };
}

function button(facts: ButtonFacts): Button {
  const { confirm, style } = facts;
  return {
    type: "button",
    action_id: `verb:${facts.verb}`,
    text: plain(facts.label, 75),
    value: JSON.stringify(facts.value),
    accessibility_label: oneLine(facts.describe, 75),
    ...(style === undefined ? {} : { style }),
    ...(confirm === undefined ? {} : { confirm: confirmation(confirm, style) }),
  };
}

function confirmation(confirm: NonNullable<ButtonFacts["confirm"]>, style: ButtonFacts["style"]) {
  return {
    title: plain(confirm.title, 100),
    text: plain(confirm.text, 300),
    confirm: plain(confirm.yes, 30),
    deny: plain(confirm.no, 30),
    ...(style === undefined ? {} : { style }),
  };
}

export function plain(text: string, max: number): { type: "plain_text"; text: string } {
  return { type: "plain_text", text: oneLine(text, max) };
}

/** A message whose blocks carry fresh ids: the same facts give the same ids, others give others (Slack keeps input state by id). */
export function message(facts: { text: string; name: string; blocks: readonly KnownBlock[] }): Message {
  const print = fingerprint(JSON.stringify(facts.blocks));
  const blocks = facts.blocks.map((block, i) => ({ ...block, block_id: `${facts.name}.${print}.${i}` }));
  return { text: clip(facts.text, longestText), blocks };
}

/** One paragraph, the same in both forms. `text` is escaped already. */
export function note(text: string): Message {
  return message({ text, name: "note", blocks: [section(text)] });
}

/** FNV-1a, 32 bits: tells renders apart, protects nothing. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
