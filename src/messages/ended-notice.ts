/** The direct message to the requester when their rollout has ended. */
import type { RolloutFacts } from "../core/facts.ts";
import { shortCommit } from "../core/release.ts";
import { message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { afterLines, keptBadLines } from "./rollout-after.ts";
import { servesNow, trouble } from "./rollout-hosts.ts";
import { decisions, saidAtTheEnd, statusLine } from "./rollout-status.ts";
import { code, safe } from "./words.ts";

export function endedNotice(facts: RolloutFacts): Message {
  const { state, release } = facts;
  const status = statusLine(facts);
  const said = saidAtTheEnd(state);
  const serves = servesNow(state);
  const sha = shortCommit(release.commit);
  const place = `${safe(state.service)} ${safe(state.environment)}`;
  const made = state.endedBy === null ? [] : decisions(facts).slice(-1);
  const { lines } = trouble(state);
  const isOpen = state.phase === "incomplete" || state.watch?.finding != null;
  const after = isOpen ? afterLines(facts) : keptBadLines(facts);
  const words = (form: "text" | "mrkdwn") => [
    ...made.map((line) => line[form]),
    ...(said === null ? [] : [form === "text" ? said : `> ${said.replaceAll("\n", " ")}`]),
    ...lines.map((line) => line[form]),
    ...(serves === null ? [] : [serves]),
    ...after.map((line) => line[form]),
  ];
  return message({
    text: [`${place} ${safe(sha)} (#${state.number}): ${status.text}`, ...words("text")].join("\n"),
    name: `ended.${state.number}`,
    blocks: [section([`${status.mrkdwn} · ${place} ${code(sha)} #${state.number}`, ...words("mrkdwn")].join("\n"))],
  });
}
