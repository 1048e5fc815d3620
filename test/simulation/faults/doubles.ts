/** The same identity twice: a second agent process beside the first, and a machine restored from another's image (AG22, AG23). */
import type { ObservedSlot } from "../../../src/core/slot.ts";
import { copyStateDir, newStateDir, type StateDir } from "../world/agent.ts";
import type { Site } from "../world/world.ts";
import type { Fault } from "./fault.ts";

/** How often it is looked whether a swap is under way, and how many times. */
const lookEveryMs = 600;
const looks = 100;

function slotsOf({ agent }: Site): readonly ObservedSlot[] {
  return agent?.life.alive === true ? agent.inside.observed().slots : [];
}

const midSwap: readonly ObservedSlot["step"][] = ["stopping_old", "starting", "checking", "promoting"];

/** A copy of the state directory, and an agent on it, on the very same engine. */
export const duplicateAgent: Fault = {
  name: "duplicate_agent",
  arm({ world, random, often, later, site, note }) {
    const doubles = new Set<Site>();
    let healed = false;
    function begin(original: Site, facts: { readonly isApart: boolean; readonly dir: StateDir }): void {
      const { isApart } = facts;
      note(original.machine.name, `a second agent is started on a copied state directory${isApart ? ", apart" : ""}`);
      const double = world.double(original, facts);
      doubles.add(double);
      later(random.between(10_000, 200_000), () => end(double));
    }
    function end(double: Site): void {
      world.killAgent(double);
      double.gone = true;
      doubles.delete(double);
    }
    const isFit = ({ machine, gone, isDouble }: Site) =>
      machine.power.alive && !gone && !isDouble && !machine.name.endsWith("-clone");
    /** The worst moment, and a copy from before: it would take the swap for interrupted by a crash, and undo it. */
    function beginInSwap(copies: ReadonlyMap<Site, StateDir>, left: number): void {
      if (healed) return;
      const fit = [...copies].filter(([each]) => isFit(each) && slotsOf(each).some(({ step }) => midSwap.includes(step)));
      if (fit.length > 0) {
        const [original, dir] = random.pick(fit);
        // Whoever brings the key alone to a new directory knows of no order.
        begin(original, { isApart: false, dir: random.chance(0.5) ? dir : { ...newStateDir(), serverId: dir.serverId } });
      } else if (left > 0) later(lookEveryMs, () => beginInSwap(copies, left - 1));
    }
    often(240_000, () => {
      if (random.chance(0.6)) {
        beginInSwap(new Map(world.sites.filter(isFit).map((each) => [each, copyStateDir(each.dir)])), looks);
        return;
      }
      // Apart from the first, nothing would tell it that another agent is at work.
      const original = site();
      const slots = slotsOf(original);
      const isAtRest = slots.length > 0 && slots.every(({ outcome }) => outcome !== null);
      if (isFit(original) && isAtRest) begin(original, { isApart: true, dir: copyStateDir(original.dir) });
    });
    return () => {
      healed = true;
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
