// What a card tells besides the released image.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReleaseSpec, SupportingSpec } from "../../src/core/release.ts";
import { specChanges } from "../../src/core/spec-change.ts";
import { rollbackPreview } from "../../src/messages/rollback-preview.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { besidesLines } from "../../src/messages/spec-changes.ts";
import { Fake } from "../commands/fake-gantry.ts";
import { aSpec, digestOf } from "../kit/stores.ts";
import { assertShowable } from "./check.ts";
import { after, factsOf, requested } from "./facts.ts";

const container = { ...aSpec.container, image: "registry.test/team/exporter" };
const metrics: SupportingSpec = {
  name: "metrics",
  container,
  reference: "v3",
  digest: digestOf("v3"),
  health: aSpec.health,
  dependsOn: [],
};
const migrate: SupportingSpec = { ...metrics, name: "migrate", container: aSpec.container, reference: null, digest: null };
const withMigration: ReleaseSpec = {
  ...aSpec,
  name: "api",
  dependsOn: [{ on: "migrate", condition: "completed" }],
  supporting: [migrate, metrics],
};
const plain: ReleaseSpec = { ...withMigration, dependsOn: [], supporting: [metrics] };

function found(before: ReleaseSpec | null, now: ReleaseSpec, builds: readonly [string, string] = ["1", "2"]) {
  const build = (spec: ReleaseSpec, commit: string) => ({ digest: digestOf(commit), spec });
  const then = before === null ? null : build(before, builds[0]);
  return specChanges({ before: then, now: build(now, builds[1]), environment: "prod" });
}

/** As the card reads aloud. */
function told(...facts: Parameters<typeof found>): readonly string[] {
  return besidesLines(found(...facts), "api").map((line) => line.text);
}

const { preview } = new Fake();

const title = "Besides the image:";

test("a new build of the same file changes nothing besides, and runs its migration", () => {
  assert.deepEqual(told(plain, plain), []);
  assert.deepEqual(told(withMigration, withMigration), [title, "- migrate runs before api"]);
  assert.deepEqual(told(withMigration, withMigration, ["1", "1"]), [], "what is unchanged is not touched");
  assert.deepEqual(told(null, withMigration), [title, "- migrate runs before api"]);
});

test("images are told by what a person calls them, and a tag that was pushed anew by its digest", () => {
  const at = (reference: string, of: string) => ({ ...plain, supporting: [{ ...metrics, reference, digest: digestOf(of) }] });
  assert.deepEqual(told(plain, at("v4", "v4")), [title, "- metrics: exporter v3 → exporter v4"]);
  const [then, now] = [digestOf("v3").slice(7, 14), digestOf("again").slice(7, 14)];
  assert.deepEqual(told(plain, at("v3", "again")), [title, `- metrics: exporter v3 (${then}) → exporter v3 (${now})`]);
  const moved = { ...plain, container: { ...plain.container, image: "other.test/api" } };
  assert.deepEqual(told(plain, moved), [title, `- api: ${plain.container.image} → other.test/api`]);
});

test("containers come and go", () => {
  assert.deepEqual(told(plain, withMigration), [
    title,
    "- migrate runs before api",
    "- migrate is new",
    "- api: depends_on changed",
  ]);
  assert.deepEqual(told(plain, { ...plain, supporting: [] }), [title, "- metrics goes away"]);
});

test("keys are told by the names of the service file, variables by theirs, and no value ever", () => {
  const edited: ReleaseSpec = {
    ...plain,
    container: {
      ...plain.container,
      environment: { ...plain.container.environment, DATABASE_URL: "postgres://me:hunter2@db/api" },
      volumes: [{ source: "/srv", target: "/srv", readOnly: true }],
      memoryBytes: 1 << 29,
      cpus: 2,
      envFiles: ["/etc/api.env"],
    },
    health: { ...plain.health, deadlineMs: 1 },
  };
  const lines = told(plain, edited);
  assert.deepEqual(lines, [title, "- api: limits, env_file, environment (DATABASE_URL), volumes, health changed"]);
});

test("variables of another environment change nothing here", () => {
  const variables = (value: string) => ({ environment: { LEVEL: value }, envFiles: [] });
  const of = (staging: string, prod: string): ReleaseSpec => {
    return { ...plain, environments: { staging: variables(staging), prod: variables(prod) } };
  };
  assert.deepEqual(told(of("a", "b"), of("c", "b")), []);
  assert.deepEqual(told(of("a", "b"), of("a", "c")), [title, "- api: environment (LEVEL) changed"]);
});

test("a plan card, the card of a rollback and its preview say it; very much of it is cut, and stays within Slack's limits", () => {
  const besides = found(plain, withMigration);
  const cards = (["deploy", "rollback"] as const).map((kind) =>
    rolloutCard(factsOf(after([], requested({ kind })), { besides })),
  );
  for (const message of [...cards, rollbackPreview({ ...preview, besides })]) {
    assertShowable(message);
    assert.ok(message.text.includes("- migrate runs before api\n- migrate is new\n- api: depends_on changed"));
    assert.ok(JSON.stringify(message.blocks).includes("`migrate` runs before `api`"));
  }
  const many = Array.from({ length: 40 }, (_, i) => ({ ...metrics, name: `metrics-${i}-<!channel>${"`long".repeat(20)}` }));
  const environment = Object.fromEntries(many.map(({ name }) => [name, "1"]));
  const changed = { ...plain, container: { ...plain.container, environment }, supporting: many };
  const message = rolloutCard(factsOf(after([], requested()), { besides: found(plain, changed) }));
  assertShowable(message);
  assert.match(message.text, /and 30 more/);
});
