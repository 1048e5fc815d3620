/** kill -9 of an agent, at any moment; it is started again a while later (AG1). */
import type { Fault } from "./fault.ts";

export const agentKill: Fault = {
  name: "agent_kill",
  arm({ world, random, often, later, site }) {
    often(90_000, () => {
      const victim = site();
      world.killAgent(victim);
      later(random.between(200, 40_000), () => world.startAgent(victim));
    });
    return () => {};
  },
};
