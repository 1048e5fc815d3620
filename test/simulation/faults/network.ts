/** Cables between hosts and server: cut, deaf in one direction, or slow (AG25, AG26). */
import type { Fault, FaultGround } from "./fault.ts";

function cut(ground: FaultGround, change: () => { readonly upBlocked: boolean; readonly downBlocked: boolean }): void {
  const { world, random, later, site, note } = ground;
  // Sometimes a whole zone.
  const chosen = random.chance(0.2) ? world.sites.filter(() => random.chance(0.6)) : [site()];
  for (const { cable, machine } of chosen) {
    const blocked = change();
    Object.assign(cable, blocked);
    note(machine.name, `cable: up ${blocked.upBlocked ? "blocked" : "open"}, down ${blocked.downBlocked ? "blocked" : "open"}`);
    later(random.pick([random.between(500, 10_000), random.between(10_000, 60_000), random.between(60_000, 400_000)]), () => {
      Object.assign(cable, { upBlocked: false, downBlocked: false });
      world.lookAtWires();
    });
  }
  world.lookAtWires();
}

function open({ world }: FaultGround): () => void {
  return () => {
    for (const { cable } of world.sites) Object.assign(cable, { upBlocked: false, downBlocked: false });
  };
}

export const cableCut: Fault = {
  name: "cable_cut",
  arm(ground) {
    ground.often(100_000, () => cut(ground, () => ({ upBlocked: true, downBlocked: true })));
    return open(ground);
  },
};

export const oneWay: Fault = {
  name: "one_way",
  arm(ground) {
    ground.often(100_000, () => {
      const up = ground.random.chance(0.5);
      cut(ground, () => ({ upBlocked: up, downBlocked: !up }));
    });
    return open(ground);
  },
};

export const slowNet: Fault = {
  name: "slow_net",
  arm({ world, random }) {
    for (const { cable } of world.sites) cable.slowestMs = random.pick([30, 400, 3_000]);
    return () => {
      for (const { cable } of world.sites) cable.slowestMs = 30;
    };
  },
};

/** Something between server and agent says again what was said long ago. */
export const replayed: Fault = {
  name: "replayed",
  arm({ world, random, often, note }) {
    often(60_000, () => {
      const told = world.sites.filter((site) => site.agent?.life.alive === true && site.told.length > 1);
      if (told.length === 0) return;
      const site = random.pick(told);
      const old = random.pick(site.told);
      note(site.machine.name, `a picture of epoch ${old.epoch} is delivered again`);
      const refused = site.agent?.inside.obey(old) ?? null;
      if (refused === null) note(site.machine.name, "it is obeyed");
    });
    return () => {};
  },
};
