import { before, describe } from "node:test";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { type ContractHost, engineContract, type Kind } from "./contract.ts";

const lab = testLab("prod-1");

describe("a real engine keeps the engine's contract", () => {
  let host: ContractHost;
  before(() => {
    const engine = createDockerEngine({ dockerHost: `unix://${lab.host("prod-1").dockerSocket}` });
    host = {
      engine,
      repository: lab.repository,
      otherRepository: "10.0.0.1:5000/elsewhere",
      digest: lab.digest(sampleCommit("1a4c9e2")),
      stopRegistry: () => lab.lab.registry.stop(),
      startRegistry: () => lab.lab.registry.start(),
    };
  });
  const environments = { plain: {}, stubborn: { IGNORE_TERM: "1" }, broken: {}, dying: { EXIT_AT_START: "3" }, busy: {} };
  const entrypoints: Partial<Record<Kind, readonly string[]>> = {
    broken: ["/no/such/program"],
    busy: ["sh", "-c", "while :; do :; done"],
  };
  engineContract({
    host: () => host,
    digestFor: () => lab.digest(sampleCommit("1a4c9e2")),
    specFor: (kind) => ({ environment: environments[kind], entrypoint: entrypoints[kind] ?? null }),
  });
});
