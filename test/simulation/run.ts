/** One seed from beginning to end: a world is made, goes wrong for a while, is healed, and must come to rest. */
import { createFaults } from "./faults/index.ts";
import { putPeopleInto } from "./operators/people.ts";
import { createOracles } from "./oracles/index.ts";
import type { Reached, Violation } from "./oracles/report.ts";
import { policies } from "./world/configuration.ts";
import { createRandom } from "./world/random.ts";
import { createWorld } from "./world/world.ts";

export type RunOptions = {
  readonly seed: number;
  /** Left out of the world, to find out what a failure needs. */
  readonly without?: ReadonlySet<string>;
  /** At most so many hosts. */
  readonly mostHosts?: number;
  readonly keepTrace?: boolean;
};

export type RunResult = {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: readonly string[];
  readonly hosts: number;
  readonly reached: Reached;
  readonly lines: readonly string[];
};

const mostEvents = 60_000;
/** After everything is healed, this long at most until it has come to rest. */
const healMs = 45 * 60_000;

export async function runSeed(options: RunOptions): Promise<RunResult> {
  const { seed, without = new Set<string>(), mostHosts = 10, keepTrace = false } = options;
  const seedText = `seed ${seed}`;
  const shape = createRandom(seedText).split("shape");
  const untilMs = shape.between(4, 11) * 60_000;
  const prod = Math.min(shape.pick([1, 2, 3, 3, 4, 5, 6, 8]), mostHosts);
  const staging = Math.min(shape.between(1, 2), mostHosts);
  const variant = { policy: shape.between(0, policies - 1), web: shape.chance(0.3), edition: 0 };
  const badShare = without.has("bad_builds") ? 0 : shape.pick([0.1, 0.3, 0.6]);
  const habits = { paceMs: shape.pick([12_000, 20_000, 45_000]), approves: shape.pick([0.6, 0.95]), without };
  let people: ReturnType<typeof putPeopleInto> | null = null;
  const oracles = createOracles({ onCard: (posted) => people?.onCard(posted) });
  const world = createWorld({ seed: seedText, watcher: oracles.watch, badShare, variant, keepTrace });
  const { scheduler } = world;

  // A stack costs more than most events; whoever reads a trace gets them.
  Error.stackTraceLimit = keepTrace ? 30 : 0;
  const onRejection = (error: unknown) => oracles.watcher().onFault("unhandled rejection", error);
  process.on("unhandledRejection", onRejection);
  world.startServer();
  for (let i = 1; i <= staging; i += 1) world.join({ host: `staging-${i}`, labels: { env: "staging", zone: "a" } });
  for (let i = 1; i <= prod; i += 1) world.join({ host: `prod-${i}`, labels: { env: "prod", zone: i % 2 === 0 ? "a" : "b" } });
  people = putPeopleInto(world, habits, untilMs);
  const faults = createFaults(world, { random: createRandom(seedText).split("faults"), until: untilMs, without });
  scheduler.at(untilMs, null, () => {
    world.trace.note("world", "everything is healed");
    faults.heal();
    oracles.healed();
  });
  await scheduler.run({
    done: () =>
      oracles.violation() !== null || scheduler.now() > untilMs + healMs || (scheduler.now() > untilMs && oracles.atRest()),
    most: mostEvents,
    onThrow: (thrown, life) => oracles.watcher().onFault(life?.name ?? "world", thrown),
  });
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onRejection);
  Error.stackTraceLimit = 10;
  oracles.finish({ ranOut: scheduler.count() >= mostEvents });
  return {
    seed,
    violation: oracles.violation(),
    hash: world.trace.hash(),
    events: scheduler.count(),
    virtualMs: scheduler.now(),
    faults: faults.names,
    hosts: world.sites.length,
    reached: oracles.reached(),
    lines: world.trace.lines(),
  };
}
