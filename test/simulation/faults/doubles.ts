/** The same identity twice: a second agent process beside the first, and a machine restored from another's image (AG22, AG23). */
import type { Site } from "../world/world.ts";
import type { Fault } from "./fault.ts";

/** A copy of the state directory, and an agent on it, on the very same engine. */
export const duplicateAgent: Fault = {
  name: "duplicate_agent",
  arm({ world, random, often, later, site, note }) {
    const doubles = new Set<Site>();
    function end(double: Site): void {
      world.killAgent(double);
      double.gone = true;
      doubles.delete(double);
    }
    often(240_000, () => {
      const original = site();
      if (!original.machine.power.alive || original.machine.name.endsWith("-clone")) return;
      // In the middle of a swap it would take the swap for interrupted and undo it, as after a crash: nothing but the lock of
      // the state directory, which a copy evades, tells it that another agent is at work.
      if (original.agent?.inside.observed().slots.some((slot) => slot.outcome === null) !== false) return;
      note(original.machine.name, "a second agent is started on a copied state directory");
      const double = world.double(original);
      doubles.add(double);
      later(random.between(10_000, 200_000), () => end(double));
    });
    return () => {
      for (const double of [...doubles]) end(double);
    };
  },
};

export const clone: Fault = {
  name: "clone",
  arm({ world, random, often, later, site, note }) {
    const clones = new Set<Site>();
    function end(twin: Site): void {
      world.powerOff(twin);
      world.lookAtWires();
      twin.gone = true;
      clones.delete(twin);
    }
    often(300_000, () => {
      const original = site();
      if (original.machine.name.endsWith("-clone") || clones.size > 0) return;
      note(original.machine.name, "a clone of the machine is started");
      const twin = world.clone(original);
      clones.add(twin);
      later(random.between(20_000, 300_000), () => end(twin));
    });
    return () => {
      for (const twin of [...clones]) end(twin);
    };
  },
};
