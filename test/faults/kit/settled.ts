/** What must hold when people have gone home and the server was left alone for a while. */
import assert from "node:assert/strict";
import type { RolloutState } from "../../../src/core/rollout-state.ts";
import { hasEnded } from "../../../src/core/rollout-state.ts";
import { marksOf } from "../../../src/host/labels.ts";
import type { SeenMessage } from "../../../src/rehearsal/slack/types.ts";
import { eventually } from "../../kit/eventually.ts";
import { hostNames, type ProcessStage } from "./process-stage.ts";
import { inbox, logs, type OutboxRow, outbox, type StoredLog, slots, waitingForApproval } from "./store-facts.ts";

/** Resolves when every rollout has ended and nothing is left to do inside or outside. What still waits for a decision is approved. */
export async function comesToRest(stage: ProcessStage, deadlineMs = 60_000): Promise<void> {
  const bo = stage.slack.as("bo");
  await eventually(async () => {
    for (const number of waitingForApproval(stage)) await bo.says(`/gantry approve ${number}`);
    const active = logs(stage).filter((log) => !hasEnded(log.state));
    assert.deepEqual(
      active.map(({ number, state }) => `#${number} ${state.phase} ${state.reason}`),
      [],
      "rollouts still move",
    );
    const open = outbox(stage).filter((item) => item.outcome === null);
    assert.deepEqual(
      open.map(({ key, lastError }) => `${key}: ${lastError}`),
      [],
      "the outbox is not empty",
    );
    const commands = [...inbox(stage).values()].filter((row) => !row.done);
    assert.deepEqual(commands, [], "commands have no end");
  }, deadlineMs);
}

/** Each item of the outbox reached Slack at least once, and what stands on each card is how the rollout ended. */
export function everythingWasTold(stage: ProcessStage): void {
  const items = outbox(stage);
  assert.deepEqual(
    items.filter((item) => item.outcome === "dead"),
    [],
    "something was given up",
  );
  assert.ok(
    items.every((item) => item.attempt >= 1),
    "something was never tried",
  );
  for (const log of logs(stage)) cardIsRight(stage, log);
  for (const item of items) wasTold(stage, item);
}

function threadOf(stage: ProcessStage, log: StoredLog): SeenMessage[] {
  return stage.slack.channel("deploys").thread(log.cardTs ?? "no card");
}

function cardIsRight(stage: ProcessStage, log: StoredLog): void {
  const [card] = threadOf(stage, log);
  assert.ok(card !== undefined, `#${log.number} has no card`);
  const [title, , ...lines] = card.rendered.split("\n");
  assert.ok(title?.endsWith(`#${log.number}`) || lines.some((line) => line.endsWith(`#${log.number}`)), card.rendered);
  assert.match(card.rendered, endOf(log.state), `#${log.number} ended as ${log.state.phase}`);
  assert.ok(!card.buttons.includes("Approve"), `#${log.number} can still be approved on its card`);
  for (const { host, status } of log.state.hosts) {
    if (status === "healthy") assert.match(card.rendered, new RegExp(`${host} healthy`), `#${log.number}`);
    if (status === "restored") assert.match(card.rendered, new RegExp(`${host} (put back|emptied)`), `#${log.number}`);
  }
}

function endOf({ phase, kind, reason }: RolloutState): RegExp {
  if (phase === "succeeded") return kind === "rollback" ? /Rolled back|Live/ : /Live/;
  if (phase === "restored") return reason === "rolled_back" ? /Rolled back/ : /[Pp]ut back/;
  return new RegExp(phase, "i");
}

function wasTold(stage: ProcessStage, { kind, rollout, body, key }: OutboxRow): void {
  const log = logsBy(stage, rollout);
  switch (kind) {
    case "thread": {
      const line = (body as { message: { text: string } }).message.text;
      assert.ok(
        threadOf(stage, log as StoredLog).some((m) => m.text === line),
        `${key}: "${line}" is not in the thread`,
      );
      return;
    }
    case "notice": {
      const person = log?.state.requester.name ?? "";
      assert.ok(
        direct(stage, person).some((m) => m.text.includes(`#${rollout}`)),
        `${person} was not told how #${rollout} ended`,
      );
      return;
    }
    case "answer": {
      const { user, message } = body as { user: string; message: { text: string } };
      assert.ok(
        direct(stage, user).some((m) => m.text === message.text),
        `${key}: ${user} was not told "${message.text}"`,
      );
    }
  }
}

function direct(stage: ProcessStage, person: string): SeenMessage[] {
  return stage.slack.direct(person).messages();
}

/** One reading serves all items of one look. */
let look: { readonly at: ProcessStage; readonly logs: Map<number, StoredLog> } | null = null;

function logsBy(stage: ProcessStage, rollout: number | null): StoredLog | undefined {
  if (look?.at !== stage || (rollout !== null && !look.logs.has(rollout))) {
    look = { at: stage, logs: new Map(logs(stage).map((log) => [log.number, log])) };
  }
  return rollout === null ? undefined : look.logs.get(rollout);
}

/** On each host exactly the containers serve that the store wants there. */
export async function hostsServeWhatIsWanted(stage: ProcessStage): Promise<void> {
  await eventually(() => {
    const wanted = slots(stage).filter((slot) => slot.release !== null);
    const names = wanted.map((slot) => `${slot.host} ${slot.service}/${slot.environment} r${slot.release}`).sort();
    const serving = hostNames.flatMap((name) =>
      stage
        .host(name)
        .engine.running()
        .map((state) => {
          const marks = marksOf(state.labels);
          return `${name} ${marks?.service}/${marks?.environment} r${marks?.release}`;
        }),
    );
    assert.deepEqual(serving.sort(), names);
  }, 20_000);
}
