import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/rehearsal/slack/clock.ts";
import { stillWorkspaceFor, webClient, workspaceFor } from "./workspace-kit.ts";

const hello = { channel: "C0DEPLOYS", text: "hello" };

const retryAfter = async (call: Promise<unknown>): Promise<number | null> => {
  try {
    await call;
    return null;
  } catch (error) {
    return (error as { retryAfter: number }).retryAfter;
  }
};

test("posting: a burst of five per channel passes, then one per second; other channels are not concerned", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const web = webClient(slack);
  for (let i = 0; i < 5; i++) await web.chat.postMessage(hello);
  assert.equal(await retryAfter(web.chat.postMessage(hello)), 1);
  await web.chat.postMessage({ ...hello, channel: "U0ANA" });
  await clock.advance(1_000);
  await web.chat.postMessage(hello);
  assert.equal(await retryAfter(web.chat.postEphemeral({ ...hello, user: "U0ANA" })), 1);
  assert.equal(slack.channel("deploys").messages().length, 6);
});

test("methods have tiers: the 51st edit within a minute is too much", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const web = webClient(slack);
  const { ts = "" } = await web.chat.postMessage(hello);
  const edit = () => web.chat.update({ ...hello, ts });
  await clock.advance(1_000);
  await edit();
  await clock.advance(20_000);
  for (let i = 0; i < 49; i++) await edit();
  assert.equal(await retryAfter(edit()), 40);
  await clock.advance(40_000);
  await edit();
});

test("both kinds of rate limit can be switched off", async (t) => {
  const slack = await workspaceFor(t, { rateLimits: { posting: false } });
  for (let i = 0; i < 20; i++) await webClient(slack).chat.postMessage(hello);
  const free = await workspaceFor(t, { rateLimits: false });
  const { ts = "" } = await webClient(free).chat.postMessage(hello);
  for (let i = 0; i < 60; i++) await webClient(free).chat.update({ ...hello, ts });
});

test("a 429 with a Retry-After of our choice", async (t) => {
  const slack = await workspaceFor(t);
  slack.faults.rateLimit("chat.postMessage", 30);
  assert.equal(await retryAfter(webClient(slack).chat.postMessage(hello)), 30);
  assert.equal(slack.channel("deploys").messages().length, 0);
  await webClient(slack).chat.postMessage(hello);
});

test("a server error, as often as asked, does nothing", async (t) => {
  const slack = await workspaceFor(t);
  slack.faults.failNext("chat.postMessage", { status: 503, times: 2 });
  await assert.rejects(webClient(slack).chat.postMessage(hello), /503/);
  await assert.rejects(webClient(slack).chat.postMessage(hello), /503/);
  await webClient(slack).chat.postMessage(hello);
  assert.equal(slack.channel("deploys").messages().length, 1);
});

test("an error of our choice, for every method", async (t) => {
  const slack = await workspaceFor(t);
  slack.faults.failNext("*", { error: "fatal_error" });
  await assert.rejects(webClient(slack).auth.test(), /fatal_error/);
  slack.faults.failNext("auth.test", { error: "x", times: 5 });
  slack.faults.clear();
  await webClient(slack).auth.test();
});

test("a dropped request does nothing; a lost response has posted all the same", async (t) => {
  const slack = await workspaceFor(t);
  slack.faults.failNext("chat.postMessage", { drop: true });
  await assert.rejects(webClient(slack).chat.postMessage(hello));
  assert.equal(slack.channel("deploys").messages().length, 0);
  slack.faults.failNext("chat.postMessage", { lostResponse: true });
  await assert.rejects(webClient(slack).chat.postMessage(hello));
  assert.equal(slack.channel("deploys").messages().length, 1);
  assert.deepEqual(
    slack.log.filter((entry) => entry.kind === "api").map((entry) => entry.status),
    ["dropped", "lost"],
  );
});

test("a slow answer comes when its time has come", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  slack.faults.failNext("chat.postMessage", { delayMs: 5_000 });
  let answered = false;
  const call = webClient(slack)
    .chat.postMessage(hello)
    .then(() => (answered = true));
  await slack.channel("deploys").waitFor("hello");
  await clock.advance(4_999);
  assert.equal(answered, false);
  await clock.advance(1);
  await call;
});

test("a manual clock fires alarms in order, and those set by alarms", async () => {
  const clock = new ManualClock(0);
  const fired: string[] = [];
  clock.after(20, () => fired.push(`b at ${clock.now()}`));
  const cancel = clock.after(5, () => fired.push("cancelled"));
  clock.after(10, () => {
    fired.push(`a at ${clock.now()}`);
    clock.after(5, () => fired.push(`c at ${clock.now()}`));
  });
  cancel();
  await clock.advance(19);
  assert.deepEqual(fired, ["a at 10", "c at 15"]);
  await clock.advance(1);
  assert.deepEqual(fired.at(-1), "b at 20");
});
