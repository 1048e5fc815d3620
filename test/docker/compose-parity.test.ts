import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import type { ContainerSpec } from "../../src/core/release.ts";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { type Engine, gateTarget } from "../../src/host/engine.ts";
import { readEnvFiles } from "../../src/host/env-file.ts";
import { createGates } from "../../src/host/gate/gates.ts";
import { provideGate } from "../../src/host/gate/program.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { type Compose, findCompose } from "../kit/compose.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { composeFiles } from "./kit/compose-files.ts";
import { comparable } from "./kit/inspected.ts";

const lab = testLab("parity-1");

type Shown = {
  readonly Path: string;
  readonly Args: readonly string[];
  readonly Config: { readonly Entrypoint: readonly string[] | null; readonly Cmd: readonly string[] | null };
  readonly Mounts: readonly { readonly Destination: string }[];
};

describe("a container that Gantry starts shows what one shows that Compose starts from the same file", () => {
  let folder: string;
  let compose: Compose;
  let engine: Engine;
  let imageRef: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "gantry-parity-"));
    mkdirSync(join(folder, "services/data"), { recursive: true });
    writeFileSync(join(folder, "gantry.yml"), "services: ./services\n");
    writeFileSync(join(folder, "services/api.env"), "FROM_FILE=yes\nA=overridden\nQUOTED='as it is'\n");
    const dockerHost = `unix://${lab.host("parity-1").dockerSocket}`;
    compose = await findCompose(dockerHost);
    engine = createDockerEngine({ dockerHost });
    const digest = lab.digest(sampleCommit("1a4c9e2"));
    imageRef = await engine.pull({ repository: lab.repository, digest, signal: new AbortController().signal });
    await lab.host("parity-1").docker("tag", imageRef, lab.repository);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, text] of Object.entries(composeFiles)) {
    it(name, async () => {
      const file = join(folder, `services/${name}.yml`);
      writeFileSync(file, text({ repository: lab.repository, folder: join(folder, "services") }));
      const theirs = await asCompose(file, name);
      const { ours, kept } = await asGantry(specIn(file), name);
      rmSync(file);
      assert.deepEqual(ours, theirs);
      assert.deepEqual(kept, theirs, "the container that is kept to go back to");
    });
  }

  it("behind a gate it differs in its entrypoint, its command and one mount more, and in nothing else", async () => {
    const host = lab.host("parity-1");
    const provided = await provideGate(host.dir);
    assert.ok("program" in provided, JSON.stringify(provided));
    const gates = createGates({ dir: join(host.dir, "gates"), program: provided.program });
    const gate = await gates.make("gantry-gated");
    assert.ok(gate !== null);
    const spec = { ...plainSpec, image: lab.repository, network: "none" } as const;
    const shown = async (more: { gate?: string }) => {
      const id = await engine.create({ name: "gantry-gated", imageRef, spec, environment: [], labels: {}, ...more });
      const seen = (await serving(id)) as Shown;
      await engine.remove(id);
      return seen;
    };
    const [plain, gated] = [await shown({}), await shown({ gate })];
    await gates.remove("gantry-gated");
    const whole = [...(plain.Config.Entrypoint ?? []), ...(plain.Config.Cmd ?? [])];
    assert.deepEqual([gated.Config.Entrypoint, gated.Config.Cmd], [[`${gateTarget}/gate`], whole]);
    const isGate = ({ Destination }: { Destination: string }) => Destination === gateTarget;
    assert.deepEqual([gated.Mounts.filter(isGate).length, gated.Path, gated.Args], [1, `${gateTarget}/gate`, whole]);
    const { Entrypoint, Cmd } = plain.Config;
    const without = { Config: { ...gated.Config, Entrypoint, Cmd }, Mounts: gated.Mounts.filter((mount) => !isGate(mount)) };
    assert.deepEqual({ ...gated, ...without, Path: plain.Path, Args: plain.Args }, plain);
  });

  it("an external volume that the host lacks fails the create, rather than be made empty", async () => {
    const mount = { kind: "volume", source: "orders", target: "/data", readOnly: false, mustExist: true } as const;
    const spec = { ...plainSpec, image: lab.repository, network: "none", mounts: [mount] } as const;
    const create = () => engine.create({ name: "gantry-external", imageRef, spec, environment: [], labels: {} });
    const missing = { reason: "mount_missing", message: "the external volume orders is not on this host" };
    await assert.rejects(create, missing);
    await lab.host("parity-1").docker("volume", "create", "orders");
    await engine.remove(await create());
  });

  async function asCompose(file: string, name: string): Promise<unknown> {
    await compose.up(file);
    const own = ["--filter", `label=com.docker.compose.project=${name}`];
    const shown = await inspect(...own);
    await lab.host("parity-1").docker("rm", "-fv", await lab.host("parity-1").docker("ps", "-aq", ...own));
    return shown;
  }

  function specIn(file: string): ContainerSpec {
    const loaded = loadConfig(join(folder, "gantry.yml"));
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.errors.map(({ line, what, fix }) => `${line}: ${what}; ${fix}`).join("\n"));
    const service = loaded.config.services.find((one) => one.file === file);
    assert.ok(service !== undefined);
    return service.spec.container;
  }

  /** As the agent does it: src/host/slot-make.ts, and src/host/slot-settle.ts for the one that is kept. */
  async function asGantry(spec: ContainerSpec, name: string): Promise<{ ours: unknown; kept: unknown }> {
    const { envFiles: files, optionalEnvFiles: optional, rawEnvFiles: raw } = spec;
    const environment = await readEnvFiles({ envDir: join(folder, "services"), files, optional, raw });
    const labels = { ...spec.labels, "gantry.service": name, "gantry.environment": "prod" };
    const id = await engine.create({ name: `gantry-${name}.prod-g1`, imageRef, spec, environment, labels });
    const ours = await serving(id);
    const keptId = await engine.clone({ id, name: `gantry-${name}.prod-g1-kept`, labels });
    await engine.remove(id);
    const kept = await serving(keptId);
    await engine.remove(keptId);
    return { ours, kept };
  }

  async function serving(id: string): Promise<unknown> {
    await engine.start(id);
    await engine.setRestartPolicy(id, "unless-stopped");
    return await inspect("--filter", `id=${id}`);
  }

  async function inspect(...filter: readonly string[]): Promise<unknown> {
    const host = lab.host("parity-1");
    const ids = (await host.docker("ps", "-aq", "--no-trunc", ...filter)).split("\n").filter((id) => id !== "");
    assert.equal(ids.length, 1, `containers: ${ids.join(" ")}`);
    const [inspected] = JSON.parse(await host.docker("inspect", ...ids));
    assert.equal(inspected.State.Status, "running", inspected.State.Error);
    return comparable(inspected);
  }
});
