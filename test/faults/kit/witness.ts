/** Remembers what was promised while the server was killed again and again, and holds the store to it. */
import assert from "node:assert/strict";
import type { RolloutState } from "../../../src/core/rollout-state.ts";
import type { LogEntry } from "../../../src/rehearsal/slack/types.ts";
import { fold } from "../../kit/fold.ts";
import type { Goal, ProcessStage } from "./process-stage.ts";
import { eventsOf, inbox, logs, type StoredLog, slots } from "./store-facts.ts";

export type Witness = {
  /**
   * Of what Slack holds acknowledged, of the refusals that people were told, of the goals that agents were told and of history, nothing is missing and nothing is changed.
   * `data`: where the data are, when it is not the stage's folder.
   */
  holds(data?: string): void;
  /** How much has been held up to now. */
  counts(): { readonly acked: number; readonly goals: number; readonly events: number };
  /**
   * Presses that were acknowledged between the two places of Slack's log may have been declined: the acknowledgement of a press has no
   * room for a no, which comes by itself.
   */
  mayDecline(from: number, to: number): void;
  /** Refusals told between the two places may be missing in the inbox: on a full disk they are told all the same. */
  mayForget(from: number, to: number): void;
};

type Ack = Extract<LogEntry, { kind: "ack" }>;

export function createWitness(stage: ProcessStage): Witness {
  const opened = new Map<string, number>();
  const known = new Map<number, readonly string[]>();
  const declined = new Set<string>();
  const forgotten: { readonly from: number; readonly to: number }[] = [];
  const settled = new Map<string, string>();

  function acked(): string[] {
    return (
      stage.slack.log
        .filter((entry): entry is Ack => entry.kind === "ack")
        // A refusal before the record stands in the acknowledgement itself.
        .filter((ack) => ack.payload["text"] === undefined && !declined.has(ack.envelopeId))
        .map((ack) => ack.envelopeId)
    );
  }

  function commandsAreKept(rows: ReturnType<typeof inbox>): void {
    const missing = acked().filter((id) => !rows.has(`socket:${id}`));
    assert.equal(missing.map((id) => describe(stage, id)).join("\n"), "", "acknowledged, and not in the inbox");
  }

  function answersStay(all: readonly StoredLog[]): void {
    const now = new Map(all.map((log) => [log.requestKey, log.number]));
    const changed = [...opened].filter(([key, number]) => now.get(key) !== number);
    const otherwise = changed.map(([key, number]) => `${describe(stage, key)} opened #${number} before, now #${now.get(key)}`);
    assert.deepEqual(otherwise, []);
    for (const [key, number] of now) opened.set(key, number);
  }

  /** Who was told no is told no again, whoever serves the command next: the refusal is there, and stays. */
  function refusalsAreKept(rows: ReturnType<typeof inbox>): void {
    const kept = new Set([...rows.values()].map((row) => row.answer));
    const held = stage.slack.log.filter((_, at) => !forgotten.some(({ from, to }) => from <= at && at < to));
    const told = held.map((entry) => (entry.kind === "response_url" ? String(entry.body["text"] ?? "") : ""));
    const missing = told.filter((text) => /^Reason: (?!store_unwritable)\w+$/m.test(text) && !kept.has(text));
    assert.deepEqual(missing, [], "told, and not in the inbox");
    const changed = [...settled].filter(([key, answer]) => rows.get(key)?.answer !== answer);
    const otherwise = changed.map(([key, answer]) => `${describe(stage, key)}: ${answer}, now ${rows.get(key)?.answer}`);
    assert.deepEqual(otherwise, [], "told otherwise now");
    for (const { key, answer } of rows.values()) if (answer !== null) settled.set(key, answer);
  }

  function historyStays(all: readonly StoredLog[]): void {
    for (const log of all) {
      const before = known.get(log.number) ?? [];
      assert.deepEqual(log.events.slice(0, before.length), before, `the history of #${log.number} was rewritten`);
      known.set(log.number, log.events);
      assert.deepEqual(plain(fold(eventsOf(log))), plain(log.state), `the events of #${log.number} do not fold to its snapshot`);
    }
    for (const number of known.keys())
      assert.ok(
        all.some((log) => log.number === number),
        `#${number} is gone`,
      );
  }

  return {
    holds(data = stage.data) {
      const rows = inbox({ data });
      const all = logs({ data });
      commandsAreKept(rows);
      refusalsAreKept(rows);
      answersStay(all);
      historyStays(all);
      goalsAreKept({ told: stage.told, data }, all);
    },
    counts() {
      const events = [...known.values()].reduce((sum, each) => sum + each.length, 0);
      return { acked: acked().length, goals: stage.told.length, events };
    },
    mayForget: (from, to) => void forgotten.push({ from, to }),
    mayDecline(from, to) {
      const { log } = stage.slack;
      const isPress = (id: string) => log.some((e) => e.kind === "envelope" && e.envelopeId === id && e.type === "interactive");
      for (const each of log.slice(from, to)) if (each.kind === "ack" && isPress(each.envelopeId)) declined.add(each.envelopeId);
    },
  };
}

/** No agent was ever told what the store does not know: the rollout is there, the release is one of its own, the generation is not of the future. */
function goalsAreKept(stage: Pick<ProcessStage, "told" | "data">, all: readonly StoredLog[]): void {
  const rows = slots(stage);
  const bySlot = new Map<string, Goal>();
  for (const goal of stage.told) {
    const { host, service, environment, generation } = goal;
    const name = `${host} ${service}/${environment} g${generation}`;
    const other = bySlot.get(name);
    if (other !== undefined) assert.deepEqual(goal, other, `${name} was told two things`);
    bySlot.set(name, goal);
    const state = all.find((log) => log.number === goal.rollout)?.state;
    assert.ok(state !== undefined, `${name}: there is no rollout #${goal.rollout}`);
    assert.ok(belongs(goal, state), `${name}: r${goal.release} is no release of #${goal.rollout}`);
    const row = rows.find((slot) => slot.host === host && slot.service === service && slot.environment === environment);
    assert.ok(row !== undefined && row.generation >= generation, `${name}: the store is at generation ${row?.generation}`);
    if (row.generation === generation) assert.equal(row.release, goal.release, name);
  }
}

function belongs(goal: Goal, state: RolloutState): boolean {
  if (goal.service !== state.service || goal.environment !== state.environment) return false;
  const ofHost = state.hosts.filter((h) => h.host === goal.host).map((h) => h.from);
  return [state.release, state.from, ...ofHost].includes(goal.release);
}

/** As it would be after a way through the database. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function describe(stage: ProcessStage, id: string): string {
  const envelope = stage.slack.log.find((entry) => entry.kind === "envelope" && entry.envelopeId === id);
  if (envelope?.kind !== "envelope") return id;
  const { payload, type } = envelope;
  const action = (payload["actions"] as readonly { action_id?: string }[] | undefined)?.[0]?.action_id;
  return `${type} ${id}: ${action ?? `${payload["command"]} ${payload["text"]}`}`;
}
