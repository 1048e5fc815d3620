/** Hosts that come and go for good while things are under way (OP18). */
import type { Fault } from "./fault.ts";

export const joining: Fault = {
  name: "joining",
  arm({ world, random, often }) {
    let joined = 0;
    often(200_000, () => {
      if (world.server === null || world.disk.fault !== null || joined >= 3) return;
      joined += 1;
      const env = random.chance(0.8) ? "prod" : "staging";
      world.join({ host: `${env}-new-${joined}`, labels: { env, zone: random.pick(["a", "b"]) } });
    });
    return () => {};
  },
};

export const revoked: Fault = {
  name: "revoked",
  arm({ world, often, site, note }) {
    let left = 2;
    often(300_000, () => {
      const victim = site();
      if (world.server === null || world.disk.fault !== null || left === 0 || victim.machine.name.endsWith("-clone")) return;
      left -= 1;
      note(victim.machine.name, "is revoked and thrown away");
      world.server.app.revoke(victim.host, null);
      world.powerOff(victim);
      world.lookAtWires();
      victim.gone = true;
    });
    return () => {};
  },
};
