// From what a person typed to one build.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findBuild } from "../../src/app/builds.ts";
import { type Forge, OutsideError } from "../../src/app/ports.ts";
import { shortCommit } from "../../src/core/release.ts";
import { valid } from "../config/files.ts";

const commit = "abc1230000000000000000000000000000000001";
const twin = "abc1240000000000000000000000000000000002";
const digest = `sha256:${"a".repeat(64)}`;
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A registry with these tags, and a GitHub that knows these refs. */
async function build(ref: string, world: { readonly tags?: readonly string[]; readonly refs?: Record<string, string> | Error }) {
  const { tags = [commit, twin], refs } = world;
  const [plain] = valid({}).services;
  assert.ok(plain !== undefined);
  const service = { ...plain, repository: "acme/api" };
  const registry = { tags: async () => tags, digest: async () => digest, platforms: async () => null };
  const resolve = async (asked: { readonly ref: string }) => {
    if (refs instanceof Error) throw refs;
    return refs?.[asked.ref] ?? null;
  };
  const forge = refs === undefined ? null : ({ resolve } as Partial<Forge> as Forge);
  const found = await findBuild({ registry, forge, log }, { service, ref });
  return "next" in found ? `${found.reason}: ${found.text}` : found.commit;
}

describe("a short commit", () => {
  test("of six digits is enough when one build begins with it", async () => {
    assert.equal(await build("abc123", {}), commit);
    assert.equal(await build("ABC123", {}), commit);
  });
  test("of four or five is refused, with the builds it may mean", async () => {
    assert.equal(
      await build("abc1", { tags: [commit] }),
      "ambiguous_ref: `abc1` is shorter than 6 digits; it begins `abc123000000`.",
    );
    assert.equal(await build("abc12", {}), "ambiguous_ref: `abc12` begins `abc123000000`, `abc124000000`.");
  });
});

describe("an image tag", () => {
  const tags = ["v1.10.12", "main"];
  test("is shown whole: v1.10.1 is another one", () => {
    assert.equal(shortCommit("v1.10.12"), "v1.10.12");
    assert.equal(shortCommit(commit), "abc1230");
  });
  test("that is a git tag stands for its commit", async () => {
    assert.equal(await build("v1.10.12", { tags, refs: { "refs/tags/v1.10.12": commit } }), commit);
  });
  test("named after a branch does not: the branch may have moved on", async () => {
    assert.equal(await build("main", { tags, refs: { main: commit, "refs/heads/main": commit } }), "main");
  });
  test("is enough without GitHub, and while it is down", async () => {
    const down = new OutsideError({ reason: "github_unreachable", message: "no answer" });
    assert.equal(await build("v1.10.12", { tags }), "v1.10.12");
    assert.equal(await build("v1.10.12", { tags, refs: down }), "v1.10.12");
  });
});
