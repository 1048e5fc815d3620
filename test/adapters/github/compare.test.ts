import assert from "node:assert/strict";
import { test } from "node:test";
import { createGitHub } from "../../../src/github/github.ts";
import { startGitHub } from "../../../src/rehearsal/github/server.ts";
import { failure, noLog, sha, withGitHub } from "./sample.ts";

const repository = "acme/api";

test("a comparison lists the commits between, oldest first, with authors and a link", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const found = await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") });
    assert.deepEqual(
      found.commits.map(({ sha: commit, title, author, at }) => [commit.slice(0, 7), title, author, new Date(at).toISOString()]),
      [
        ["b0b0002", "API-2: faster login", "Bo", "2026-11-01T09:01:00.000Z"],
        ["ca70003", "API-3: fewer queries", "Cat", "2026-11-01T09:02:00.000Z"],
      ],
    );
    assert.equal(found.total, 2);
    assert.equal(found.behind, 0);
    assert.equal(found.url, `${standIn.url}/acme/api/compare/${sha("a11ce01")}...${sha("ca70003")}`);
    assert.equal(found.commits[0]?.url, `${standIn.url}/acme/api/commit/${sha("b0b0002")}`);
  });
});

test("commits that would be gone are counted", async () => {
  await withGitHub(async ({ github }) => {
    const sideways = await github.compare({ repository, base: sha("ca70003"), head: sha("d09004a") });
    assert.deepEqual([sideways.total, sideways.behind], [1, 1]);
    const back = await github.compare({ repository, base: sha("ca70003"), head: sha("a11ce01") });
    assert.deepEqual([back.commits, back.total, back.behind], [[], 0, 2]);
    const same = await github.compare({ repository, base: sha("ca70003"), head: sha("ca70003") });
    assert.deepEqual([same.commits, same.total, same.behind], [[], 0, 0]);
  });
});

test("a comparison between two commits is asked for once, one with a branch every time", async () => {
  await withGitHub(async ({ github, standIn }) => {
    await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") });
    await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") });
    assert.equal(standIn.requests.length, 1);
    await github.compare({ repository, base: sha("a11ce01"), head: "main" });
    await github.compare({ repository, base: sha("a11ce01"), head: "main" });
    assert.equal(standIn.requests.length, 3);
  });
});

test("a commit that GitHub does not have is an unknown ref", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const work = github.compare({ repository, base: sha("0123456"), head: sha("ca70003") });
    assert.match(
      (await failure({ work, reason: "unknown_ref", secret: standIn.token })).message,
      /cannot compare 0123456 with ca70003/,
    );
  });
});

test("of a long list the newest 250 commits are given, with the true total", async () => {
  const commits = Array.from({ length: 301 }, (_, index) => ({
    sha: index.toString(16).padStart(7, "0").padEnd(40, "f"),
    title: `commit ${index}`,
    author: "Ana",
    at: Date.UTC(2026, 0, 1) + index * 1000,
  }));
  const [first, last] = [commits[0]?.sha ?? "", commits[300]?.sha ?? ""];
  const standIn = await startGitHub({ repositories: [{ fullName: repository, commits, branches: { main: last }, tags: {} }] });
  try {
    const github = createGitHub({ token: standIn.token, apiUrl: standIn.url, log: noLog });
    const found = await github.compare({ repository, base: first, head: last });
    assert.deepEqual([found.commits.length, found.total], [250, 300]);
    assert.deepEqual([found.commits[0]?.title, found.commits.at(-1)?.title], ["commit 51", "commit 300"]);
  } finally {
    await standIn.stop();
  }
});
