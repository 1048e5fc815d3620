/** The registry, its mirror, or both do not answer (AG9, AG10). */
import type { Fault } from "./fault.ts";

export const registryOutage: Fault = {
  name: "registry_outage",
  arm({ world, random, often, later, note }) {
    const { weather } = world.registry;
    often(120_000, () => {
      weather.down = random.chance(0.8);
      weather.mirrorDown = random.chance(0.5);
      note("registry", `down: ${weather.down}, mirror down: ${weather.mirrorDown}`);
      later(random.between(5_000, 120_000), () => Object.assign(weather, { down: false, mirrorDown: false }));
    });
    return () => Object.assign(weather, { down: false, mirrorDown: false });
  },
};
