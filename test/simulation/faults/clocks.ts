/** Clocks that are wrong and are set right, on the server and on hosts (SV19, AG31). */
import type { TimeOfDay } from "../world/clocks.ts";
import type { Random } from "../world/random.ts";
import type { Fault } from "./fault.ts";

const hourMs = 3_600_000;

function jump(clock: TimeOfDay, random: Random): number {
  const hours = hourMs * random.pick([1, 2, 5]);
  const most = random.pick([random.between(100, 5_000), random.between(5_000, 120_000), hours]);
  // Never further than a day: then the next process would take it for right.
  const byMs = (clock.offsetMs > 6 * hourMs ? -1 : clock.offsetMs < -6 * hourMs ? 1 : random.pick([1, -1])) * most;
  clock.offsetMs += byMs;
  return byMs;
}

export const serverClock: Fault = {
  name: "server_clock",
  arm({ world, random, often, note }) {
    often(200_000, () => note("server", `its clock jumps by ${jump(world.serverClock, random)} ms`));
    return () => {};
  },
};

export const agentClock: Fault = {
  name: "agent_clock",
  arm({ random, often, site, note }) {
    often(100_000, () => {
      const { timeOfDay, machine } = site();
      note(machine.name, `its clock jumps by ${jump(timeOfDay, random)} ms`);
    });
    return () => {};
  },
};
