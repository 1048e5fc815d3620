/** What containers of the fake engine print, and who follows it. */
import type { EngineLine, LogsOrder } from "../host/engine.ts";

export type FakeOutputs = {
  of(id: string): readonly EngineLine[];
  print(id: string, line: EngineLine): void;
  /** Its process is gone, so that whoever follows has all. */
  ended(id: string): void;
  followers(): number;
  show(order: LogsOrder, lines: () => readonly EngineLine[], isRunning: () => boolean): Promise<void>;
};

export function createFakeOutputs(): FakeOutputs {
  const printed = new Map<string, EngineLine[]>();
  const followers = new Set<{ readonly id: string; take(line: EngineLine): void; end(): void }>();

  async function show(order: LogsOrder, lines: () => readonly EngineLine[], isRunning: () => boolean): Promise<void> {
    const { id, since, follow, signal, onLine } = order;
    const young = lines().filter(({ at }) => since === null || at === null || at >= since);
    for (const line of young.slice(-order.lines)) onLine(line);
    if (!follow || signal.aborted || !isRunning()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const follower = { id, take: onLine, end: resolve };
    followers.add(follower);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    followers.delete(follower);
  }

  return {
    of: (id) => printed.get(id) ?? [],
    print(id, line) {
      printed.set(id, [...(printed.get(id) ?? []), line]);
      for (const follower of [...followers]) if (follower.id === id) follower.take(line);
    },
    ended(id) {
      for (const follower of [...followers]) if (follower.id === id) follower.end();
    },
    followers: () => followers.size,
    show,
  };
}
