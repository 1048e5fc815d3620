/**
 * The live card of a rollout: one message, made anew from facts at every change. A phone shows its top first, so the
 * order is: what and where, how it stands, what is wrong, each host; then what changes, what to press, and the small print.
 */
import type { KnownBlock } from "@slack/types";
import type { ChangeFacts, RolloutFacts } from "../core/facts.ts";
import { shortCommit } from "../core/release.ts";
import { hasEnded, type RolloutState } from "../core/rollout-state.ts";
import { actions, context, fields, header, message, section } from "./blocks.ts";
import { placeLines } from "./locks.ts";
import type { Message } from "./message.ts";
import { afterLines } from "./rollout-after.ts";
import { rolloutButtons } from "./rollout-buttons.ts";
import { commitLines, ticketLines, warnings } from "./rollout-change.ts";
import { bar, batchText, budgetLines, hostLines, servesNow, spreadText, trouble } from "./rollout-hosts.ts";
import { pauseLines } from "./rollout-pauses.ts";
import { decisions, endedByItself, type Line, saidAtTheEnd, statusLine } from "./rollout-status.ts";
import { code, cutList, mention, named, releaseCode, releaseText, safe, sentence, shortDigest, utc, when } from "./words.ts";

export function rolloutCard(facts: RolloutFacts): Message {
  const { state } = facts;
  return message({
    text: textForm(facts),
    name: `r${state.number}.${state.phase}`,
    blocks: [
      header(`${state.service} → ${state.environment}  ${kindWord(facts)}#${state.number}`),
      section(standing(facts)),
      ...failureBlocks(facts),
      ...hostBlock(facts),
      fields(factPairs(facts)),
      ...warningBlock(facts),
      ...changeBlocks(facts),
      ...buttonBlock(facts),
      context(smallPrint(facts)),
    ],
  });
}

function kindWord(facts: RolloutFacts): string {
  return facts.state.kind === "deploy" ? "" : `${facts.state.kind} `;
}

function standing(facts: RolloutFacts): string {
  const said = saidAtTheEnd(facts.state);
  const why = whyOf(facts);
  const alone = endedByItself(facts.state);
  return [
    statusLine(facts).mrkdwn,
    ...cut(standLines(facts), 1300),
    ...(said === null ? [] : [`> ${said.replaceAll("\n", " ")}`]),
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

function factPairs(facts: RolloutFacts): readonly (readonly [string, string])[] {
  const { state, from, release, now } = facts;
  const asked = facts.ref === null ? "" : `, as ${code(facts.ref, 60)}`;
  return [
    ["From → to", `${from === null ? "nothing" : releaseCode(from)} → ${releaseCode(release)}`],
    ["Image", code(shortDigest(release.digest))],
    ["Hosts", `${batchText(state)}${spreadText(state)}`],
    ["Asked by", `${mention(state.requester)} ${when(state.requestedAt, now)}${asked}`],
  ];
}

function failureBlocks(facts: RolloutFacts): readonly KnownBlock[] {
  const { lines, log } = trouble(facts.state);
  const now = servesNow(facts.state);
  const texts = [...lines.map((line) => line.mrkdwn), ...(now === null ? [] : [`*Now:* ${now}`])];
  return [...(texts.length === 0 ? [] : [section(texts.join("\n"))]), ...(log === null ? [] : [section(log)])];
}

function warningBlock(facts: RolloutFacts): readonly KnownBlock[] {
  const lines = warnings(facts);
  return lines.length === 0 ? [] : [section(lines.map((line) => `:warning: ${line}`).join("\n"))];
}

function changeBlocks(facts: RolloutFacts): readonly KnownBlock[] {
  if (facts.change === null) return [];
  return changeLists(facts.change, facts)
    .filter((lines) => lines.length > 0)
    .map((lines) => section(cut(lines, 2200).join("\n")));
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

function hostBlock(facts: RolloutFacts): readonly KnownBlock[] {
  switch (facts.state.phase) {
    case "in_line":
    case "awaiting_approval":
    case "rejected":
    case "expired":
    case "cancelled":
      return [];
    case "queued":
    case "rolling":
    case "soaking":
    case "restoring":
      return [section([bar(facts.state), ...cut(hostLines(facts), 1800)].join("\n"))];
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
      return [section(cut(hostLines(facts), 1800).join("\n"))];
  }
}

function buttonBlock(facts: RolloutFacts): readonly KnownBlock[] {
  const buttons = rolloutButtons(facts);
  return buttons.length === 0 ? [] : [actions(buttons)];
}

function smallPrint(facts: RolloutFacts): readonly string[] {
  const made = decisions(facts).map((line) => line.mrkdwn);
  const plan = `plan ${code(facts.state.planHash.slice(0, 8))}`;
  return [
    ...cutList(made, { budget: 600, most: 8, rest: (left) => `and ${left} more` }),
    `${code(canonical(facts), 200)} · ${plan}${headText(facts)}`,
    ...(hasEnded(facts.state) ? [] : facts.notSetUp.map((text) => `${safe(text, 120)}.`)),
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

function textForm(facts: RolloutFacts): string {
  const { state, release, from, now } = facts;
  const kind = state.kind === "deploy" ? "" : `${state.kind}, `;
  const said = saidAtTheEnd(state);
  const { lines: hurt, log } = trouble(state);
  const serves = servesNow(state);
  const why = whyOf(facts);
  const alone = endedByItself(state);
  const lines = [
    `${safe(state.service)} ${safe(state.environment)} ${safe(shortCommit(release.commit))} (#${state.number}): ${kind}${statusLine(facts).text}`,
    ...standLines(facts).map((line) => line.text),
    ...(said === null ? [] : [`They said: ${said}`]),
    ...(alone === null ? [] : [alone]),
    ...hurt.map((line) => line.text),
    ...(serves === null ? [] : [`Now: ${serves}`]),
    ...(log === null ? [] : [log]),
    `Release: ${releaseText(release)}, ${shortDigest(release.digest)}; before: ${from === null ? "nothing" : releaseText(from)}`,
    `Hosts: ${batchText(state)}${spreadText(state)}`,
    `Asked by ${named(state.requester)} at ${utc(state.requestedAt, now)}${facts.ref === null ? "" : ` as ${safe(facts.ref, 60)}`}`,
    ...(why === null ? [] : [`Why: ${why}`]),
    ...decisions(facts).map((line) => line.text),
    ...warnings(facts).map((line) => `Warning: ${line}`),
    ...(hostBlock(facts).length === 0 ? [] : hostLines(facts).map((line) => line.text)),
    ...(facts.change === null
      ? []
      : changeLists(facts.change, facts)
          .flat()
          .map((line) => line.text)),
    ...(hasEnded(facts.state) ? [] : facts.notSetUp.map((text) => `${safe(text, 120)}.`)),
    `Command: ${canonical(facts)}`,
    ...(facts.head === null ? [] : [`History: #${facts.head.seq} ${safe(facts.head.hash.slice(0, 8))}`]),
    ...nextText(facts),
  ];
  return lines.join("\n");
}

/** The buttons, for where there are none. */
function nextText(facts: RolloutFacts): readonly string[] {
  const { number } = facts.state;
  const verbs = rolloutButtons(facts).map((button) => {
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
