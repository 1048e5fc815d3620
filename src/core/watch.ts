/**
 * After the end: do the containers stay well? A pure judgement over what was observed, so that what it found can be
 * judged again from the finding alone. Thresholds are part of the finding.
 */
import type { LiveHealth } from "./slot.ts";

/** What one host reported at a moment: every change of what runs or how it is. `empty`: nothing runs. */
export type WatchSample = {
  readonly host: string;
  readonly at: number;
  readonly health: LiveHealth | "empty";
  /** Restarts of the container since it was found healthy in its swap. */
  readonly restarts: number;
};

export type WatchRule = {
  /** A container that has not been well for this long without a break. */
  readonly unwellMs: number;
  /** A container that was restarted this often since its swap. */
  readonly restarts: number;
  /** A container that went from well to unwell this often. */
  readonly flaps: number;
};

export const watchRule: WatchRule = { unwellMs: 20_000, restarts: 2, flaps: 3 };

export type WatchFinding = {
  readonly host: string;
  readonly found: "unwell" | "restarts" | "flaps";
  readonly rule: WatchRule;
  /** The samples of that host that led to it, oldest first. */
  readonly samples: readonly WatchSample[];
  readonly at: number;
};

export type Judgement = {
  readonly finding: WatchFinding | null;
  /** When the same samples, with nothing new, should be judged again; null: only when something new is seen. */
  readonly lookAgainAt: number | null;
};

type Facts = {
  readonly rule: WatchRule;
  /** Of all hosts that are watched, each host's oldest first. */
  readonly samples: readonly WatchSample[];
  /** When the watch began: what was seen last before that is how it began. */
  readonly since: number;
  readonly now: number;
};

/**
 * The earliest thing that the rule does not bear, if there is one by now. Its time is the moment at which the rule was
 * broken, not that of the look; so the same samples give the same finding, whoever looks when, and judging the samples of a
 * finding by its rule, from the first of them to its time, gives it again.
 */
export function judge({ rule, samples, since, now }: Facts): Judgement {
  const hosts = [...new Set(samples.map((s) => s.host))].sort();
  const each = hosts.map((host) => judgeHost(seriesOf(host, samples, { since, now }), rule, now));
  const findings = each.flatMap(({ finding }) => (finding === null ? [] : [finding]));
  const finding = findings.reduce<WatchFinding | null>((first, f) => (first === null || f.at < first.at ? f : first), null);
  const looks = each.flatMap(({ lookAgainAt }) => (lookAgainAt === null ? [] : [lookAgainAt]));
  return { finding, lookAgainAt: finding !== null || looks.length === 0 ? null : Math.min(...looks) };
}

/** What was seen of the host during the watch; how it was at the beginning counts as seen then. */
function seriesOf(host: string, samples: readonly WatchSample[], { since, now }: Pick<Facts, "since" | "now">) {
  const mine = samples.filter((s) => s.host === host && s.at <= now);
  const before = mine.filter((s) => s.at < since).slice(-1);
  return [...before.map((s) => ({ ...s, at: since })), ...mine.filter((s) => s.at >= since)];
}

function judgeHost(series: readonly WatchSample[], rule: WatchRule, now: number): Judgement {
  let unwellSince: number | null = null;
  let flaps = 0;
  for (const [i, sample] of series.entries()) {
    const found = (what: WatchFinding["found"], at: number): Judgement => {
      const samples = series.slice(0, i + 1).filter((s) => s.at <= at);
      return { finding: { host: sample.host, found: what, rule, samples, at }, lookAgainAt: null };
    };
    if (unwellSince !== null && sample.at - unwellSince >= rule.unwellMs) return found("unwell", unwellSince + rule.unwellMs);
    if (sample.restarts >= rule.restarts) return found("restarts", sample.at);
    if (sample.health === "ok") unwellSince = null;
    else if (unwellSince === null) {
      unwellSince = sample.at;
      if (i > 0) flaps += 1;
      if (flaps >= rule.flaps) return found("flaps", sample.at);
    }
  }
  const last = series.at(-1);
  if (last === undefined || unwellSince === null) return { finding: null, lookAgainAt: null };
  const at = unwellSince + rule.unwellMs;
  if (now < at) return { finding: null, lookAgainAt: at };
  return { finding: { host: last.host, found: "unwell", rule, samples: series, at }, lookAgainAt: null };
}
