/** People and programs beside Gantry: containers stopped, removed or killed by hand, processes that die, strangers on ports (AG16, AG21). */
import type { Box, Machine } from "../world/machine.ts";
import type { Random } from "../world/random.ts";
import type { Fault } from "./fault.ts";

function someBox(machine: Machine, random: Random): Box | null {
  const boxes = [...machine.boxes.values()].filter((box) => box.run !== null);
  return boxes.length === 0 ? null : random.pick(boxes);
}

export const outsider: Fault = {
  name: "outsider",
  arm({ random, often, site, note }) {
    often(150_000, () => {
      const { machine } = site();
      const box = someBox(machine, random);
      if (box === null || !machine.power.alive) return;
      const how = random.pick(["stop", "rm", "kill"] as const);
      note(machine.name, `somebody does ${how === "kill" ? "kill -9" : `docker ${how}`} of ${box.state.name}`);
      if (how === "rm") machine.remove(box, "outsider");
      else {
        // The engine remembers a stop; a kill of the process it takes for a crash, unless a stop is under way.
        box.stoppedByHand ||= how === "stop";
        machine.end(box, 137, "outsider");
      }
    });
    return () => {};
  },
};

export const crashes: Fault = {
  name: "crashes",
  arm({ random, often, site, note }) {
    often(90_000, () => {
      const { machine } = site();
      const box = someBox(machine, random);
      if (box === null || !machine.power.alive) return;
      note(machine.name, `the process of ${box.state.name} dies`);
      machine.end(box, 139, "itself");
    });
    return () => {};
  },
};

export const stranger: Fault = {
  name: "stranger",
  arm({ world, random, often, later, site, note }) {
    often(200_000, () => {
      const { machine } = site();
      if (machine.holder(8080) !== null) return;
      note(machine.name, "nginx takes port 8080");
      machine.stranger = 8080;
      later(random.between(2_000, 100_000), () => {
        machine.stranger = null;
      });
    });
    return () => {
      for (const { machine } of world.sites) machine.stranger = null;
    };
  },
};

/** A container of the same service that another host's agent made here: no business of this one's. */
export const foreign: Fault = {
  name: "foreign",
  arm({ random, often, note, site }) {
    often(120_000, () => {
      const { machine, host } = site();
      const box = [...machine.boxes.values()].find((b) => b.state.labels["gantry.role"] === "live");
      if (box === undefined || !machine.power.alive || machine.name !== host) return;
      const labels = { ...box.state.labels, "gantry.host": "somebody-else", "gantry.generation": String(random.between(1, 40)) };
      const name = `foreign-${random.between(1, 1_000_000)}`;
      note(machine.name, `a container of another host appears: ${name}`);
      const state = {
        ...box.state,
        labels,
        name,
        id: name,
        status: "created" as const,
        pid: null,
        startedAt: null,
        restartPolicy: "no",
      };
      machine.insert({ state, imageRef: box.imageRef, port: 1, by: "outsider" });
    });
    return () => {};
  },
};
