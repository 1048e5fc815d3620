import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, afterEach, before, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import type { Log } from "../../src/app/ports.ts";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { type Engine, EngineError } from "../../src/host/engine.ts";
import { createImages, type Images } from "../../src/host/images.ts";
import { createLimit, createLimitPerKey } from "../../src/host/limits.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { type FaultRegistry, startFaultRegistry } from "../../src/rehearsal/registry/fault-registry.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";

const lab = testLab("prod-1");

describe("pulls by a real engine, from registries in trouble", () => {
  let engine: Engine;
  let images: Images;
  let primary: FaultRegistry;
  let digest: string;
  const errors: string[] = [];
  const note = (facts: object) => void errors.push(JSON.stringify(facts));
  const log: Log = { debug() {}, info() {}, warn() {}, error: note };

  before(async () => {
    primary = await startFaultRegistry({ host: lab.lab.bridgeAddress, upstream: lab.lab.registry.address });
    const pull = { stallMs: 1_500, totalMs: 3_000 };
    engine = createDockerEngine({ dockerHost: `unix://${lab.host("prod-1").dockerSocket}`, pull });
    images = newImages();
    digest = lab.digest(sampleCommit("1a4c9e2"));
  });
  after(async () => {
    images.stop();
    await primary.stop();
  });
  afterEach(async () => {
    primary.set({ kind: "ok" });
    const found = await engine.findImage({ repositories: [], digest });
    if (found !== null) assert.equal(await engine.removeImage(found), true);
    errors.length = 0;
  });

  function newImages(): Images {
    const limit = createLimitPerKey({ perKey: 2, whole: createLimit(3) });
    const cleanUp = { used: () => undefined, makeRoom: async () => 0 };
    return createImages({ engine, limit, cleanUp, clock: systemClock, log, onChange: () => undefined, random: () => 0.5 });
  }

  const image = () => `${primary.address}/api`;
  const need = (mirrors: readonly string[] = []) => images.need({ image: image(), mirrors, digest });
  const manifests = () => primary.requests.filter((line) => line.includes("/manifests/")).length;

  async function faultOf(work: Promise<unknown>): Promise<EngineError> {
    const thrown = await work.then(
      () => assert.fail("it did not fail"),
      (error) => error,
    );
    assert.ok(thrown instanceof EngineError, String(thrown));
    return thrown;
  }

  it("AG9: what is missing in the primary registry comes from the mirror, by the same digest", async () => {
    primary.set({ kind: "missing" });
    assert.equal(await need([lab.repository]), `${lab.repository}@${digest}`);
  });

  it("AG9: what is missing everywhere is said of each of them, and asked for once", async () => {
    primary.set({ kind: "missing" });
    const before = manifests();
    const second = await startFaultRegistry({ host: lab.lab.bridgeAddress, upstream: lab.lab.registry.address });
    second.set({ kind: "unauthorized" });
    const fault = await faultOf(need([`${second.address}/api`])).finally(() => second.stop());
    assert.equal(fault.reason, "image_missing");
    assert.match(fault.message, new RegExp(`^${primary.address}: .*(unknown|not found).*; ${second.address}: .*auth`));
    assert.ok(manifests() - before <= 2, "one pull, HEAD and GET at most");
  });

  it("AG10: a registry that hangs is left after the stall deadline, and the mirror serves", async () => {
    primary.set({ kind: "hang" });
    assert.equal(await need([lab.repository]), `${lab.repository}@${digest}`);
  });

  it("AG10: so is one whose bytes drip", async () => {
    primary.set({ kind: "slow", bytesPerSecond: 100 }, "blobs");
    assert.equal(await need([lab.repository]), `${lab.repository}@${digest}`);
  });

  it("AG10: one that hangs does not hold up pulls from another", async () => {
    primary.set({ kind: "hang" });
    const hanging = ["1", "2", "3", "4"].map((digit) => needs(`sha256:${digit.repeat(64)}`));
    const all = Promise.allSettled(hanging);
    await eventually(() => assert.ok(manifests() > 0));
    await images.need({ image: lab.repository, mirrors: [], digest });
    assert.equal(await Promise.race([all, "still hang"]), "still hang");
    images.stop();
    await all;
    images = newImages();
  });

  function needs(other: string): Promise<string> {
    return images.need({ image: image(), mirrors: [], digest: other });
  }

  it("AG11: a refused login is asked for once, and told with the place where logins are looked for", async () => {
    primary.set({ kind: "unauthorized" });
    const before = primary.requests.length;
    const fault = await faultOf(need());
    assert.equal(fault.reason, "registry_auth");
    assert.match(fault.message, /no basic auth credentials.*no login for it in nowhere/);
    assert.ok(primary.requests.length - before <= 3, "no second try");
  });

  for (const [name, fault] of [
    ["429", { kind: "too_many", retryAfter: "10ms" }],
    ["a cut connection", { kind: "cut" }],
  ] as const) {
    it(`AG11: ${name} is tried again a little, and then told as a registry out of reach`, async () => {
      primary.set(fault);
      const begin = primary.requests.length;
      const told = await faultOf(need());
      assert.equal(told.reason, "registry_unreachable", told.message);
      assert.ok(primary.requests.length - begin >= 3, "three rounds");
    });
  }

  it("AG11: a fault that passes does not fail the pull", async () => {
    primary.set({ kind: "broken", status: 503 });
    const pulled = need();
    await eventually(() => assert.ok(primary.requests.length > 0));
    primary.set({ kind: "ok" });
    assert.equal(await pulled, `${image()}@${digest}`);
  });

  it("AG11: corrupt layers are refused and shouted about, and the mirror serves", async () => {
    primary.set({ kind: "corrupt" }, "blobs");
    const wanted = { service: "api", environment: "prod", rollout: 7, image: image(), digest, mirrors: [lab.repository] };
    images.prepare([wanted]);
    await eventually(() => assert.equal(images.observed()[0]?.state, "present"), 10_000);
    const [seen] = images.observed();
    assert.match(seen?.state === "present" ? (seen.warning ?? "") : "", new RegExp(`^${primary.address}: .*verification failed`));
    assert.match(errors.join(), /digest_mismatch/);
    images.prepare([]);
  });

  it("AG12: a registry that lies about a digest is refused, whoever else is out of reach", async () => {
    primary.set({ kind: "lies", with: lab.digest(sampleCommit("3f2a1c9")) });
    // Not one that was pulled before: the engine keeps manifests that it has verified.
    const wanted = { image: image(), mirrors: [`${lab.lab.bridgeAddress}:1/api`], digest: lab.digest(sampleCommit("5b7e0d4")) };
    const fault = await faultOf(images.need(wanted));
    assert.equal(fault.reason, "digest_mismatch");
    assert.match(fault.message, /refused/);
  });

  it("AG12: a tag that moved after the approval moves nothing: the digest is pulled", async () => {
    primary.set({ kind: "moved", to: lab.digest(sampleCommit("3f2a1c9")) });
    const registry = createRegistry({ registries: [{ host: primary.address, mirrors: [], insecure: true }] });
    try {
      assert.notEqual(await registry.digest(image(), sampleCommit("1a4c9e2").sha), digest);
    } finally {
      await registry.close();
    }
    assert.equal(await need(), `${image()}@${digest}`);
  });

  it("AG13: the registry tells what an image is built for, and the engine refuses what is not for it", async () => {
    const arm = await pushForeign();
    const { address } = lab.lab.registry;
    const registry = createRegistry({ registries: [{ host: address, mirrors: [], insecure: true }] });
    try {
      assert.deepEqual(await registry.platforms(lab.repository, digest), [(await engine.info()).platform]);
      assert.deepEqual(await registry.platforms(lab.repository, arm.image), ["linux/s390x"]);
      assert.deepEqual(await registry.platforms(lab.repository, arm.index), ["linux/s390x"]);
      assert.equal(await registry.platforms(lab.repository, `sha256:${"0".repeat(64)}`), null);
    } finally {
      await registry.close();
    }
    for (const foreign of [arm.index, arm.image]) {
      const fault = await faultOf(images.need({ image: lab.repository, mirrors: [image()], digest: foreign }));
      assert.equal(fault.reason, "wrong_platform", fault.message);
    }
  });

  /** The sample image as if it were for another machine, alone and in an index. */
  async function pushForeign(): Promise<{ readonly image: string; readonly index: string }> {
    const at = `http://${lab.lab.registry.address}/v2/api`;
    const type = "application/vnd.docker.distribution.manifest.v2+json";
    const manifest = await read<{ config: { digest: string } }>(`${at}/manifests/${digest}`, type);
    const config = await read<object>(`${at}/blobs/${manifest.config.digest}`, "*/*");
    const foreign = Buffer.from(JSON.stringify({ ...config, architecture: "s390x" }));
    const upload = await fetch(`${at}/blobs/uploads/`, { method: "POST" });
    const location = new URL(upload.headers.get("location") ?? "", at);
    location.searchParams.set("digest", hashOf(foreign));
    await fetch(location, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: foreign });
    const put = async (body: object, mediaType: string) => {
      const bytes = Buffer.from(JSON.stringify(body));
      const url = `${at}/manifests/${hashOf(bytes)}`;
      const answer = await fetch(url, { method: "PUT", headers: { "content-type": mediaType }, body: bytes });
      assert.equal(answer.status, 201, await answer.text());
      return { digest: hashOf(bytes), size: bytes.length, mediaType };
    };
    const one = await put({ ...manifest, config: { ...manifest.config, digest: hashOf(foreign), size: foreign.length } }, type);
    const listType = "application/vnd.docker.distribution.manifest.list.v2+json";
    const platform = { os: "linux", architecture: "s390x" };
    const list = await put({ schemaVersion: 2, mediaType: listType, manifests: [{ ...one, platform }] }, listType);
    return { image: one.digest, index: list.digest };
  }

  it("AG34: the image of a kept container is not removed, and after a prune it comes from the registry again", async () => {
    const imageRef = await need();
    const labels = { "gantry.service": "api", "gantry.environment": "prod", "gantry.role": "previous" };
    const order = { name: "gantry-api.prod-kept", imageRef, spec: plainSpec, environment: [], labels };
    const id = await engine.create(order);
    assert.equal(await engine.removeImage(imageRef), false);
    await lab.host("prod-1").docker("system", "prune", "--all", "--force");
    assert.equal(await engine.inspect(id), null, "nothing is offered that is not there");
    assert.equal(await engine.findImage({ repositories: [image()], digest }), null);
    assert.equal(await need(), imageRef);
  });
});

async function read<T>(url: string, accept: string): Promise<T> {
  return (await (await fetch(url, { headers: { accept } })).json()) as T;
}

function hashOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
