/** The power of a host goes and comes back; restart policies decide what runs then (AG2, AG3). */
import type { Fault } from "./fault.ts";

export const reboot: Fault = {
  name: "reboot",
  arm({ world, random, often, later, site }) {
    often(150_000, () => {
      const victim = site();
      world.powerOff(victim);
      world.lookAtWires();
      later(random.between(5_000, 120_000), () => world.powerOn(victim));
    });
    return () => {};
  },
};
