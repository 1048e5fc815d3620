/**
 * The live card of a rollout: one message, made anew from facts at every change. A phone shows its top first, so the
 * order is: what and where, how it stands, what is wrong, each host; then what changes, what to press, and the small print.
 */
import type { KnownBlock } from "@slack/types";
import type { ChangeFacts, RolloutFacts } from "../core/facts.ts";
import { shortCommit } from "../core/release.ts";
import { hasEnded, type RolloutState } from "../core/rollout-state.ts";
import { actions, type ButtonFacts, context, fields, header, message, section } from "./blocks.ts";
import { placeLines } from "./locks.ts";
import type { Message } from "./message.ts";
import { afterLines, wayBackLine } from "./rollout-after.ts";
import { rolloutButtons } from "./rollout-buttons.ts";
import { commitLines, ticketLines, warnings } from "./rollout-change.ts";
import {
  bar,
  batchText,
  budgetLines,
  hostLines,
  roomText,
  servesNow,
  spreadText,
  type Trouble,
  trouble,
} from "./rollout-hosts.ts";
import { pauseLines } from "./rollout-pauses.ts";
import { decisions, endedByItself, type Line, saidAtTheEnd, statusLine } from "./rollout-status.ts";
import { besidesLines } from "./spec-changes.ts";
import { usageChangeLine } from "./usage.ts";
import { code, cutList, mention, named, releaseCode, releaseText, safe, sentence, shortDigest, utc, when } from "./words.ts";

/** What both forms of the card say: every sentence is made once. */
type Said = {
  readonly status: Line;
  readonly stand: readonly Line[];
  readonly atTheEnd: string | null;
  readonly alone: string | null;
  readonly why: string | null;
  readonly trouble: Trouble;
  readonly serves: string | null;
  readonly hostsText: string;
  /** Empty where hosts are not told one by one. */
  readonly hosts: readonly Line[];
  readonly warnings: readonly string[];
  readonly change: readonly (readonly Line[])[];
  readonly buttons: readonly ButtonFacts[];
  readonly decisions: readonly Line[];
  readonly canonical: string;
  readonly notSetUp: readonly string[];
};

export function rolloutCard(facts: RolloutFacts): Message {
  const { state } = facts;
  const said = saidOf(facts);
  return message({
    text: textForm(facts, said),
    name: `r${state.number}.${state.phase}`,
    blocks: [
      header(`${state.service} → ${state.environment} ${kindWord(facts)}#${state.number}`),
      section(standing(said)),
      ...failureBlocks(said),
      ...hostBlock(facts, said),
      fields(factPairs(facts, said)),
      ...warningBlock(said),
      ...changeBlocks(said),
      ...buttonBlock(said),
      context(smallPrint(facts, said)),
    ],
  });
}

function saidOf(facts: RolloutFacts): Said {
  const { state } = facts;
  return {
    status: statusLine(facts),
    stand: standLines(facts),
    atTheEnd: saidAtTheEnd(state),
    alone: endedByItself(state),
    why: whyOf(facts),
    trouble: trouble(state),
    serves: servesNow(state),
    hostsText: `${batchText(state)}${spreadText(state)}${roomText(state)}`,
    hosts: showsHosts(state) ? hostLines(facts) : [],
    warnings: warnings(facts),
    change: [besidesLines(facts.besides, state.service), ...(facts.change === null ? [] : changeLists(facts.change, facts))],
    buttons: rolloutButtons(facts),
    decisions: decisions(facts),
    canonical: canonical(facts),
    notSetUp: hasEnded(state) ? [] : facts.notSetUp.map((text) => `${safe(text, 120)}.`),
  };
}

function kindWord(facts: RolloutFacts): string {
  return facts.state.kind === "deploy" ? "" : `${facts.state.kind} `;
}

function standing({ status, stand, atTheEnd, alone, why }: Said): string {
  return [
    status.mrkdwn,
    ...cut(stand, 1300),
    ...(atTheEnd === null ? [] : [`> ${atTheEnd.replaceAll("\n", " ")}`]),
    ...(alone === null ? [] : [alone]),
    ...(why === null ? [] : [`*Why:* ${why}`]),
  ].join("\n");
}

/** Why it stands still or waits, and what is left to see to after its end. */
function standLines(facts: RolloutFacts): readonly Line[] {
  return [
    ...pauseLines(facts),
    ...placeLines(facts),
    ...changedLines(facts.state),
    ...budgetLines(facts.state),
    ...afterLines(facts),
    ...(facts.usage === undefined ? [] : [usageChangeLine(facts.usage)]),
    ...wayBackLine(facts),
  ];
}

/** Why it asks again although it was approved in line. */
function changedLines({ phase, detail }: RolloutState): readonly Line[] {
  if (phase !== "awaiting_approval" || detail === null) return [];
  const words = sentence(detail, 200);
  const text = `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  return [{ text, mrkdwn: text }];
}

/** The requester's reason, unless a warning says it already. */
function whyOf(facts: RolloutFacts): string | null {
  const { why, allowBad } = facts;
  return why === null || why === "" || why === allowBad?.why ? null : safe(why, 300);
}

function factPairs(facts: RolloutFacts, { hostsText }: Said): readonly (readonly [string, string])[] {
  const { state, from, release, now } = facts;
  const asked = facts.ref === null ? "" : `, as ${code(facts.ref, 60)}`;
  return [
    ["From → to", `${from === null ? "nothing" : releaseCode(from)} → ${releaseCode(release)}`],
    ["Image", code(shortDigest(release.digest))],
    ["Hosts", hostsText],
    ["Asked by", `${mention(state.requester)} ${when(state.requestedAt, now)}${asked}`],
  ];
}

function failureBlocks({ trouble: { lines, log }, serves }: Said): readonly KnownBlock[] {
  const texts = [...lines.map((line) => line.mrkdwn), ...(serves === null ? [] : [`*Now:* ${serves}`])];
  return [...(texts.length === 0 ? [] : [section(texts.join("\n"))]), ...(log === null ? [] : [section(log)])];
}

function warningBlock({ warnings: lines }: Said): readonly KnownBlock[] {
  return lines.length === 0 ? [] : [section(lines.map((line) => `:warning: ${line}`).join("\n"))];
}

function changeBlocks({ change }: Said): readonly KnownBlock[] {
  return change.filter((lines) => lines.length > 0).map((lines) => section(cut(lines, 2200).join("\n")));
}

/** Once it has ended the commits are counted; their titles are behind the compare link. */
function changeLists(change: ChangeFacts, { state }: RolloutFacts): readonly (readonly Line[])[] {
  const commits = commitLines(change);
  return [hasEnded(state) ? commits.slice(0, 1) : commits, ticketLines(change)];
}

function cut(lines: readonly Line[], budget: number): string[] {
  return cutList(
    lines.map((line) => line.mrkdwn),
    { budget, rest: (left) => `_and ${left} more_` },
  );
}

/** Before its start, and where nothing was touched, there is nothing to tell of single hosts. */
function showsHosts({ phase }: RolloutState): boolean {
  switch (phase) {
    case "in_line":
    case "awaiting_approval":
    case "rejected":
    case "expired":
    case "cancelled":
      return false;
    case "queued":
    case "rolling":
    case "soaking":
    case "restoring":
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
      return true;
  }
}

function hostBlock({ state }: RolloutFacts, { hosts }: Said): readonly KnownBlock[] {
  if (!showsHosts(state)) return [];
  return [section([...(hasEnded(state) ? [] : [bar(state)]), ...cut(hosts, 1800)].join("\n"))];
}

function buttonBlock({ buttons }: Said): readonly KnownBlock[] {
  return buttons.length === 0 ? [] : [actions(buttons)];
}

function smallPrint(facts: RolloutFacts, said: Said): readonly string[] {
  const made = said.decisions.map((line) => line.mrkdwn);
  const plan = `plan ${code(facts.state.planHash.slice(0, 8))}`;
  return [
    ...cutList(made, { budget: 600, most: 8, rest: (left) => `and ${left} more` }),
    `${code(said.canonical, 200)} · ${plan}${headText(facts)}`,
    ...said.notSetUp,
  ];
}

/** The newest entry of the history: whoever has a card can tell whether the history was rewritten since. */
function headText({ head }: RolloutFacts): string {
  return head === null ? "" : ` · history ${code(`#${head.seq} ${head.hash.slice(0, 8)}`)}`;
}

/** The command that would ask for the same again. */
function canonical(facts: RolloutFacts): string {
  const { state, release } = facts;
  const place = `${state.service} ${state.environment}`;
  switch (state.kind) {
    case "deploy":
      return `/deploy ${place} ${shortCommit(release.commit)}${facts.allowBad === null ? "" : " --allow-bad"}`;
    case "promote":
      return `/promote ${place}`;
    case "rollback":
      return `/rollback ${place} r${release.number} --now`;
    case "restart":
      return `/gantry restart ${place}`;
    case "adopt":
      return "gantry adopt";
  }
}

// ------------------------------------------------------------ the same in words

function textForm(facts: RolloutFacts, said: Said): string {
  const { state, release, from, now } = facts;
  const kind = state.kind === "deploy" ? "" : `${state.kind}, `;
  const { atTheEnd, alone, why, trouble: hurt, serves } = said;
  const lines = [
    `${safe(state.service)} ${safe(state.environment)} ${safe(shortCommit(release.commit))} (#${state.number}): ${kind}${said.status.text}`,
    ...said.stand.map((line) => line.text),
    ...(atTheEnd === null ? [] : [`They said: ${atTheEnd}`]),
    ...(alone === null ? [] : [alone]),
    ...hurt.lines.map((line) => line.text),
    ...(serves === null ? [] : [`Now: ${serves}`]),
    ...(hurt.log === null ? [] : [hurt.log]),
    `Release: ${releaseText(release)}, ${shortDigest(release.digest)}; before: ${from === null ? "nothing" : releaseText(from)}`,
    `Hosts: ${said.hostsText}`,
    `Asked by ${named(state.requester)} at ${utc(state.requestedAt, now)}${facts.ref === null ? "" : ` as ${safe(facts.ref, 60)}`}`,
    ...(why === null ? [] : [`Why: ${why}`]),
    ...said.decisions.map((line) => line.text),
    ...said.warnings.map((line) => `Warning: ${line}`),
    ...said.hosts.map((line) => line.text),
    ...said.change.flat().map((line) => line.text),
    ...said.notSetUp,
    `Command: ${said.canonical}`,
    ...(facts.head === null ? [] : [`History: #${facts.head.seq} ${safe(facts.head.hash.slice(0, 8))}`]),
    ...nextText(facts, said),
  ];
  return lines.join("\n");
}

/** The buttons, for where there are none. */
function nextText(facts: RolloutFacts, { buttons }: Said): readonly string[] {
  const { number } = facts.state;
  const verbs = buttons.map((button) => {
    switch (button.verb) {
      case "reject":
        return `/gantry reject ${number} WHY`;
      case "continue":
        return `/gantry continue ${number} WHY`;
      case "rollback":
        return `/rollback ${facts.state.service} ${facts.state.environment}`;
      default:
        return `/gantry ${button.verb} ${number}`;
    }
  });
  return verbs.length === 0 ? [] : [`You can: ${verbs.join(", or ")}`];
}
