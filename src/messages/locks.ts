/** A lock and a place in line, in words that several messages share. */
import type { LockFacts, RolloutFacts } from "../core/facts.ts";
import type { Line } from "./rollout-status.ts";
import { mention, named, sentence, utc, when } from "./words.ts";

/** `locked by bo since 11:50 UTC until 13:00 UTC: migration` */
export function lockLine(lock: LockFacts, now: number): Line {
  const why = sentence(lock.why.replaceAll("\n", " "), 200);
  const until = (time: (at: number, now: number) => string) =>
    lock.until === null ? "until it is unlocked" : `until ${time(lock.until, now)}`;
  return {
    text: `locked by ${named(lock.by)} since ${utc(lock.at, now)} ${until(utc)}: ${why}`,
    mrkdwn: `locked by ${mention(lock.by)} since ${when(lock.at, now)} ${until(when)}: ${why}`,
  };
}

/** Its place in line and what it waits behind; nothing when it does not wait there. */
export function placeLines({ state, position, behind, now }: RolloutFacts): readonly Line[] {
  if (state.phase !== "in_line" || position === null) return [];
  const place = position === 1 ? "Place 1, it is next" : `Place ${position} in line`;
  if (behind === null) return [same(`${place}. Its turn comes by itself.`)];
  const rollout = behind.rollout === null ? [] : [same(`behind #${behind.rollout}`)];
  const lock = behind.lock === null ? [] : [lockLine(behind.lock, now)];
  const parts = [...rollout, ...lock];
  return [
    {
      text: `${place}: waits ${parts.map((p) => p.text).join(", and is ")}`,
      mrkdwn: `${place}: waits ${parts.map((p) => p.mrkdwn).join(", and is ")}`,
    },
  ];
}

function same(text: string): Line {
  return { text, mrkdwn: text };
}
