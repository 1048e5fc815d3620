/** Disks of hosts: full, slow, or with the agent's state directory gone (AG7, AG29, AG30). */
import { newStateDir } from "../world/agent.ts";
import type { Fault } from "./fault.ts";

export const hostDisk: Fault = {
  name: "host_disk",
  arm({ world, random, often, later, site, note }) {
    often(150_000, () => {
      const { machine } = site();
      note(machine.name, "its disk is full");
      machine.diskFull = true;
      later(random.between(3_000, 120_000), () => {
        machine.diskFull = false;
      });
    });
    return () => {
      for (const { machine } of world.sites) machine.diskFull = false;
    };
  },
};

export const agentDisk: Fault = {
  name: "agent_disk",
  arm({ world, random }) {
    world.fileWeather.slowestMs = random.pick([100, 2_000]);
    return () => {
      world.fileWeather.slowestMs = 8;
    };
  },
};

/** What Docker's labels say must be enough. */
export const lostState: Fault = {
  name: "lost_state",
  arm({ world, random, often, later, site, note }) {
    often(240_000, () => {
      const victim = site();
      world.killAgent(victim);
      note(victim.machine.name, "loses its orders and its journal");
      world.forgetful.add(victim.host);
      victim.dir = { ...newStateDir(), serverId: victim.dir.serverId };
      later(random.between(500, 20_000), () => world.startAgent(victim));
    });
    return () => {};
  },
};
