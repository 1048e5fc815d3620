// Images that carry a tag instead of a commit.
import assert from "node:assert/strict";
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { journey } from "../kit/journey.ts";

const sha = sampleHistory[0]?.sha ?? "";

journey(
  "a release tag is deployed as the commit that it names",
  async ({ ana, registry, github, ...j }) => {
    registry.push({ repository: "api", tag: "v1.0.0", content: sha });
    await ana.says("/deploy api staging v1.0.0");
    assert.match(await j.card("Live"), new RegExp(`r1 ${sha.slice(0, 7)}[\\s\\S]*as v1.0.0`));
    await j.until(() => github.deployments().some((deployment) => deployment.sha === sha));
  },
  { links: true },
);

journey(
  "a tag that git does not know is shown whole, and GitHub is not told of a deployment of it",
  async ({ ana, registry, github, ...j }) => {
    registry.push({ repository: "api", tag: "hotfix-2026-10", content: sha });
    await ana.says("/deploy api staging hotfix-2026-10");
    assert.match(await j.card("Live"), /r1 hotfix-2026-10/);
    await j.thread("Done:");
    await j.told(ana, "Live");
    assert.deepEqual(
      github.requests.filter((line) => line.includes("deployments")),
      [],
    );
  },
  { links: true },
);
