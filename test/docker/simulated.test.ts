import { after, describe } from "node:test";
import { EngineError } from "../../src/host/engine.ts";
import { createEngine } from "../simulation/world/engine.ts";
import { createMachine } from "../simulation/world/machine.ts";
import { goodProgram, type Program } from "../simulation/world/program.ts";
import { createRandom } from "../simulation/world/random.ts";
import { createScheduler, newLife } from "../simulation/world/scheduler.ts";
import { type ContractHost, engineContract, type Kind } from "./contract.ts";

const repository = "registry.test/api";
const programs: Record<Kind, Program> = {
  plain: goodProgram,
  stubborn: { ...goodProgram, ignoresTerm: true },
  broken: { ...goodProgram, startError: "no such file or directory" },
  dying: { ...goodProgram, exitAfterMs: 1, exitCode: 3, logs: ["fatal: required setting DATABASE_URL is missing"] },
  busy: { ...goodProgram, cores: 1 },
};
const digests = { plain: digest("a"), stubborn: digest("b"), broken: digest("c"), dying: digest("d"), busy: digest("e") };

describe("the simulated engine keeps the engine's contract", () => {
  const scheduler = createScheduler();
  const random = createRandom("contract");
  let isDown = false;
  const machine = createMachine({ name: "web-1", scheduler, random, onHappening() {}, wallNow: () => Date.now() });
  const engine = createEngine({
    machine,
    life: newLife("contract"),
    scheduler,
    random,
    weather: { fails: 0, losesAnswer: 0, slowLooks: 0.5, slowestMs: 20 },
    pulls: (image) => ({ ms: 10, program: programOf(image.digest) }),
    onTouch() {},
  });

  function programOf(wanted: string): Program | EngineError {
    if (isDown) return new EngineError({ reason: "registry_unreachable", message: "it does not answer" });
    const kind = (Object.keys(digests) as (keyof typeof digests)[]).find((one) => digests[one] === wanted);
    return kind === undefined ? new EngineError({ reason: "image_missing", message: "manifest unknown" }) : programs[kind];
  }

  // Simulated time runs as fast as it can, a few events at a time, beside the test's own.
  const pump = setInterval(() => {
    const most = scheduler.count() + 20;
    void scheduler.run({ done: () => false, most, onThrow: (thrown) => assertNever(thrown) });
  }, 1);
  after(() => clearInterval(pump));

  const host: ContractHost = {
    engine,
    repository,
    otherRepository: "mirror.test/api",
    digest: digests.plain,
    stopRegistry: async () => {
      isDown = true;
    },
    startRegistry: async () => {
      isDown = false;
    },
  };
  engineContract({ host: () => host, digestFor: (kind) => digests[kind], specFor: () => ({}) });
});

function assertNever(thrown: unknown): void {
  throw thrown instanceof Error ? thrown : new Error(String(thrown));
}

function digest(char: string): string {
  return `sha256:${char.repeat(64)}`;
}
