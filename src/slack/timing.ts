/** Every wait of the adapter, so that a test can shorten them. */
export type Timing = {
  /** The second socket starts this much later, so that Slack does not recycle both at the same time. */
  readonly secondSocketAfterMs: number;
  /** A connection that has not said hello by then is given up for a new one. With the longest pause: back within 50 s of Slack. */
  readonly helloWithinMs: number;
  /** A connection whose pings stay unanswered this long is dead. The SDK's 5 s would take a busy moment of ours for that. */
  readonly pongWithinMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** `start()` waits at most this long for the first connection; the supervisor goes on without it. */
  readonly startWithinMs: number;
  /** `stop()` waits at most this long for work in flight. */
  readonly drainMs: number;
  /** Slack: about one message a second and channel. */
  readonly postGapMs: number;
  readonly editGapMs: number;
  /** Slack allows an app about 50 edits a minute in a workspace (Tier 3), with room for a burst. */
  readonly editsPerMinute: number;
  readonly editBurst: number;
  /** Slack shows the person an error at 3 s; an acknowledgement this late is worth a log line. */
  readonly ackWarnMs: number;
};

export const defaultTiming: Timing = {
  secondSocketAfterMs: 120_000,
  helloWithinMs: 20_000,
  pongWithinMs: 10_000,
  retryMinMs: 500,
  retryMaxMs: 30_000,
  startWithinMs: 10_000,
  drainMs: 10_000,
  postGapMs: 1_050,
  editGapMs: 1_000,
  editsPerMinute: 50,
  editBurst: 20,
  ackWarnMs: 2_500,
};

/** Doubles from `retryMinMs` up to `retryMaxMs`, less up to a half at random, so that a fleet of bots does not knock in step. */
export function backoffMs(failures: number, timing: Timing, random: () => number = Math.random): number {
  const longest = Math.min(timing.retryMaxMs, timing.retryMinMs * 2 ** Math.min(failures - 1, 20));
  return longest * (0.5 + random() / 2);
}
