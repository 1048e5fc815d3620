/** What a failure needs: faults, verbs and hosts are left out one after another, as long as it still fails in the same way. */
import { faultNames } from "./faults/index.ts";
import { type RunOptions, type RunResult, runSeed } from "./run.ts";

const verbs = [
  "edit",
  "forge",
  "button",
  "lock",
  "drain",
  "cordon",
  "restart",
  "rollback",
  "promote",
  "pause",
  "cancel",
  "status",
  "why",
];

export async function minimise(failed: RunResult): Promise<RunOptions> {
  const id = failed.violation?.id;
  let best: RunOptions = { seed: failed.seed };

  async function tries(options: RunOptions): Promise<boolean> {
    const result = await runSeed(options);
    if (result.violation?.id !== id) return false;
    best = options;
    return true;
  }

  for (const name of [...faultNames.filter((f) => failed.faults.includes(f)), "bad_builds", ...verbs]) {
    await tries({ ...best, without: new Set([...(best.without ?? []), name]) });
  }
  for (const mostHosts of [1, 2, 3, 4]) if (await tries({ ...best, mostHosts })) break;
  return best;
}

/** The same case again, on one line. */
export function commandFor({ seed, without = new Set(), mostHosts }: RunOptions): string {
  const left = without.size === 0 ? "" : ` --without ${[...without].join(",")}`;
  return `npm run simulate -- --seed ${seed}${left}${mostHosts === undefined ? "" : ` --hosts ${mostHosts}`}`;
}
