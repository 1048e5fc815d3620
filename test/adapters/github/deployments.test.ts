import assert from "node:assert/strict";
import { test } from "node:test";
import { failure, sha, withGitHub } from "./sample.ts";

const repository = "acme/api";
const opening = { repository, commit: sha("ca70003"), environment: "prod", rollout: 142, description: "deploy r42 by ana" };

test("a rollout opens one deployment, however often it is asked to", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const id = await github.openDeployment(opening);
    assert.equal(await github.openDeployment(opening), id);
    const [made, ...others] = standIn.deployments();
    assert.deepEqual(others, []);
    assert.deepEqual(made, {
      id: Number(id),
      repository,
      sha: sha("ca70003"),
      ref: sha("ca70003"),
      environment: "prod",
      description: "deploy r42 by ana",
      payload: { gantry_rollout: 142 },
      autoMerge: false,
    });
  });
});

test("another rollout of the same commit opens another", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const first = await github.openDeployment(opening);
    const second = await github.openDeployment({ ...opening, rollout: 143 });
    assert.notEqual(first, second);
    assert.equal(standIn.deployments().length, 2);
  });
});

test("a deployment whose answer was lost is found again, not repeated", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add({ kind: "lost-answer" }, { on: /^POST .*\/deployments$/, times: 1 });
    await failure({ work: github.openDeployment(opening), reason: "github_unreachable", secret: standIn.token });
    assert.equal(standIn.deployments().length, 1);
    const id = await github.openDeployment(opening);
    assert.deepEqual(
      standIn.deployments().map((made) => String(made.id)),
      [id],
    );
  });
});

test("statuses follow the rollout; the newest is not repeated", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const deployment = await github.openDeployment(opening);
    const status = { repository, deployment, environment: "prod" };
    await github.setDeploymentState({ ...status, state: "in_progress", description: "canary" });
    standIn.faults.add({ kind: "lost-answer" }, { on: /^POST .*\/statuses$/, times: 1 });
    const done = { ...status, state: "success", description: "3 of 3 hosts" } as const;
    await failure({ work: github.setDeploymentState(done), reason: "github_unreachable", secret: standIn.token });
    await github.setDeploymentState(done);
    assert.deepEqual(
      standIn.statuses().map(({ state, description }) => `${state}: ${description}`),
      ["in_progress: canary", "success: 3 of 3 hosts"],
    );
  });
});

test("a success retires the deployment before it", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const status = { repository, environment: "prod", state: "success", description: "" } as const;
    const first = await github.openDeployment(opening);
    await github.setDeploymentState({ ...status, deployment: first });
    const second = await github.openDeployment({ ...opening, rollout: 143 });
    await github.setDeploymentState({ ...status, deployment: second });
    const last = standIn.statuses().findLast((entry) => String(entry.deployment) === first);
    assert.equal(last?.state, "inactive");
  });
});

test("long descriptions are cut to what GitHub takes", async () => {
  await withGitHub(async ({ github, standIn }) => {
    const deployment = await github.openDeployment({ ...opening, description: "x".repeat(500) });
    await github.setDeploymentState({
      repository,
      deployment,
      environment: "prod",
      state: "failure",
      description: "y".repeat(500),
    });
    assert.equal(standIn.deployments()[0]?.description?.length, 140);
    assert.equal(standIn.statuses()[0]?.description.length, 140);
  });
});

test("a write that failed is not repeated behind the caller's back", async () => {
  await withGitHub(async ({ github, standIn }) => {
    standIn.faults.add({ kind: "answer", status: 502, body: { message: "Bad gateway" } }, { on: /^POST/ });
    await failure({ work: github.openDeployment(opening), reason: "github_unreachable", secret: standIn.token });
    assert.equal(standIn.requests.filter((line) => line.startsWith("POST")).length, 1);
  });
});
