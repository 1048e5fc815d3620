/**
 * How old a report may be. It may have waited in a buffer for as long as the server stood still, or the network held it up;
 * when it was heard says nothing. So every picture that the server sends carries the time at which it was sent, and every
 * report the newest such time that the agent has heard over this connection: what it tells was so then, or later.
 */

/** `answers`: as the agent says, undefined by an old one, which must be taken at its word. `askedAt`: the newest that was sent. */
export function toldAt(report: { readonly answers: number | undefined; readonly askedAt: number; readonly now: number }): number {
  const { answers, askedAt, now } = report;
  if (answers === undefined) return now;
  return Math.min(answers, askedAt);
}
