// Releases with containers beside the released one: their images are pinned, prepared and looked at like its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GantryConfig } from "../../src/config/valid.ts";
import type { ReleaseSpec, SupportingSpec } from "../../src/core/release.ts";
import type { ObservedImage } from "../../src/core/slot.ts";
import type { SpecChanges } from "../../src/core/spec-change.ts";
import { besidesLines } from "../../src/messages/spec-changes.ts";
import { aCommit, eva, type TestApp } from "../kit/app.ts";
import { aSpec, digestOf } from "../kit/stores.ts";
import { aFleet, approves, cancels, deploys, edits, place, rollsBack } from "./line-kit.ts";

const exporter = "registry.test/exporter";
const [v3, v4] = [digestOf("v3"), digestOf("v4")];

function metrics(change: Partial<SupportingSpec> = {}): SupportingSpec {
  const container = { ...aSpec.container, image: exporter };
  return { name: "metrics", container, reference: "v3", digest: null, health: aSpec.health, dependsOn: [], ...change };
}

const migrate: SupportingSpec = { ...metrics(), name: "migrate", container: aSpec.container, reference: null };

/** As an edited service file would after a restart. */
function writes(fleet: TestApp, spec: ReleaseSpec): void {
  const services = fleet.app.gantry.config.services as GantryConfig["services"][number][];
  const [known] = services;
  assert.ok(known !== undefined);
  services[0] = { ...known, spec };
}

function aServiceWith(...supporting: readonly SupportingSpec[]): TestApp {
  const fleet = aFleet(["a", "b"]);
  fleet.registry.push({ repository: exporter, tag: "v3", digest: v3 });
  writes(fleet, { ...aSpec, supporting });
  return fleet;
}

const images = (fleet: TestApp, host: string) =>
  fleet.desk.desired(host)?.prepare.map((p) => `${p.image}@${p.digest.slice(7, 13)} of ${p.mirrors.length} mirrors`);

function says(fleet: TestApp, host: string, seen: readonly (readonly [digest: string, state: ObservedImage["state"]])[]): void {
  const rollout = fleet.store.rollouts.active("api", "prod")?.number ?? 0;
  const found = seen.map(([digest, state]): ObservedImage => {
    const about = { ...place, rollout, digest };
    return state === "failed" ? { ...about, state, reason: "image_missing", detail: "nobody has it" } : { ...about, state };
  });
  const engine = { ok: true, reason: null, detail: null, liveRestore: true };
  fleet.desk.observed(host, { bootId: "b", agentVersion: "1", epoch: 1, engine, whole: true, slots: [], images: found });
}

test("a tag is pinned when the release is made, and means another release once it names another image", async () => {
  const fleet = aServiceWith(migrate, metrics());
  assert.equal(await deploys(fleet, 1), "#1");
  const first = fleet.store.releases.find("api", 1);
  assert.deepEqual(
    first?.spec.supporting?.map((s) => [s.name, s.reference, s.digest]),
    [
      ["migrate", null, null],
      ["metrics", "v3", v3],
    ],
  );
  await cancels(fleet, 1);
  fleet.registry.push({ repository: exporter, tag: "v3", digest: v4 });
  assert.equal(await deploys(fleet, 1), "#2");
  assert.equal(fleet.state(2).release, 2, "the tag was pushed anew");
  await cancels(fleet, 2);
  fleet.registry.push({ repository: exporter, tag: "v3", digest: v3 });
  assert.equal(await deploys(fleet, 1), "#3");
  assert.equal(fleet.state(3).release, 1);
});

test("an image that is missing is refused with its container and file; so is a registry that does not answer", async () => {
  const fleet = aServiceWith(metrics({ reference: "v9" }));
  assert.match(
    await deploys(fleet, 1),
    /^image_missing: The image of the container metrics \(.*\) is not in the registry: registry\.test\/exporter:v9\. /,
  );
  writes(fleet, { ...aSpec, supporting: [metrics({ reference: v4 })] });
  assert.match(await deploys(fleet, 1), /^image_missing: .*metrics.* registry\.test\/exporter@sha256:/);
  fleet.registry.push({ repository: exporter, tag: v4, digest: v4 });
  assert.equal(await deploys(fleet, 1), "#1");
  assert.equal(fleet.store.releases.find("api", 1)?.spec.supporting?.[0]?.digest, v4);
});

test("a moved tag is no edit of the file; another line in it is", async () => {
  const fleet = aServiceWith(metrics());
  edits(fleet, { approvals: { required: 1, from: ["oncall"], notRequester: true, expireMs: 1_800_000 } });
  assert.equal(await deploys(fleet, 1), "#1");
  assert.equal(await deploys(fleet, 2, { wait: true }), "#2");
  fleet.registry.push({ repository: exporter, tag: "v3", digest: v4 });
  assert.equal(await approves(fleet, 1, eva), "queued");
  await cancels(fleet, 1);
  assert.equal(fleet.state(2).phase, "awaiting_approval", "its turn came");
  writes(fleet, { ...aSpec, supporting: [metrics({ container: { ...metrics().container, user: "root" } })] });
  assert.match(await approves(fleet, 2, eva), /^plan_changed: .*: the service file was edited\./);
});

test("all images are prepared before anybody approves, and a host has none before it has all", async () => {
  const fleet = aServiceWith(migrate, metrics());
  edits(fleet, { approvals: { required: 1, from: ["oncall"], notRequester: true, expireMs: 1_800_000 } });
  await deploys(fleet, 1);
  const own = digestOf(aCommit(1));
  const both = [`registry.test/api@${own.slice(7, 13)} of 0 mirrors`, `${exporter}@${v3.slice(7, 13)} of 0 mirrors`];
  assert.deepEqual(images(fleet, "a"), both);
  assert.deepEqual(images(fleet, "b"), both);
  const image = (host: string) => fleet.state(1).hosts.find((h) => h.host === host)?.image;
  says(fleet, "a", [[own, "present"]]);
  says(fleet, "b", [
    [own, "present"],
    [v3, "pulling"],
  ]);
  assert.deepEqual([image("a"), image("b")], ["unknown", "unknown"]);
  says(fleet, "a", [
    [own, "present"],
    [v3, "present"],
  ]);
  says(fleet, "b", [
    [own, "present"],
    [v3, "failed"],
  ]);
  assert.deepEqual([image("a"), image("b")], ["present", "failed"]);
  assert.equal(fleet.state(1).hosts.find((h) => h.host === "b")?.detail, "metrics: nobody has it");
  says(fleet, "b", [
    [own, "present"],
    [v3, "present"],
  ]);
  assert.equal(image("b"), "present");
});

test("the card of a deploy, and the preview and card of a rollback, say what changes besides the image", async () => {
  const fleet = aServiceWith(metrics());
  await fleet.ships(aCommit(1));
  fleet.registry.push({ repository: exporter, tag: "v4", digest: v4 });
  const migrates = [{ on: "migrate", condition: "completed" }] as const;
  writes(fleet, { ...aSpec, dependsOn: migrates, supporting: [migrate, metrics({ reference: "v4" })] });
  assert.equal(await deploys(fleet, 2), "#2");
  const lines = (besides: SpecChanges | undefined) =>
    besidesLines(besides, "api")
      .map((line) => line.text)
      .slice(1);
  assert.deepEqual(lines(fleet.app.gantry.rollout(2)?.besides), [
    "- migrate runs before api",
    "- migrate is new",
    "- metrics: exporter v3 → exporter v4",
    "- api: depends_on changed",
  ]);
  await cancels(fleet, 2);
  await fleet.ships(aCommit(2));
  const back = ["- metrics: exporter v4 → exporter v3", "- api: depends_on changed", "- migrate goes away"];
  const preview = await fleet.app.gantry.previewRollback({ ...place, to: null, actor: eva });
  assert.deepEqual("besides" in preview ? lines(preview.besides) : preview, back);
  assert.equal(await rollsBack(fleet), "#4");
  assert.deepEqual(lines(fleet.app.gantry.rollout(4)?.besides), back);
});

test("a host hears of its own environment's variables only, and of the mirrors of each image", async () => {
  const fleet = aServiceWith(metrics());
  const { registries } = fleet.app.gantry.config;
  (registries as GantryConfig["registries"][number][]).push({ host: "registry.test", mirrors: ["mirror.test"] } as never);
  const variables = (value: string) => ({ environment: { SERVES: value }, envFiles: [] });
  writes(fleet, {
    ...aSpec,
    supporting: [metrics()],
    environments: { prod: variables("prod"), staging: variables("staging") },
  });
  await fleet.ships(aCommit(1));
  const release = fleet.desk.desired("a")?.slots[0]?.release;
  assert.equal(release?.spec.container.environment.SERVES, "prod");
  assert.equal(release?.spec.environments, undefined);
  assert.deepEqual(release?.mirrors, ["mirror.test/api"]);
  assert.deepEqual(release?.supportingMirrors, { metrics: ["mirror.test/exporter"] });
  assert.equal(fleet.store.releases.find("api", 1)?.spec.environments?.staging?.environment.SERVES, "staging");
});
