/** The server's process stands still for minutes (SIGSTOP, a frozen machine) and wakes: nobody is late because of that, and nothing is done twice. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../kit/eventually.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest, everythingWasTold, hostsServeWhatIsWanted } from "./kit/settled.ts";
import { eventsOf, logs, type StoredLog } from "./kit/store-facts.ts";
import { createWitness, type Witness } from "./kit/witness.ts";

/**
 * More than two of the server's minutes, in an environment that holds silence against a host: far beyond the deadline of a host, the
 * silence that a connection bears, and every soak. No faster: a busy machine must be done within the grace that follows.
 */
const speed = 10;
const standsStillMs = 15_000;

let stage: ProcessStage;
let witness: Witness;
before(async () => {
  stage = await startProcessStage({ speed, service: { policy: "unreachable: fail", hostDeadline: "45s" } });
  witness = createWitness(stage);
});
after(() => stage?.stop());

/** A deploy to prod that stands in mid-swap on the first host. */
async function standsInMidSwap(commit: number): Promise<{ goOn(): void }> {
  const { ana, bo } = people();
  const swap = stage.host("prod-1").holdSwap();
  await ana.says(`/deploy api prod ${sha(commit)}`);
  await eventually(() => assert.equal(newest().state.phase, "awaiting_approval"));
  await bo.says(`/gantry approve ${newest().number}`);
  await swap.stands;
  return swap;
}

const people = () => ({ ana: stage.slack.as("ana"), bo: stage.slack.as("bo") });
const sha = (commit: number) => stage.commits[commit]?.slice(0, 9) ?? "";
const newest = () => logs(stage).at(-1) as StoredLog;
const happened = () => eventsOf(newest()).map((event) => event.type);

async function whileItStandsStill(work: () => Promise<void> = async () => {}): Promise<void> {
  const { child } = stage.server();
  child.kill("SIGSTOP");
  try {
    await Promise.all([work(), sleep(standsStillMs)]);
  } finally {
    child.kill("SIGCONT");
  }
}

test("hosts in mid-swap are not lost, and the swap that went on meanwhile counts", async () => {
  const swap = await standsInMidSwap(0);
  await whileItStandsStill(async () => swap.goOn());
  await comesToRest(stage);
  assert.equal(newest().state.phase, "succeeded", happened().join(", "));
  assert.deepEqual(
    happened().filter((type) => ["host_overdue", "host_unwell", "host_failed", "stalled"].includes(type)),
    [],
  );
});

test("nor is one that goes on only after it woke", async () => {
  const swap = await standsInMidSwap(1);
  await whileItStandsStill();
  // Whatever was due meanwhile has come by then.
  await eventually(async () => assert.equal((await stage.slack.faults.redeliverLast()).kind, "acked"));
  swap.goOn();
  await comesToRest(stage);
  assert.equal(newest().state.phase, "succeeded", happened().join(", "));
  assert.deepEqual(
    happened().filter((type) => ["host_overdue", "host_unwell", "host_failed", "stalled"].includes(type)),
    [],
  );
});

test("it holds its data while it stands still, and what is typed meanwhile is done once or not at all", async () => {
  const { ana } = people();
  const before = logs(stage).length;
  await whileItStandsStill(async () => {
    const second = stage.launch({ plain: true });
    assert.equal(await second.ended, 1);
    assert.match(second.output(), /another server holds the data/);
    stage.forget(second);
    await ana.says(`/deploy web staging ${sha(2)}`);
    assert.match(ana.sees("deploys").at(-1)?.rendered ?? "", /operation_timeout/, "Slack told her");
    await stage.slack.faults.redeliverLast();
  });
  await stage.slack.connected();
  await stage.slack.faults.redeliverLast();
  await comesToRest(stage);
  assert.ok(logs(stage).length <= before + 1, "done twice");
});

test("after all of it nothing is lost, doubled or untold", async () => {
  await stage.connected();
  witness.holds();
  everythingWasTold(stage);
  await hostsServeWhatIsWanted(stage);
  for (const log of logs(stage)) {
    const swapped = eventsOf(log).flatMap((event) => (event.type === "host_swapped" ? [event.host] : []));
    assert.equal(new Set(swapped).size, swapped.length, `#${log.number}: a host was swapped twice`);
  }
});
