// Promises 9 to 12 of the design, one test each, named after them. Deaths of whole processes on real engines: test/faults.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isReasonCode } from "../../src/core/reasons.ts";
import { first, journey, second, twoCaptains } from "../kit/journey.ts";

for (const step of ["create", "stop", "start", "check", "promote"]) {
  journey(
    `promise 9: server killed, cable cut and host power lost before ${step}: the work ends as it would have, or stops safely and says why`,
    async ({ ana, bo, ...j }) => {
      await j.makeLive("prod", first);
      await ana.says(`/deploy api prod ${second}`);
      await j.card("Waits for approval", 2);
      const goOn = j.host("prod-1").waitsBefore(step);
      await bo.clicks("Approve");
      await j.host("prod-1").stands(step);
      j.host("prod-1").vanishes();
      await j.killAndStartServer();
      j.host("prod-1").engine.powerCut();
      goOn();
      j.host("prod-1").returns();
      const card = await j.card(/Live ·|Failed, put back ·/, 2);
      await j.serves("prod", card.includes("Live ·") ? second : first);
      if (!card.includes("Live ·")) assert.match(card, /prod-1: .*\([a-z_]+\)/);
    },
    { prod: 2 },
  );
}

journey(
  "promise 10: every refusal says what, why, who, since when, and what to do next",
  async ({ ana, bo, eva, zed, ...j }) => {
    await j.makeLive("prod", first);
    await bo.says(`/deploy api prod ${second}`);
    await j.card("Waits for approval", 2);
    const refusals = [
      [ana, "/gantry deplyo"],
      [ana, "/deploy api prodd abc1234"],
      [ana, "/deploy api prod abc1234"],
      [ana, `/deploy api prod ${first}`],
      [ana, "/deploy api staging 0123456"],
      [ana, "/promote api staging"],
      [ana, "/rollback api prod"],
      [zed, `/deploy api staging ${first}`],
      [zed, "/gantry approve 2"],
      [bo, "/gantry approve 2"],
      [bo, "/gantry approve 1"],
      [bo, "/gantry approve 99"],
      [eva, "/rollback api staging"],
      [eva, "/rollback api"],
    ] as const;
    for (const [person, words] of refusals) {
      await person.says(words);
      const lines = (await j.told(person, /Reason: /)).split("\n");
      // A button under it ("Wait in line") is one more way on.
      const [what = "", next = "", reason = ""] = lines.filter((line) => line !== "" && !/^\[.+\]$/.test(line));
      assert.match(what, /^⛔ .{15,}[.?!]$/, `${words}: what and why`);
      assert.match(next, /.{10,}\.$|^Usage: /, `${words}: what to do next`);
      assert.ok(isReasonCode(reason.replace("Reason: ", "")), `${words}: ${reason}`);
    }
    await ana.says(`/deploy api prod ${first}`);
    await j.told(ana, /busy with #2 \(deploy of r2 by bo, awaiting approval\) since \d\d:\d\d UTC/, "`/gantry cancel 2`");
  },
  twoCaptains,
);

journey(
  "promise 11: no one acts beyond their role, on every surface alike, at the moment of the act",
  async ({ ana, bo, zed, ...j }) => {
    await j.makeLive("staging", first);
    await ana.says(`/deploy api prod ${first}`);
    await j.card("Waits for approval", 2);
    for (const words of ["deploy api staging 3f2a1c9", "approve 2", "reject 2 no", "cancel 2", "rollback api staging --now"]) {
      for (const line of [/^(deploy|rollback)/.test(words) ? `/${words}` : `/gantry ${words}`, `@gantry ${words}`]) {
        await zed.says(line);
        await j.told(zed, "you are not one of them", "Reason: not_allowed");
      }
      assert.match((await j.local(words, "mallory")).text, /you are not one of them[\s\S]*Reason: not_allowed/);
    }
    await zed.clicks("Approve");
    await j.told(zed, "Reason: not_allowed");
    // A role that was taken away after the card was shown does not count at the click.
    j.edit({
      people: ["  deployers: { users: [U0ANA] }", "  release-captains: { users: [U0EVA] }", "  oncall: { users: [U0EVA] }"],
    });
    await j.stopServer();
    await j.startServer();
    await bo.clicks("Approve");
    await j.told(bo, "Only release-captains may decide about api prod", "Reason: not_allowed");
    await j.serves("prod", "nothing");
    await j.serves("staging", first);
  },
);

journey(
  "promise 12: nothing secret is logged, shown, or stored in clear",
  async ({ ana, bo, slack, github, jira, ...j }) => {
    await j.makeLive("prod", first);
    await ana.says("/deploy");
    await j.until(() => ana.modal() !== null);
    slack.faults.revokeBotToken();
    github.revokeTokens();
    jira.revokeToken();
    await j.local(`deploy api staging ${first}`);
    await j.serves("staging", first);
    slack.faults.restoreTokens();
    await bo.says("/gantry hosts");
    await j.told(bo, "prod-1 connected");
    const capabilities = slack.log.flatMap((entry) => {
      if (entry.kind !== "envelope") return [];
      return [entry.payload["response_url"], entry.payload["trigger_id"]].filter((each) => typeof each === "string");
    });
    assert.ok(capabilities.length > 4);
    const secrets = [slack.botToken, slack.appToken, slack.signingSecret, github.token, jira.token, ...capabilities];
    const shown = slack.channel("deploys").transcript();
    await j.stopServer();
    const stored = readdirSync(j.data).map((name) => readFileSync(join(j.data, name), "latin1"));
    const places = { log: j.logged.join("\n"), chat: shown, data: stored.join("\n") };
    for (const [place, text] of Object.entries(places)) {
      assert.ok(text.length > 100, `${place} was looked at`);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret.slice(0, 12)}… stands in the ${place}`);
      assert.doesNotMatch(text, /gnt_[A-Za-z0-9_-]{20}/, `an enrolment token stands in the ${place}`);
    }
  },
  { links: true },
);
