import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Registry } from "../../../src/app/ports.ts";
import { createFakeRegistry } from "../../../src/registry/fake.ts";
import { createRegistry } from "../../../src/registry/registry.ts";
import { startRealRegistry } from "./real.ts";

/** A registry as the contract sees it. */
type Subject = {
  readonly registry: Registry;
  /** What stands before the path in repository names. */
  readonly host: string;
  /** Returns the digest. */
  readonly push: (path: string, tag: string, content: string) => Promise<string>;
  readonly remove: (path: string, tag: string, digest: string) => Promise<void>;
  readonly stop: () => Promise<void>;
};

async function realSubject(): Promise<Subject> {
  const real = await startRealRegistry();
  const registry = createRegistry({ registries: [] });
  after(() => Promise.all([registry.close(), real.stop()]));
  return {
    registry,
    host: real.host,
    push: (path, tag, content) => real.push({ path, tag, content }),
    remove: (path, _tag, digest) => real.remove({ path, digest }),
    stop: () => real.stop(),
  };
}

async function fakeSubject(): Promise<Subject> {
  const registry = createFakeRegistry();
  const host = "registry.example.com";
  return {
    registry,
    host,
    async push(path, tag, content) {
      const digest = `sha256:${Buffer.from(content).toString("hex").padStart(64, "0")}`;
      registry.push({ repository: `${host}/${path}`, tag, digest });
      return digest;
    },
    remove: async (path, tag) => registry.remove({ repository: `${host}/${path}`, tag }),
    stop: async () => registry.fail("registry_unreachable"),
  };
}

for (const [name, make] of [
  ["the real one", realSubject],
  ["the fake", fakeSubject],
] as const) {
  test(`a registry (${name})`, async (t) => {
    const { registry, host, push, remove, stop } = await make();
    const api = `${host}/team/api`;

    await t.test("has no tags of a repository that is not there", async () => {
      assert.deepEqual(await registry.tags(`${host}/nothing`), []);
      assert.equal(await registry.digest(`${host}/nothing`, "v1"), null);
    });

    await t.test("gives the digest of a tag, and null for a tag that is not there", async () => {
      const digest = await push("team/api", "a".repeat(40), "one");
      assert.equal(await registry.digest(api, "a".repeat(40)), digest);
      assert.equal(await registry.digest(api, "b".repeat(40)), null);
    });

    await t.test("says whether a digest is there", async () => {
      const digest = await push("team/api", "a".repeat(40), "one");
      assert.equal(await registry.digest(api, digest), digest);
      assert.equal(await registry.digest(api, `sha256:${"e".repeat(64)}`), null);
    });

    await t.test("takes no strange tag for another path", async () => {
      for (const tag of ["", "../tags/list", "a b", "é", "x".repeat(129)]) assert.equal(await registry.digest(api, tag), null);
    });

    await t.test("gives all tags", async () => {
      await push("team/api", "v1", "one");
      await push("team/api", "v2", "two");
      assert.deepEqual([...(await registry.tags(api))].sort(), ["a".repeat(40), "v1", "v2"]);
    });

    await t.test("follows a tag that moves", async () => {
      const first = await registry.digest(api, "v1");
      const second = await push("team/api", "v1", "moved");
      assert.notEqual(first, second);
      assert.equal(await registry.digest(api, "v1"), second);
    });

    await t.test("no longer has what was removed", async () => {
      const digest = await push("team/api", "v3", "three");
      await remove("team/api", "v3", digest);
      assert.equal(await registry.digest(api, "v3"), null);
    });

    await t.test("says so when it is stopped", async () => {
      await stop();
      await assert.rejects(registry.tags(api), { name: "OutsideError", reason: "registry_unreachable" });
      await assert.rejects(registry.digest(api, "v1"), { name: "OutsideError", reason: "registry_unreachable" });
    });
  });
}

test("the fake can refuse the login", async () => {
  const registry = createFakeRegistry();
  registry.fail("registry_auth");
  await assert.rejects(registry.tags("registry.example.com/api"), { reason: "registry_auth" });
  registry.fail(null);
  assert.deepEqual(await registry.tags("registry.example.com/api"), []);
});
