import assert from "node:assert/strict";
import { test } from "node:test";
import type { App } from "@slack/bolt";
import { type SlackWorkspace, startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { httpApp, socketApp } from "./bolt-app.ts";
import { teach } from "./tiny-deploy-bot.ts";

for (const mode of ["socket", "http"] as const) {
  test(`a Bolt app lives in the workspace (${mode})`, async (t) => {
    let slack: SlackWorkspace;
    let app: App;

    t.before(async () => {
      slack = await startSlackWorkspace();
      if (mode === "socket") {
        app = socketApp(slack);
        teach(app);
        await app.start();
      } else {
        const served = await httpApp(slack);
        app = served.app;
        teach(app);
        slack.setDelivery({ http: served.url });
      }
    });
    t.after(async () => {
      await app.stop();
      await slack.stop();
    });

    await t.test("a slash command becomes a card, a click with its confirmation edits it", async () => {
      const deploys = slack.channel("deploys");
      await slack.as("ana").says("/deploy api prod abc123");
      const posted = await deploys.waitFor("waits for approval");
      assert.deepEqual(posted.buttons, ["Approve", "Reject"]);
      await slack.as("bo").clicks("Approve");
      await deploys.waitFor("Approved by @bo");
      assert.equal(deploys.latest().edited, 1);
      assert.deepEqual(deploys.latest().buttons, []);
      assert.equal(
        deploys.transcript(),
        "ana: /deploy api prod abc123\ngantry: api to prod\n    Approved by @bo\n    Hosts\n    p1 p2 p3\n    Changes\n    3 commits by @ana",
      );
    });

    await t.test("a modal is opened, refused, filled again and submitted", async () => {
      const bo = slack.as("bo");
      await slack.as("ana").says("/deploy api prod abc123");
      await slack.channel("deploys").waitFor("waits for approval");
      await bo.clicks("Reject");
      await slack.until(() => bo.modal() !== null);
      assert.equal(bo.modal()?.title, "Reject");
      await bo.submits();
      assert.deepEqual(bo.modal()?.errors, { reason: "Please complete this required field." });
      await bo.fills({ "Why?": "because" });
      await bo.submits();
      assert.deepEqual(bo.modal()?.errors, { reason: "Say a little more" });
      await bo.fills({ reason: "the canary is red" });
      await bo.submits();
      assert.equal(bo.modal(), null);
      await slack.channel("deploys").waitFor("Rejected: the canary is red");
    });

    await t.test("a mention is answered in its thread", async () => {
      const deploys = slack.channel("deploys");
      await slack.as("eva").says("@gantry status api");
      const asked = deploys.latest();
      await deploys.waitFor("You said: @gantry status api");
      assert.equal(deploys.thread(asked.ts).length, 2);
      assert.equal(deploys.latest().ts, asked.ts);
    });

    await t.test("opening the Home tab publishes it", async () => {
      const zed = slack.as("zed");
      await zed.opensHome();
      await slack.until(() => zed.home() !== null);
      assert.equal(zed.home()?.rendered, "Nothing waits for you");
      assert.equal(slack.as("ana").home(), null);
    });
  });
}
