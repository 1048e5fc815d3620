/** The server ends itself by SIGKILL at a named point, with real containers, GitHub and Jira; it is started again, and the work ends as it would have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { eventually } from "../kit/eventually.ts";
import { logsFold, reaches, realStage, rolloutRows, storeIsSound } from "../kit/real-stage.ts";

const stage = realStage({
  hosts: [{ name: "prod-1", labels: { env: "prod" } }],
  service: { soak: "200ms" },
});

/**
 * Where containers, GitHub or Jira are in the play; every other point is in the files beside this one, under load. At the first of these
 * nothing is recorded: Slack tells the person that the command failed, and they type it again.
 */
const points = [
  "inbox.before_insert",
  "inbox.after_ack",
  "open.after_commit",
  "outbox.change.after_claim",
  "outbox.forge.before_mark",
  "image_present.after_commit",
  "approved.after_commit",
  "host_swapped.before_commit",
  "host_swapped.after_commit",
  "outbox.tickets.before_mark",
];

/** What ten rollouts have to say would take half a minute more at the pace that Slack asks for; that is held elsewhere. */
const noPace = { postGapMs: 0, editGapMs: 0, editBurst: 100_000 };

const good = sampleHistory.filter((c) => c.behaviour === "good");

for (const [index, point] of points.entries()) {
  test(`killed at ${point}, the deploy ends as it would have`, async () => {
    const { slack } = stage();
    const commit = good[index % good.length];
    assert.ok(commit !== undefined);
    if (index === 0) await restart();
    stage().failAt(point);
    const before = rolloutRows(stage()).length;
    await slack
      .as("ana")
      .says(`/deploy api prod ${commit.sha.slice(0, 7)}`)
      .catch(() => {});
    const dead = stage().server().ended;
    let over = false;
    void dead.then(() => {
      over = true;
    });
    await approveUntil(() => over, before);
    assert.equal(await dead, "SIGKILL", `the server never came to ${point}`);

    await restart();
    const recorded = point !== "inbox.before_insert";
    if (recorded) await eventually(() => assert.equal(rolloutRows(stage()).length, before + 1), 20_000);
    else {
      assert.equal(rolloutRows(stage()).length, before, "absent, not half done");
      await slack.as("ana").says(`/deploy api prod ${commit.sha.slice(0, 7)}`);
    }
    let done = false;
    const ended = reaches(stage(), commit.sha, ["succeeded"]).finally(() => {
      done = true;
    });
    await approveUntil(() => done, before);
    await ended;
    assert.equal(rolloutRows(stage()).length, before + 1, "once, not twice");
    const answer = await stage().lab.host("prod-1").fetch("/");
    assert.match(answer.body, new RegExp(commit.sha));
    logsFold(stage());
    const live = await stage().lab.host("prod-1").docker("ps", "-q", "--filter", "label=gantry.role=live");
    assert.equal(live.split("\n").filter(Boolean).length, 1, "one container serves");
  });
}

test("after all of it nothing is left to do outside", async () => {
  // GitHub takes a write a second, and ten rollouts have several each.
  await storeIsSound(stage(), 180_000);
});

async function restart(): Promise<void> {
  await stage().server().stop("SIGKILL");
  await stage().startServer({ failing: true, env: { GANTRY_REHEARSAL_SLACK: JSON.stringify(noPace) } });
  await stage().slack.connected();
}

/** bo approves as soon as there is something to approve, again after a restart: a click that died with the server was never counted. */
async function approveUntil(over: () => boolean, before: number): Promise<void> {
  const { slack } = stage();
  let tries = 0;
  await eventually(async () => {
    if (over()) return;
    const waiting = rolloutRows(stage()).slice(before).at(-1)?.phase === "awaiting_approval";
    if (waiting && tries++ % 40 === 0)
      await slack
        .as("bo")
        .clicks("Approve")
        .catch(() => {});
    throw new Error("not over yet");
  }, 40_000);
}
