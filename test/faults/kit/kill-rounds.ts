/** The server is killed again and again while people work; in the end all of it must have come out as if it never had been. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../kit/eventually.ts";
import { type Load, startLoad } from "./load.ts";
import { type ProcessStage, type StageFacts, startProcessStage } from "./process-stage.ts";
import { comesToRest, everythingWasTold, hostsServeWhatIsWanted } from "./settled.ts";
import { createWitness, type Witness } from "./witness.ts";

/** A point by its name (`name 3`: the third time, when more is under way), or a name for what `dies` does. */
export type Round =
  | string
  | {
      readonly name: string;
      /** Resolves when the server is dead. */
      dies(stage: ProcessStage, witness: Witness): Promise<void>;
    };

/** One test for each round, and one for how it all ends. Call it once, at the top of a file. */
export function killRounds(facts: {
  readonly seed: number;
  readonly rounds: readonly Round[];
  readonly stage?: StageFacts;
}): void {
  let stage: ProcessStage;
  let witness: Witness;
  let load: Load;

  before(async () => {
    stage = await startProcessStage(facts.stage);
    witness = createWitness(stage);
    load = startLoad(stage, facts.seed);
  });
  after(async () => {
    await load?.stop();
    await stage?.stop();
  });

  for (const round of facts.rounds) {
    const name = typeof round === "string" ? `at ${round}` : round.name;
    test(`killed ${name}: nothing acknowledged is lost, nothing is done twice`, { timeout: 120_000 }, async () => {
      await isBusy(stage);
      if (typeof round === "string") await diesAt(stage, round);
      else await round.dies(stage, witness);
      await stage.startServer();
      witness.holds();
      await stage.slack.connected();
      await eventually(async () => {
        // As Slack does it: three seconds for an answer, then again.
        const again = await stage.slack.faults.redeliverLast();
        assert.equal(again.kind, "acked", JSON.stringify(again));
      }, 20_000);
      witness.holds();
    });
  }

  test("left alone, everything ends, everything was told, and the hosts serve what is wanted", {
    timeout: 180_000,
  }, async (t) => {
    await load.stop();
    await comesToRest(stage);
    await stage.connected();
    witness.holds();
    everythingWasTold(stage);
    await hostsServeWhatIsWanted(stage);
    const { acked, goals, events } = witness.counts();
    t.diagnostic(`${acked} acts were acknowledged, ${goals} goals were told to agents, ${events} events are in the history`);
    assert.ok(acked > 5 * facts.rounds.length, "there was no load to speak of");
  });
}

/** Kills the server at the point; rejects when it never comes there. */
export async function diesAt(stage: ProcessStage, point: string): Promise<void> {
  stage.failAt(point);
  await isDead(stage, point);
}

export async function isDead(stage: ProcessStage, why: string): Promise<void> {
  const late = AbortSignal.timeout(60_000);
  const overdue = new Promise<never>((_, reject) => {
    late.addEventListener("abort", () => reject(new Error(`the server never came to ${why}; lately:\n${lately(stage)}`)));
  });
  assert.equal(await Promise.race([stage.server().ended, overdue]), "SIGKILL");
}

/** What people were told last. */
function lately(stage: ProcessStage): string {
  const told = ["ana", "bo", "eva"].flatMap((name) => stage.slack.as(name).sees("deploys").slice(-6));
  return told.map((message) => message.rendered).join("\n--\n");
}

/** At a moment that nobody chose. */
export function anyMoment(afterMs: number): Round {
  return {
    name: `from outside ${afterMs} ms later`,
    async dies(stage) {
      await sleep(afterMs);
      await stage.server().stop("SIGKILL");
    },
  };
}

/** People are being heard. */
export async function isBusy(stage: ProcessStage, acts = 4): Promise<void> {
  const acks = () => stage.slack.log.filter((entry) => entry.kind === "ack").length;
  const before = acks();
  await eventually(() => assert.ok(acks() >= before + acts, "nobody is heard"), 20_000);
}
