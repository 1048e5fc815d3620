/** The answer to `why`: how it stands, each thing that waits with what would end it, what was seen, and what led there. */
import type { WhyFacts } from "../core/facts.ts";
import type { WatchSample } from "../core/watch.ts";
import { context, header, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { code, cutList, duration, safe, sentence, utc, when } from "./words.ts";

type Form = "text" | "mrkdwn";

export function whyMessage(facts: WhyFacts): Message {
  const { subject, now } = facts;
  return message({
    text: [
      `${safe(subject)}: ${sentence(now, 600)}`,
      ...facts.waits.flatMap((wait) => waitLines(wait, facts.at, "text")),
      ...seriesLines(facts, "text"),
      ...storyLines(facts, "text"),
    ].join("\n"),
    name: "why",
    blocks: [
      header(`Why ${subject}?`),
      section(sentence(now, 600)),
      ...facts.waits.slice(0, mostWaits).map((wait) => section(waitLines(wait, facts.at, "mrkdwn").join("\n"))),
      ...block(seriesLines(facts, "mrkdwn")),
      ...block(storyLines(facts, "mrkdwn")),
      context(["Every reason code has a runbook page: `docs/runbooks/CODE.md`."]),
    ],
  });
}

const mostWaits = 8;

function block(lines: readonly string[]) {
  return lines.length === 0 ? [] : [section(lines.join("\n"))];
}

function waitLines(wait: WhyFacts["waits"][number], now: number, form: Form): readonly string[] {
  const at = (time: number) => (form === "text" ? utc(time, now) : when(time, now));
  const since = wait.since === null ? "" : ` Since ${at(wait.since)} (${duration(now - wait.since)}).`;
  const until = wait.until === null ? "" : ` At the latest at ${at(wait.until)}.`;
  const what = `${sentence(wait.text.replaceAll("\n", " "), 400)} (${form === "text" ? wait.reason : code(wait.reason)}).${since}`;
  const ends = `${sentence(wait.ends.replaceAll("\n", " "), 400)}${until}`;
  return form === "text" ? [`- ${what}`, `  Ends: ${ends}`] : [`:hourglass_flowing_sand: ${what}`, `*Ends:* ${ends}`];
}

/** What the watch judges by, and what it saw. */
function seriesLines({ series, at: now }: WhyFacts, form: Form): readonly string[] {
  if (series === null) return [];
  const { rule, samples } = series;
  const title = `Rule: not well for ${duration(rule.unwellMs)} without a break, restarted ${rule.restarts} times, or from well to unwell ${rule.flaps} times.`;
  const lines = samples.slice(-12).map((sample) => sampleText(sample, now, form));
  const older = samples.length - lines.length;
  return [
    form === "text" ? title : `*${title}*`,
    ...(older > 0 ? [`(${older} older)`] : []),
    ...cutList(lines, { budget: 1500, rest: (left) => `and ${left} more` }),
  ];
}

function sampleText(sample: WatchSample, now: number, form: Form): string {
  const at = form === "text" ? utc(sample.at, now, "seconds") : when(sample.at, now, "seconds");
  const restarts = sample.restarts === 0 ? "" : `, ${sample.restarts} restarts`;
  return `${form === "text" ? "- " : "• "}${at} ${code(sample.host)} ${sample.health}${restarts}`;
}

function storyLines({ story, at: now }: WhyFacts, form: Form): readonly string[] {
  if (story.length === 0) return [];
  const newest = story.slice(-20).map(({ at, text }) => {
    const time = form === "text" ? utc(at, now, "seconds") : when(at, now, "seconds");
    return `${form === "text" ? "- " : "• "}${time} ${sentence(text.replaceAll("\n", " "), 300)}`;
  });
  // The newest matter most: what does not fit is left out at the beginning.
  const kept = cutList([...newest].reverse(), { budget: form === "text" ? 1800 : 2400, rest: () => "…" }).reverse();
  const older = story.length - newest.length;
  return [form === "text" ? "What happened:" : "*What happened*", ...(older > 0 ? [`(${older} earlier events)`] : []), ...kept];
}
