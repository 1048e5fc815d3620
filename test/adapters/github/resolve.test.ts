import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecent } from "../../../src/github/recent.ts";
import { failure, sha, withGitHub } from "./sample.ts";

const repository = "acme/api";

test("every kind of ref resolves to its full commit", async () => {
  await withGitHub(async ({ github }) => {
    const meanings = [
      ["a full SHA", sha("b0b0002"), sha("b0b0002")],
      ["a full SHA in capitals", sha("B0B0002"), sha("b0b0002")],
      ["a short SHA", "ca70003", sha("ca70003")],
      ["a long enough short SHA", "eee00005b", sha("eee00005b")],
      ["a branch", "main", sha("ca70003")],
      ["a branch with a slash", "feature/dark-mode", sha("d09004a")],
      ["a tag", "v1.0", sha("a11ce01")],
      ["an annotated tag", "v2.0", sha("b0b0002")],
      ["a tag and a branch of one commit", "same", sha("b0b0002")],
      ["the tag of an ambiguous name", "refs/tags/both", sha("a11ce01")],
      ["the branch of an ambiguous name", "refs/heads/both", sha("ca70003")],
    ] as const;
    for (const [what, ref, commit] of meanings) assert.equal(await github.resolve({ repository, ref }), commit, what);
  });
});

test("what is not there resolves to nothing", async () => {
  await withGitHub(async ({ github }) => {
    const strangers = [
      ["an unknown full SHA", sha("0123456")],
      ["an unknown short SHA", "0123456"],
      ["an unknown name", "nonsense"],
      ["the first part of a branch", "feature"],
      ["a short SHA that fits two commits", "eee0000"],
      ["fewer than seven digits", "ca7000"],
      ["a tag asked for as a branch", "refs/heads/v1.0"],
    ] as const;
    for (const [what, ref] of strangers) assert.equal(await github.resolve({ repository, ref }), null, what);
  });
});

test("a name with two meanings is refused with both", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const both = await failure({
      work: github.resolve({ repository, ref: "both" }),
      reason: "ambiguous_ref",
      secret: standIn.token,
    });
    assert.equal(both.message, "`both` is a tag (a11ce01) and a branch (ca70003)");
    const hex = await failure({
      work: github.resolve({ repository, ref: "b0b0002" }),
      reason: "ambiguous_ref",
      secret: standIn.token,
    });
    assert.equal(hex.message, "`b0b0002` is a branch (d09004a) and a commit (b0b0002)");
    const name = await failure({
      work: github.resolve({ repository, ref: "facade1" }),
      reason: "ambiguous_ref",
      secret: standIn.token,
    });
    assert.equal(name.message, "`facade1` is a tag (a11ce01) and a branch (ca70003)");
  });
});

test("words that cannot be refs never reach GitHub as refs", async () => {
  await withGitHub(async ({ github, standIn }) => {
    for (const ref of [
      "",
      "-x",
      "a b",
      "a..b",
      "main~1",
      "main^",
      "@{1}",
      "../../user",
      "a//b",
      "x.lock",
      "a\u202eb",
      "x".repeat(300),
    ]) {
      assert.equal(await github.resolve({ repository, ref }), null, JSON.stringify(ref));
    }
    assert.deepEqual([...new Set(standIn.requests)], ["GET /repos/acme/api"]);
  });
});

test("a repository that is not there, or not ours to see, is named", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const facts = {
      work: github.resolve({ repository: "acme/secret", ref: "main" }),
      reason: "github_auth",
      secret: standIn.token,
    } as const;
    assert.match((await failure(facts)).message, /no repository acme\/secret at GitHub, or the token may not see it/);
  });
});

test("a repository name that climbs is refused without a request", async () => {
  await withGitHub(async ({ github, standIn }) => {
    for (const climbing of ["acme", "acme/../user", "../..", "acme/api/x", "acme/a?b"]) {
      await failure({
        work: github.resolve({ repository: climbing, ref: "main" }),
        reason: "github_unreachable",
        secret: standIn.token,
      });
    }
    assert.deepEqual(standIn.requests, []);
  });
});

test("a full SHA is asked for once, a branch every time", async () => {
  await withGitHub(async ({ github, standIn }) => {
    await github.resolve({ repository, ref: sha("b0b0002") });
    const after = standIn.requests.length;
    await github.resolve({ repository, ref: sha("b0b0002") });
    assert.equal(standIn.requests.length, after);
    await github.resolve({ repository, ref: "main" });
    const afterBranch = standIn.requests.length;
    await github.resolve({ repository, ref: "main" });
    assert.equal(standIn.requests.length, afterBranch + 2);
  });
});

test("the memory is bounded and forgets what was not asked for the longest", () => {
  const recent = createRecent<number>(2);
  recent.set("a", 1);
  recent.set("b", 2);
  recent.get("a");
  recent.set("c", 3);
  assert.deepEqual([recent.get("a"), recent.get("b"), recent.get("c")], [1, undefined, 3]);
});
