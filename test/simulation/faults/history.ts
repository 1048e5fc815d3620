/** The server finds its own history at fault, as the hourly walk would: it stands still until root adopts what runs. */
import type { Fault } from "./fault.ts";

export const historyAtFault: Fault = {
  name: "history_at_fault",
  arm({ world, random, often, later, note }) {
    const { scheduler, disk } = world;
    often(45_000, () => {
      const { server } = world;
      if (server === null || disk.fault !== null || disk.store.freeze.current() !== null) return;
      note("server", "an entry of its history is not what it was");
      server.app.fence.suspect({ seq: disk.store.history.head().seq, what: "changed" });
      later(random.between(5_000, 20_000), world.adopt);
    });
    return () => {
      for (let i = 1; i < 100; i += 1) scheduler.after(i * 20_000, null, world.adopt);
    };
  },
};
