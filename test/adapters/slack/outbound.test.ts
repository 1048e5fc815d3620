import assert from "node:assert/strict";
import { test } from "node:test";
import { WebAPIRateLimitedError } from "@slack/web-api";
import { ChatError } from "../../../src/app/ports.ts";
import { createBudget, createOutbound, type Job } from "../../../src/slack/outbound.ts";
import { ManualClock, turns } from "./kit.ts";

/** A scheduler on a clock that stands still, and the times at which its jobs ran. */
function rig(options: { patienceMs?: number } = {}) {
  const clock = new ManualClock();
  const startedAt = clock.now();
  const ran: string[] = [];
  const outbound = createOutbound({ clock, ...options });
  const job = (name: string, facts: Partial<Job<void>> = {}): Job<void> => ({
    lane: "post:C1",
    pauseKey: "chat.postMessage:C1",
    gapMs: 1_000,
    run: async () => void ran.push(`${name} ${clock.now() - startedAt}`),
    ...facts,
  });
  const edit = (name: string, facts: Partial<Job<void>> = {}) => {
    return job(name, { lane: "edit:C1:1", pauseKey: "chat.update:C1", newest: true, ...facts });
  };
  return { clock, ran, outbound, job, edit };
}

function limited(seconds: number): ChatError {
  return new ChatError({
    kind: "retry",
    reason: "chat_unreachable",
    message: "rate limited",
    retryAfterMs: seconds * 1_000,
    cause: new WebAPIRateLimitedError(seconds),
  });
}

/** Throws each of the errors once, then works. */
function failing(works: () => Promise<void>, ...errors: Error[]): () => Promise<void> {
  return async () => {
    const error = errors.shift();
    if (error !== undefined) throw error;
    await works();
  };
}

test("posts to one channel keep their order and a second between them; other channels do not wait", async () => {
  const { clock, ran, outbound, job } = rig();
  for (const name of ["a", "b", "c"]) void outbound.submit(job(name));
  void outbound.submit(job("other", { lane: "post:C2" }));
  await clock.pass(5_000);
  assert.deepEqual(ran, ["a 0", "other 0", "b 1000", "c 2000"]);
});

test("the second is kept also when the lane was empty in between", async () => {
  const { clock, ran, outbound, job } = rig();
  void outbound.submit(job("a"));
  await clock.pass(400);
  void outbound.submit(job("b"));
  await clock.pass(600);
  assert.deepEqual(ran, ["a 0", "b 1000"]);
  await clock.pass(1_000);
  assert.equal(clock.alarms, 0, "an idle lane leaves nothing behind");
});

test("a card goes before waiting log lines, after earlier cards", async () => {
  const { clock, ran, outbound, job } = rig();
  for (const name of ["line 1", "line 2"]) void outbound.submit(job(name));
  for (const name of ["card 1", "card 2"]) void outbound.submit(job(name, { urgent: true }));
  await clock.pass(5_000);
  assert.deepEqual(ran, ["line 1 0", "card 1 1000", "card 2 2000", "line 2 3000"]);
});

test("200 edits of a card become the first, at once, and the newest, a second later; all settle", async () => {
  const { clock, ran, outbound, edit } = rig();
  const edits = Array.from({ length: 200 }, (_, number) => outbound.submit(edit(`edit ${number}`)));
  await turns();
  assert.deepEqual(ran, ["edit 0 0"]);
  await clock.pass(1_000);
  assert.deepEqual(ran, ["edit 0 0", "edit 199 1000"]);
  await Promise.all(edits);
});

test("the final edit goes out even when nothing follows it", async () => {
  const { clock, ran, outbound, edit } = rig();
  void outbound.submit(edit("50 %"));
  await clock.pass(10);
  const final = outbound.submit(edit("done"));
  await clock.pass(990);
  await final;
  assert.deepEqual(ran, ["50 % 0", "done 1000"]);
});

test("Retry-After holds the method in that channel, and nothing else", async () => {
  const { clock, ran, outbound, job, edit } = rig();
  const post = job("post");
  void outbound.submit({ ...post, run: failing(post.run, limited(30)) });
  void outbound.submit(edit("edit"));
  void outbound.submit(job("elsewhere", { lane: "post:C2", pauseKey: "chat.postMessage:C2" }));
  await clock.pass(29_000);
  assert.deepEqual(ran, ["edit 0", "elsewhere 0"]);
  await clock.pass(1_000);
  assert.deepEqual(ran, ["edit 0", "elsewhere 0", "post 30000"]);
});

test("an edit that met a 429 gives way to a newer one", async () => {
  const { clock, ran, outbound, edit } = rig();
  const old = edit("old");
  const first = outbound.submit({ ...old, run: failing(old.run, limited(5)) });
  await turns();
  void outbound.submit(edit("new"));
  await first;
  await clock.pass(5_000);
  assert.deepEqual(ran, ["new 5000"]);
});

test("an edit that fails while a newer one waits is no failure: what it said is no longer true", async () => {
  const { clock, ran, outbound, edit } = rig();
  const gate = Promise.withResolvers<void>();
  const first = outbound.submit(edit("old", { run: () => gate.promise }));
  const second = outbound.submit(edit("new"));
  gate.reject(new Error("socket hang up"));
  await first;
  await clock.pass(1_000);
  await second;
  assert.deepEqual(ran, ["new 1000"]);
});

test("an edit of a message that is gone says so", async () => {
  const { outbound, edit } = rig();
  const gone = new ChatError({ kind: "gone", reason: "chat_gone", message: "message_not_found" });
  await assert.rejects(outbound.submit(edit("x", { run: () => Promise.reject(gone) })), { kind: "gone", reason: "chat_gone" });
});

test("a rate limit longer than patience is handed back with the time to wait", async () => {
  const { outbound, job } = rig({ patienceMs: 60_000 });
  const post = outbound.submit(job("x", { run: () => Promise.reject(limited(90)) }));
  await assert.rejects(post, { kind: "retry", retryAfterMs: 90_000 });
});

test("what Slack allows for the whole workspace is shared by all cards, in bursts", async () => {
  const { clock, ran, outbound, edit } = rig();
  const budget = createBudget({ capacity: 3, perMinute: 60 });
  for (let card = 0; card < 6; card += 1) void outbound.submit(edit(`card ${card}`, { lane: `edit:C1:${card}`, budget }));
  await clock.pass(10_000);
  assert.deepEqual(
    ran.map((line) => Number(line.split(" ").at(-1))),
    [0, 0, 0, 1_000, 2_000, 3_000],
  );
});

test("closing hands back what waits, lets what runs end, and takes nothing more", async () => {
  const { outbound, job, clock } = rig();
  const gate = Promise.withResolvers<void>();
  const running = outbound.submit(job("running", { run: () => gate.promise }));
  const waiting = outbound.submit(job("waiting"));
  outbound.close();
  await assert.rejects(waiting, { kind: "retry", reason: "chat_unreachable" });
  await assert.rejects(outbound.submit(job("late")), { kind: "retry" });
  gate.resolve();
  await running;
  await outbound.idle();
  assert.equal(clock.alarms, 0);
});
