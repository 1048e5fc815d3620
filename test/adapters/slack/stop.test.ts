import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../kit/eventually.ts";
import { connectedRig, says } from "./kit.ts";

test("a stop waits for what is being served, and for what that still wants to say", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  const gate = Promise.withResolvers<void>();
  door.serving = async () => {
    await gate.promise;
    void slack.chat.post({ channel: "C0DEPLOYS", message: says("the last word"), key: "last" });
  };
  await workspace.as("ana").says("/gantry status");
  let stopped = false;
  const stop = slack.stop().then(() => {
    stopped = true;
  });
  await eventually(() => assert.equal(workspace.connections, 0, "Slack is told first, so that it brings no more"));
  assert.equal(stopped, false);
  gate.resolve();
  await stop;
  assert.equal(workspace.as("ana").sees().at(-1)?.text, "the last word");
});

test("a stop does not wait for ever", async (t) => {
  const { workspace, slack, door } = await connectedRig(t, { slack: { timing: { drainMs: 50 } } });
  const gate = Promise.withResolvers<void>();
  t.after(() => gate.resolve());
  door.serving = () => gate.promise;
  await workspace.as("ana").says("/gantry status");
  await slack.stop();
  await assert.rejects(slack.chat.post({ channel: "C0DEPLOYS", message: says("x"), key: "x" }), { kind: "retry" });
});

test("a stop before the start, and a second stop, do nothing", async (t) => {
  const { slack } = await connectedRig(t, { connect: false });
  await slack.stop();
  await slack.stop();
});
