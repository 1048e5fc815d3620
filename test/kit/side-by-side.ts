/** Work of one kind, done in this order, at most `atOnce` of it at a time. */
export type Lane<T> = { readonly items: readonly T[]; readonly atOnce: number };

/**
 * Does everything in all lanes, `atOnce` at a time in all. Who is free takes the next of the first lane that has room, so the lanes
 * that come first are begun first. After an abort nothing more is begun. The first rejection is passed on.
 */
export async function sideBySide<T>(
  facts: { readonly lanes: readonly Lane<T>[]; readonly atOnce: number; readonly signal: AbortSignal },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const lanes = facts.lanes.map(({ items, atOnce }) => ({ queue: [...items], room: atOnce }));
  const running = new Set<Promise<void>>();

  function begin(lane: (typeof lanes)[number], item: T): void {
    lane.room -= 1;
    const done = work(item).finally(() => {
      lane.room += 1;
      running.delete(done);
    });
    running.add(done);
  }

  for (;;) {
    const lane = facts.signal.aborted ? undefined : lanes.find((each) => each.room > 0 && each.queue.length > 0);
    const item = running.size < facts.atOnce ? lane?.queue.shift() : undefined;
    if (lane !== undefined && item !== undefined) begin(lane, item);
    else if (running.size === 0) return;
    else await Promise.race(running);
  }
}
