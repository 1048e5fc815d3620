import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import { createFakeEngine, type FakeProgram } from "../../src/docker/fake.ts";
import { createExecutorClient } from "../../src/executor/client.ts";
import { type RunningExecutor, startExecutor } from "../../src/executor.ts";
import { type ContractHost, engineContract, type Kind } from "../docker/contract.ts";
import { silent } from "../host/kit/real-host.ts";

const repository = "registry.test/api";
const programs: Record<Kind, FakeProgram> = {
  plain: { port: 8080 },
  stubborn: { port: 8081, ignoresTerm: true },
  broken: { startError: "no such file or directory" },
  dying: { port: 8082, exitAfterMs: 1, exitCode: 3, logs: ["fatal: required setting DATABASE_URL is missing"] },
  busy: { port: 8083, cores: 1 },
};
const digests = { plain: digest("a"), stubborn: digest("b"), broken: digest("c"), dying: digest("d"), busy: digest("e") };

describe("an engine behind the executor keeps the engine's contract", () => {
  const engine = createFakeEngine({ clock: systemClock });
  for (const [kind, program] of Object.entries(programs)) {
    engine.registries.push({ repository, digest: digests[kind as Kind], program });
  }
  let dir: string;
  let executor: RunningExecutor;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-executor-"));
    executor = await startExecutor({
      socket: join(dir, "executor.sock"),
      policyFile: join(dir, "none.yaml"),
      stateDir: join(dir, "state"),
      registries: ["registry.test", "mirror.test"],
      engine,
      log: silent,
    });
  });
  after(async () => {
    await executor.stop();
    await rm(dir, { recursive: true });
  });
  const host = (): ContractHost => ({
    engine: createExecutorClient({ socketPath: join(dir, "executor.sock") }).engine,
    repository,
    otherRepository: "mirror.test/api",
    digest: digests.plain,
    stopRegistry: async () => engine.registries.setFault("registry.test", "registry_unreachable"),
    startRegistry: async () => engine.registries.setFault("registry.test", null),
  });
  engineContract({ host, digestFor: (kind) => digests[kind], specFor: () => ({}) });
});

function digest(char: string): string {
  return `sha256:${char.repeat(64)}`;
}
