import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ReleaseSpec } from "../../src/core/release.ts";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { order, plainSpec } from "./kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "./kit/real-host.ts";

const lab = testLab("prod-1");
const good = sampleCommit("1a4c9e2");
const better = sampleCommit("3f2a1c9");

/** Of the first member at which they come: `create` and `check` of the migration, `stop` of metrics. */
const moments = ["after:create", "before:check", "after:stop", "before:settle"];

/** Builds of the three: the migration is of the released image, and can be told to end badly. */
type Parts = { readonly api: { sha: string }; readonly metrics: { sha: string }; readonly migrationEnds?: number };

describe("a service of several containers on a real engine", () => {
  let server: TestServer;
  let host: RealHost;
  let generation = 0;
  let now: Parts = { api: good, metrics: good };

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    host = realHost(lab.host("prod-1"), server);
    await host.start();
  });
  after(async () => {
    await host.end();
    await server.stop();
  });

  function next(parts: Parts): DesiredSlot {
    generation += 1;
    const container = { ...plainSpec, image: lab.repository };
    const migration = `echo migrating; exit ${parts.migrationEnds ?? 0}`;
    const health = { probe: { kind: "none" }, intervalMs: 1_000, deadlineMs: 5_000 } as const;
    const support: Partial<ReleaseSpec> = {
      name: "api",
      dependsOn: [
        { on: "metrics", condition: "healthy" },
        { on: "migrate", condition: "completed" },
      ],
      supporting: [
        {
          name: "migrate",
          container: { ...container, entrypoint: ["/bin/busybox", "sh", "-c", migration] },
          reference: null,
          digest: null,
          health,
          dependsOn: [],
        },
        {
          name: "metrics",
          container: { ...container, environment: { PORT: "9100" } },
          reference: "v3",
          digest: lab.digest(sampleCommit(parts.metrics.sha)),
          health: { ...health, probe: { kind: "http", url: "http://127.0.0.1:9100/healthz" } },
          dependsOn: [],
        },
      ],
    };
    const digest = lab.digest(sampleCommit(parts.api.sha));
    const plain = order({ generation, digest, container: { image: lab.repository } });
    const release = plain.release as NonNullable<DesiredSlot["release"]>;
    return { ...plain, release: { ...release, spec: { ...release.spec, ...support } } };
  }

  /** `metrics live r1 running`. */
  async function containers(): Promise<string[]> {
    const format = '{{.Label "gantry.member"}} {{.Label "gantry.role"}} {{.Label "gantry.release"}} {{.State}}';
    const lines = await host.lab.docker("ps", "-a", "--filter", "label=gantry.service", "--format", format);
    return lines
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .sort();
  }

  const live = async () =>
    (await containers())
      .filter((line) => /\blive\b/.test(line))
      .map((line) => line.replace(/live r\d+ /, ""))
      .sort();

  /** One of each, answering as it should, and nothing left over. */
  async function isWhole({ api, metrics }: Parts): Promise<void> {
    await eventually(async () => assert.deepEqual(await live(), ["metrics running", "migrate exited", "running"].sort()), 10_000);
    assert.match((await host.lab.fetch("/")).body, new RegExp(api.sha));
    assert.match((await host.lab.fetch(`http://${host.lab.address}:9100/`)).body, new RegExp(metrics.sha));
    const kept = (await containers()).filter((line) => line.includes("previous"));
    assert.equal(new Set(kept.map((line) => line.replace(/previous.*/, ""))).size, kept.length, kept.join(", "));
  }

  async function goesTo(parts: Parts): Promise<ObservedSlot> {
    const slot = await host.carryOut(next(parts));
    assert.equal(slot.outcome?.ok, true, `${JSON.stringify(slot)} ${host.log.slice(-5).join("\n")}`);
    now = parts;
    await isWhole(now);
    return slot;
  }

  it("starts them in order", async () => {
    await goesTo(now);
    const words = (slot: ObservedSlot | undefined) => (slot?.supporting ?? []).map(({ name, health }) => `${name} ${health}`);
    await host.desk.seen("prod-1", (p) => words(p.slots[0]).join(", ") === "migrate ok, metrics ok");
  });

  it("swaps only metrics when only they changed", async () => {
    const before_ = await host.desk.seen("prod-1", (p) => p.slots[0]?.live?.health === "ok");
    const slot = await goesTo({ ...now, metrics: better });
    assert.equal(slot.live?.containerId, before_.slots[0]?.live?.containerId);
    assert.equal(slot.live?.release, generation);
  });

  it("serves on without a moment's pause when the migration fails", async () => {
    const before_ = await host.desk.seen("prod-1", (p) => p.slots[0]?.live?.health === "ok");
    const { outcome, live } = await host.carryOut(next({ ...now, api: better, migrationEnds: 3 }));
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.detail, outcome.logTail, outcome.after], [
      "exited",
      "migrate: exit code 3",
      ["migrating"],
      "restored",
    ]);
    assert.deepEqual(
      [live?.containerId, live?.startedAt],
      [before_.slots[0]?.live?.containerId, before_.slots[0]?.live?.startedAt],
    );
    await isWhole(now);
  });

  for (const moment of moments) {
    it(`goes on after the agent was killed ${moment.replace(":", " ")}`, async () => {
      const parts = now.api.sha === good.sha ? { api: better, metrics: good } : { api: good, metrics: better };
      const ordered = next(parts);
      host.dieAt(moment);
      host.tell(ordered);
      assert.equal(await host.died(), "SIGKILL");
      host.dieAt(null);
      await host.start();
      const slot = await host.desk.settled("prod-1", ordered.generation);
      assert.equal(slot.outcome?.ok, true, `${JSON.stringify(slot)} ${host.log.slice(-5).join("\n")}`);
      now = parts;
      await isWhole(now);
    });
  }
});
