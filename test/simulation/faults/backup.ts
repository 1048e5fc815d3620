/** The server's data are put back to an earlier time: by `gantry restore`, or by somebody who copies a disk (SV11, SV5). */
import { dawn } from "../world/clocks.ts";
import type { Fault } from "./fault.ts";

export const backupRestored: Fault = {
  name: "backup_restored",
  arm({ world, random, often, later }) {
    const { scheduler, disk } = world;
    let mark = disk.ledger.mark();
    let left = 2;
    const backUp = () => {
      if (random.chance(0.6)) mark = disk.ledger.mark();
    };
    for (let i = 1; i < 20; i += 1) scheduler.after(i * 60_000, null, backUp);
    often(300_000, () => {
      if (left === 0 || world.server === null || disk.fault !== null) return;
      left -= 1;
      world.killServer({ powerCut: false });
      later(random.between(1_000, 20_000), () => {
        if (world.server !== null) return;
        disk.fault = null;
        world.restoreServer(Math.min(mark, disk.ledger.mark()));
        // The tool of Gantry freezes what it restores; a copied disk is found out by its agents.
        if (random.chance(0.4))
          disk.store.freeze.set({ reason: "server_behind", at: dawn + scheduler.now(), host: null, detail: "restored" });
        world.startServer();
        later(random.between(20_000, 120_000), world.adopt);
      });
    });
    return () => {
      for (let i = 1; i < 100; i += 1) scheduler.after(i * 20_000, null, world.adopt);
    };
  },
};
