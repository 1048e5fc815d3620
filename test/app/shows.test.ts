// What hosts run for a release, and what a build would change: shown before anybody asks for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { render } from "../../commands/render.ts";
import type { GantryConfig } from "../../src/config/valid.ts";
import type { ReleaseSpec, SupportingSpec } from "../../src/core/release.ts";
import { yamlOf } from "../../src/core/yaml.ts";
import { diffMessage } from "../../src/messages/shown.ts";
import { plainText } from "../../src/messages/words.ts";
import { aCommit, type TestApp } from "../kit/app.ts";
import { aSpec, digestOf } from "../kit/stores.ts";
import { aFleet, inWords } from "./line-kit.ts";

const key = { service: "api", environment: "prod" };
const metrics: SupportingSpec = {
  name: "metrics",
  container: { ...aSpec.container, image: "registry.test/exporter", environment: {}, command: ["--token", "xoxb-12345678"] },
  reference: "v3",
  digest: null,
  health: { ...aSpec.health, probe: { kind: "none" } },
  dependsOn: [],
};
const whole: ReleaseSpec = {
  ...aSpec,
  name: "api",
  dependsOn: [{ on: "metrics", condition: "started" }],
  supporting: [metrics],
  container: {
    ...aSpec.container,
    environment: { LEVEL: "info", DB_PASSWORD: "hunter2", DATABASE_URL: "postgres://me:hunter2@db/api" },
    volumes: [{ source: "/srv/api", target: "/data", readOnly: true }],
    memoryBytes: 536870912,
    cpus: 2,
  },
  environments: { prod: { environment: { LEVEL: "warn" }, envFiles: ["/etc/api.env"] } },
};

function writes(fleet: TestApp, spec: ReleaseSpec): void {
  const services = fleet.app.gantry.config.services as GantryConfig["services"][number][];
  const [known] = services;
  assert.ok(known !== undefined);
  services[0] = { ...known, spec };
}

/** At a terminal. */
async function printed(fleet: TestApp, what: string | null): Promise<string> {
  const actor = { kind: "local", id: "root", name: "root" } as const;
  const { gantry } = fleet.app;
  const reply = await render.run({
    args: { ...key, build: what },
    gantry,
    actor,
    origin: { key: "k", channel: null },
    commands: [],
  });
  return reply.kind === "private" ? plainText(reply.message) : assert.fail();
}

async function told(fleet: TestApp, what: string | null): Promise<readonly string[]> {
  const answer = await fleet.app.gantry.diff({ ...key, what });
  return "kind" in answer ? [inWords(answer.refusal)] : plainText(diffMessage(answer)).split("\n");
}

async function aLiveService(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"]);
  fleet.registry.push({ repository: "registry.test/exporter", tag: "v3", digest: digestOf("v3") });
  writes(fleet, whole);
  await fleet.ships(aCommit(1));
  return fleet;
}

test("what each host runs is printed whole, in start order, with its environment's variables and without secrets", async () => {
  const fleet = await aLiveService();
  const text = await printed(fleet, null);
  const head = [
    "service: api",
    "environment: prod",
    "release: r1",
    'commit: "1111111"',
    "hosts:",
    "  - a",
    "  - b",
    "containers:",
  ];
  assert.deepEqual(text.split("\n").slice(0, 8), head);
  assert.ok(text.indexOf("- name: metrics") < text.indexOf("- name: api"));
  for (const part of [
    `    image: registry.test/exporter@${digestOf("v3")}\n`,
    `    image: registry.test/api@${digestOf(aCommit(1))}\n`,
    "    depends_on:\n      metrics: started\n",
    "      LEVEL: warn\n",
    '      DB_PASSWORD: "[redacted]"\n',
    '      DATABASE_URL: "postgres://me:[redacted]@db/api"\n',
    "    volumes:\n      - /srv/api:/data:ro\n",
    "    env_file:\n      - /etc/api.env\n",
    "    limits:\n      memory_bytes: 536870912\n      cpus: 2\n",
    "    health:\n",
  ]) {
    assert.ok(text.includes(part), `${part} is not in\n${text}`);
  }
  assert.ok(!text.includes("hunter2") && !text.includes("xoxb-12345678"));
});

test("a build that is no release yet is shown as it would be; what is not known is refused", async () => {
  const fleet = await aLiveService();
  const text = await printed(fleet, aCommit(2));
  assert.match(text, /^service: api\nenvironment: prod\nrelease: "not yet"\ncommit: "2222222"\n/);
  assert.ok(text.includes(`registry.test/api@${digestOf(aCommit(2))}`));
  assert.match(await printed(fleet, "r7"), /^api has no release r7\./);
  assert.match(await printed(fleet, "nope"), /^No build of api for `nope`\./);
  assert.match(await printed(aFleet(), null), /^Nothing is live in api prod\./);
  assert.equal(fleet.store.releases.find("api", 2), null, "nothing was made by asking");
});

test("a difference names what would change: by the file as it is now, a build, and a release", async () => {
  const fleet = await aLiveService();
  assert.deepEqual((await told(fleet, null)).slice(1), ["Nothing would change."]);
  writes(fleet, { ...whole, dependsOn: [], supporting: [], container: { ...whole.container, user: "app", volumes: [] } });
  const edited = ["- api: user, volumes, depends_on changed", "- metrics goes away"];
  assert.deepEqual((await told(fleet, null)).slice(1), edited);
  const image = `- api: image ${digestOf(aCommit(1)).slice(0, 19)} → ${digestOf(aCommit(2)).slice(0, 19)}`;
  assert.deepEqual(await told(fleet, aCommit(2)), [
    "api prod: r1 (1111111) is live; compared with 2222222 with the service file as it is now:",
    image,
    ...edited,
  ]);
  assert.deepEqual((await told(fleet, "r1")).slice(1), ["Nothing would change."]);
  assert.deepEqual((await told(aFleet(), aCommit(1))).slice(1), ["Everything would be new."]);
});

test("what is printed reads back as what it says, whatever it is made of", () => {
  const words = fc.oneof(
    fc.string(),
    fc.constantFrom("", "yes", "Null", "1e3", "0x1f", "a: b", "- a", "#", "~", "a:", "1:30", "é\u2028\n"),
  );
  const scalars = fc.oneof(words, fc.integer(), fc.boolean());
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      scalars,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(words, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    ),
  }));
  fc.assert(fc.property(value, (data) => assert.deepEqual(parse(yamlOf(data)), data)));
});
