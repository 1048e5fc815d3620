/** I10 (append-only, without gaps, chained) and I11 (folding the events gives the snapshot). */
import { begin, step } from "../../../src/core/rollout.ts";
import type { Ground } from "./ground.ts";

export function judgeHistory({ world, fail }: Ground): void {
  const { rollouts, history } = world.disk.store;
  for (const { number, state, version } of rollouts.list({ service: null, environment: null, limit: 1_000 })) {
    const [first, ...later] = rollouts.events(number);
    if (first?.type !== "requested") {
      fail("I10", `the history of #${number} does not begin with its request`);
      continue;
    }
    if (later.length + 1 !== version) fail("I10", `#${number} has ${later.length + 1} events and version ${version}`);
    let folded = begin(first).state;
    for (const event of later) {
      if (event.type === "requested") continue;
      const next = step(folded, event);
      if (next.kind === "moved") folded = next.state;
      else fail("I11", `the event ${event.type} of #${number} cannot be played again: ${next.kind}`);
    }
    if (JSON.stringify(folded) !== JSON.stringify(state))
      fail("I11", `folding the events of #${number} gives another state than the one that is stored`);
  }
  const { fault } = history.verify({ from: 1, limit: Number.MAX_SAFE_INTEGER });
  if (fault !== null) fail("I10", `entry ${fault.seq} of the history: ${fault.what}`);
}
