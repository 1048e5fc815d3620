/** The Docker engine: gone for a while, hanging, or answering badly (AG4, AG5, AG8, AG20). */
import type { Fault } from "./fault.ts";

export const engineDown: Fault = {
  name: "engine_down",
  arm({ world, random, often, later, site, note }) {
    often(120_000, () => {
      const { machine } = site();
      if (!machine.power.alive || !machine.engineUp) return;
      note(machine.name, "the engine is killed");
      machine.setEngine(false);
      later(random.between(500, 30_000), () => {
        if (machine.power.alive && !machine.engineUp) machine.setEngine(true);
      });
    });
    return () => {
      for (const { machine } of world.sites) if (machine.power.alive && !machine.engineUp) machine.setEngine(true);
    };
  },
};

export const engineHang: Fault = {
  name: "engine_hang",
  arm({ world, random, often, site, note }) {
    often(120_000, () => {
      const { machine } = site();
      const ms = random.between(1_000, 90_000);
      note(machine.name, `the engine hangs for ${ms} ms`);
      machine.engineHungUntil = world.scheduler.now() + ms;
    });
    return () => {
      for (const { machine } of world.sites) machine.engineHungUntil = 0;
    };
  },
};

export const engineTrouble: Fault = {
  name: "engine_trouble",
  arm({ world, random }) {
    const weather = world.engineWeather;
    const before = { ...weather };
    weather.fails = random.pick([0, 0.02, 0.1]);
    weather.losesAnswer = random.pick([0, 0.02, 0.1]);
    weather.slowestMs = random.pick([100, 1_000, 4_000]);
    return () => Object.assign(weather, before);
  },
};
