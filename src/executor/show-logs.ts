/** A container's output through calls that end: what is followed is asked for again and again, from the newest line on. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ContainerState, type Engine, EngineError, type EngineLine, type LogsOrder } from "../host/engine.ts";

const againMs = 500;

export function createShowLogs(facts: {
  readonly lines: (span: Pick<LogsOrder, "id" | "lines" | "since">) => Promise<readonly EngineLine[]>;
  readonly inspect: (id: string) => Promise<ContainerState | null>;
}): Engine["logs"] {
  /** Tells what is there, and whether more may come. */
  async function look(
    order: LogsOrder,
    since: number | null,
  ): Promise<{ readonly since: number | null; readonly goesOn: boolean }> {
    const { id, lines, follow, onLine } = order;
    // Looked at before its lines: nothing that it printed before its end is missed.
    const goesOn = follow && (await facts.inspect(id))?.status === "running";
    let next = since;
    for (const line of await facts.lines({ id, lines, since })) {
      if (line.at !== null) next = line.at + 1;
      onLine(line);
    }
    return { since: next, goesOn };
  }

  return async (order) => {
    if (order.signal.aborted) return;
    let { since, goesOn } = await look(order, order.since);
    while (goesOn && !order.signal.aborted) {
      await sleep(againMs, undefined, { signal: order.signal }).catch(() => undefined);
      if (!order.signal.aborted) ({ since, goesOn } = await look(order, since).catch(ifGone));
    }
  };
}

/** It was there when somebody began to follow it. */
function ifGone(thrown: unknown): { since: null; goesOn: false } {
  if (thrown instanceof EngineError && thrown.gone) return { since: null, goesOn: false };
  throw thrown;
}
