// GitHub, Jira and the registry: what they add when they answer, and how little is missing when they do not.
import assert from "node:assert/strict";
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { eventually } from "../kit/eventually.ts";
import { first, journey, newest, second, third } from "../kit/journey.ts";

const links = { links: true, staging: 1, prod: 1 };

function shaOf(short: string): string {
  return sampleHistory.find((commit) => commit.sha.startsWith(short))?.sha ?? "";
}

journey(
  "branches and tags are resolved by GitHub, once, when they are asked for",
  async ({ ana, ...j }) => {
    await ana.says("/deploy api staging v1.0.0");
    assert.match(await j.card("Live"), /as v1\.0\.0/);
    await j.serves("staging", first);
    await ana.says("/deploy api staging feature/login");
    await j.card("Live", 2);
    await j.serves("staging", second);
    await ana.says("/deploy api@main to staging");
    await j.card("Live", 3);
    await j.serves("staging", newest);
    await ana.says("/deploy api staging feature/none");
    await j.told(ana, "No build of api for `feature/none`", "Reason: unknown_ref");
  },
  links,
);

journey(
  "the card shows the commits and tickets between what runs and what is asked",
  async ({ ana, ...j }) => {
    await j.makeLive("prod", first);
    await ana.says(`/deploy api prod ${third}`);
    await j.card("Waits for approval", 2);
    const card = await j.card("API-12", 2);
    assert.match(card, /2 commits · compare/);
    assert.match(card, /3f2a1c9 API-12: faster login · bo/);
    assert.match(card, /5b7e0d4 API-15: remember the last workspace · ana/);
    assert.match(card, /2 tickets[\s\S]*API-12 faster login \(In Review\)/);
  },
  links,
);

journey(
  "going to an older commit warns of what would be lost",
  async ({ ana, ...j }) => {
    await j.makeLive("prod", second);
    await ana.says(`/deploy api prod ${first}`);
    await j.card("1 commit that runs now is not in it and would be lost.", 2);
  },
  links,
);

journey(
  "GitHub follows the rollout as a deployment; Jira gets one word at the end, and another when it is taken back",
  async ({ eva, github, jira, ...j }) => {
    await j.makeLive("prod", first);
    await j.makeLive("prod", second);
    const statesOf = (sha: string) => {
      const deployment = github.deployments().find((each) => each.sha === sha);
      assert.equal(deployment?.environment, "prod");
      return github
        .statuses()
        .filter((status) => status.deployment === deployment.id)
        .map((status) => status.state);
    };
    await eventually(() => assert.equal(statesOf(shaOf(second)).at(-1), "success"), 20_000);
    assert.deepEqual([...new Set(statesOf(shaOf(second)))], ["queued", "in_progress", "success"]);
    await eventually(() => assert.equal(jira.comments("API-12").length, 1));
    assert.match(
      jira.comments("API-12")[0] ?? "",
      /^API-12 is live in api prod with r2 \(3f2a1c9\), asked for by ana\. \(gantry #2\)/,
    );
    await eva.says("/rollback api prod --now");
    await j.card("Rolled back ·", 3);
    await eventually(() => assert.equal(jira.comments("API-12").length, 2));
    assert.match(
      jira.comments("API-12")[1] ?? "",
      /API-12 is no longer live in api prod: eva rolled r2 back to r1 \(1a4c9e2\)\. \(gantry #3\)/,
    );
    assert.deepEqual(jira.comments("API-9"), [], "what stayed live is not mentioned");
  },
  links,
);

journey(
  "with GitHub and Jira dead the deploy goes on, and the card says what is missing",
  async ({ ana, bo, github, jira, ...j }) => {
    await j.makeLive("prod", first);
    await Promise.all([github.stop(), jira.stop()]);
    await ana.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    await j.card(/Could not look this up: GitHub: .*\(github_unreachable\)/, 2);
    await bo.clicks("Approve");
    await j.card("Live", 2);
    await j.serves("prod", second);
  },
  links,
);

journey(
  "with Jira alone dead the commits are there, and the tickets' gap is said",
  async ({ ana, jira, ...j }) => {
    await j.makeLive("prod", first);
    await jira.stop();
    await ana.says(`/deploy api prod ${second}`);
    const card = await j.card(/Could not look this up: Jira: .*\(jira_unreachable\)/, 2);
    assert.match(card, /API-12: faster login/);
  },
  links,
);

journey(
  "a revoked GitHub token is named as such",
  async ({ ana, github, ...j }) => {
    await j.makeLive("prod", first);
    github.revokeTokens();
    await ana.says(`/deploy api prod ${second}`);
    await j.card(/Could not look this up: GitHub: .*\(github_auth\)/, 2);
  },
  links,
);

journey("without GitHub and Jira a deploy is still a deploy", async ({ ana, ...j }) => {
  await ana.says("/deploy api staging main");
  await j.told(ana, "No build of api for `main`", "Reason: unknown_ref");
  await j.makeLive("prod", first);
  await ana.says(`/deploy api prod ${second}`);
  await j.card(/GitHub is not set up: commits are not shown\.[\s\S]*Jira is not set up: tickets are not looked up\./, 2);
});

journey(
  "a registry that is down refuses the deploy, clearly; what runs, runs, and a rollback works",
  async ({ ana, eva, ...j }) => {
    await j.makeLive("prod", first);
    await j.makeLive("prod", second);
    j.registryDown(true);
    await ana.says(`/deploy api prod ${newest}`);
    await j.told(ana, "The registry of api cannot be asked", "a rollback works without it", "Reason: registry_unreachable");
    assert.equal(j.cards(), 2);
    await eva.says("/rollback api prod --now");
    await j.card("Rolled back ·", 3);
    await j.serves("prod", first);
    j.registryDown(false);
    await ana.says(`/deploy api prod ${newest}`);
    await j.card("Waits for approval", 4);
  },
);

journey("a registry that refuses the login says so", async ({ ana, registry, ...j }) => {
  registry.faults.add({ kind: "answer", status: 403, body: {} });
  await ana.says(`/deploy api prod ${first}`);
  await j.told(ana, "refuses the login", "Renew the registry login", "Reason: registry_auth");
});

journey(
  "a tag that was pushed over after the request changes nothing: the digest was fixed",
  async ({ ana, bo, registry, ...j }) => {
    await ana.says(`/deploy api prod ${first}`);
    const before = /sha256:[0-9a-f]{12}/.exec(await j.card("Waits for approval"))?.[0];
    registry.push({ repository: "api", tag: shaOf(first), content: "something else" });
    await bo.clicks("Approve");
    const live = await j.card("Live");
    assert.equal(/sha256:[0-9a-f]{12}/.exec(live)?.[0], before);
    await j.serves("prod", first);
  },
);
