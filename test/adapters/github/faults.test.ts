import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReasonCode } from "../../../src/core/reasons.ts";
import { createGitHub, type GitHub } from "../../../src/github/github.ts";
import { primaryRateLimit, secondaryRateLimit, startGitHub } from "../../../src/rehearsal/github/server.ts";
import type { Fault } from "../../../src/rehearsal/web/faults.ts";
import { failure, noLog, repository as sample, sha, withGitHub } from "./sample.ts";

const repository = "acme/api";
const leaking = {
  message: "go away ghp_rehearsal0000000000000000000000000000, Authorization: token ghp_other00000000000000000000000",
};

const methods: Readonly<Record<string, (github: GitHub) => Promise<unknown>>> = {
  resolve: (github) => github.resolve({ repository, ref: "main" }),
  compare: (github) => github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") }),
  openDeployment: (github) =>
    github.openDeployment({ repository, commit: sha("ca70003"), environment: "prod", rollout: 1, description: "" }),
  setDeploymentState: (github) =>
    github.setDeploymentState({ repository, deployment: "1000", environment: "prod", state: "queued", description: "" }),
  whoAmI: (github) => github.whoAmI(),
};

const faults: readonly { readonly what: string; readonly fault: Fault; readonly reason: ReasonCode }[] = [
  { what: "it cuts the connection", fault: { kind: "down" }, reason: "github_unreachable" },
  { what: "it never answers", fault: { kind: "silent" }, reason: "github_unreachable" },
  { what: "it is slower than the deadline", fault: { kind: "slow", ms: 60_000 }, reason: "github_unreachable" },
  { what: "it answers 401", fault: { kind: "answer", status: 401, body: leaking }, reason: "github_auth" },
  { what: "it answers 403", fault: { kind: "answer", status: 403, body: leaking }, reason: "github_auth" },
  { what: "it answers 500", fault: { kind: "answer", status: 500, body: leaking }, reason: "github_unreachable" },
  {
    what: "it answers 429",
    fault: { kind: "answer", status: 429, headers: { "retry-after": "30" } },
    reason: "github_unreachable",
  },
  { what: "a secondary rate limit", fault: secondaryRateLimit(30), reason: "github_unreachable" },
  { what: "the primary rate limit", fault: primaryRateLimit(Date.now() / 1000 + 600), reason: "github_unreachable" },
];

for (const { what, fault, reason } of faults) {
  test(`when ${what}, every method fails in time, with ${reason} and without the token`, async () => {
    await Promise.all(
      Object.entries(methods).map(([name, call]) =>
        withGitHub(async ({ github, standIn }) => {
          standIn.faults.add(fault);
          const startedAt = performance.now();
          await failure({ work: call(github), reason, secret: standIn.token });
          assert.ok(performance.now() - startedAt < 1_500, `${name} took ${performance.now() - startedAt} ms`);
        }, 600),
      ),
    );
  });
}

test("when nobody listens, the call fails at once with github_unreachable", async () => {
  const standIn = await startGitHub({ repositories: [sample] });
  await standIn.stop();
  const github = createGitHub({ token: standIn.token, apiUrl: standIn.url, timeoutMs: 600, log: noLog });
  await failure({ work: methods.resolve?.(github) ?? Promise.resolve(), reason: "github_unreachable", secret: standIn.token });
});

test("an answer within the deadline is waited for", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add({ kind: "slow", ms: 200 });
    assert.equal(await github.resolve({ repository, ref: "main" }), sha("ca70003"));
  });
});

test("a passing fault of a read is ridden out", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add({ kind: "answer", status: 502, body: { message: "Bad gateway" } }, { times: 1 });
    standIn.faults.add({ kind: "down" }, { times: 1 });
    assert.equal((await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") })).total, 2);
  });
});

test("a rate limit that fits into the deadline is waited for", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add(secondaryRateLimit(1), { times: 1 });
    const startedAt = performance.now();
    assert.equal((await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") })).total, 2);
    assert.ok(performance.now() - startedAt >= 1_000);
  });
});

test("a longer rate limit is told to the caller, and no request leaves until it is over", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add(secondaryRateLimit(30), { times: 1 });
    const compare = () => github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") });
    const first = await failure({ work: compare(), reason: "github_unreachable", secret: standIn.token });
    assert.equal(first.retryAfterMs, 30_000);
    assert.equal(standIn.requests.length, 1);
    const second = await failure({ work: compare(), reason: "github_unreachable", secret: standIn.token });
    assert.ok((second.retryAfterMs ?? 0) > 25_000);
    assert.equal(standIn.requests.length, 1);
  });
});

test("the hour's limit names its end", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add(primaryRateLimit(Math.floor(Date.now() / 1000) + 600));
    const { retryAfterMs } = await failure({ work: github.whoAmI(), reason: "github_unreachable", secret: standIn.token });
    assert.ok(retryAfterMs !== null && retryAfterMs > 590_000 && retryAfterMs <= 600_000, String(retryAfterMs));
  });
});

test("a revoked token fails with one request each time", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.revokeTokens();
    await failure({ work: github.whoAmI(), reason: "github_auth", secret: standIn.token });
    assert.deepEqual(standIn.requests, ["GET /user"]);
  });
});
