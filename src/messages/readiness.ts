/** How ready the way back is, in words. */
import type { Readiness, UnreadyWhy } from "../core/rollback-estimate.ts";
import { count, cutList, duration, safe } from "./words.ts";

/** `ready on 2 of 3 hosts (web-3: away), about 4 s`; the time only where this environment's past tells them. */
export function readyText({ ready, total, unready = [], expectedMs }: Readiness): string {
  const names = cutList(
    unready.map(({ host, why }) => `${safe(host, 40)}: ${whyText(why)}`),
    { budget: 200, most: 4, rest: (left) => `${left} more` },
  );
  const not = names.length === 0 ? "" : ` (${names.join(", ")})`;
  return `ready on ${ready} of ${count(total, "host")}${not}${timeText(expectedMs)}`;
}

function timeText(expectedMs: number | undefined): string {
  if (expectedMs === undefined) return "";
  return expectedMs < 1000 ? ", less than 1 s" : `, about ${duration(expectedMs)}`;
}

function whyText(why: UnreadyWhy): string {
  switch (why) {
    case "away":
      return "away";
    case "engine_down":
      return "engine down";
    case "swapping":
      return "in mid-swap";
    case "not_kept":
      return "no kept container";
  }
}
