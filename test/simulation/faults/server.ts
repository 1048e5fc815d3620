/** The server: killed anywhere, without power, stopped for a while, told to end, with a full disk (SV1, SV2, SV4, SV10, SV12). */
import type { Life } from "../world/scheduler.ts";
import type { Fault, FaultGround } from "./fault.ts";

function comeBack({ world, random, later }: FaultGround): void {
  later(random.pick([random.between(200, 3_000), random.between(3_000, 90_000)]), () => world.startServer());
}

export const serverKill: Fault = {
  name: "server_kill",
  arm(ground) {
    ground.often(150_000, () => {
      ground.world.killServer({ powerCut: false });
      comeBack(ground);
    });
    return () => {};
  },
};

export const serverPower: Fault = {
  name: "server_power",
  arm(ground) {
    ground.often(200_000, () => {
      ground.world.killServer({ powerCut: true });
      ground.world.lookAtWires();
      comeBack(ground);
    });
    return () => {};
  },
};

export const serverTerm: Fault = {
  name: "server_term",
  arm(ground) {
    ground.often(200_000, () => {
      ground.world.stopServer();
      ground.later(8_000, () => ground.world.startServer());
    });
    return () => {};
  },
};

/** Every agent has taken it for dead by then, and the hub knows. */
const givenUpMs = 20_000;

/** SIGSTOP for a while: time passes, and the process sees nothing of it. */
export const serverStop: Fault = {
  name: "server_stop",
  arm({ world, random, often, later, note }) {
    let stoppedAt = 0;
    function goOn(life: Life): void {
      if (!life.stopped) return;
      note("server", "goes on");
      if (world.server?.life === life && world.scheduler.now() - stoppedAt > givenUpMs) world.server.hub.stoodStill();
      world.scheduler.goOn(life);
      world.lookAtWires();
    }
    often(200_000, () => {
      const life = world.server?.life;
      if (life === undefined || life.stopped) return;
      const ms = random.pick([random.between(1_000, 14_000), random.between(15_000, 300_000)]);
      note("server", `stopped for ${ms} ms`);
      life.stopped = true;
      stoppedAt = world.scheduler.now();
      world.lookAtWires();
      later(ms, () => goOn(life));
    });
    return () => {
      if (world.server !== null) goOn(world.server.life);
    };
  },
};

export const serverDisk: Fault = {
  name: "server_disk",
  arm({ world, random, often, later, note }) {
    const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
    const end = () => {
      if (world.disk.fault === full) world.disk.fault = null;
    };
    often(200_000, () => {
      if (world.disk.fault !== null) return;
      note("server", "its disk is full");
      world.disk.fault = full;
      later(random.between(1_000, 60_000), end);
    });
    return end;
  },
};

/** Killed at a named point of the code, inside or just after a transaction. */
export const failpoints: Fault = {
  name: "failpoints",
  arm(ground) {
    const { world, random, often } = ground;
    often(120_000, () => {
      let left = random.between(0, 12);
      world.dieAt = () => {
        left -= 1;
        if (left >= 0) return false;
        comeBack(ground);
        return true;
      };
    });
    return () => {
      world.dieAt = null;
    };
  },
};
