/** All classes of faults. A world has a random few of them, each at its own rate. */
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { agentKill } from "./agent-kill.ts";
import { backupRestored } from "./backup.ts";
import { chatOutage, chatTrouble } from "./chat.ts";
import { agentClock, serverClock } from "./clocks.ts";
import { clone, duplicateAgent } from "./doubles.ts";
import { engineDown, engineHang, engineTrouble } from "./engine.ts";
import type { Fault, FaultGround } from "./fault.ts";
import { historyAtFault } from "./history.ts";
import { agentDisk, hostDisk, lostState } from "./host-disk.ts";
import { cableCut, oneWay, replayed, slowNet } from "./network.ts";
import { crashes, foreign, outsider, stranger } from "./outsiders.ts";
import { reboot } from "./reboot.ts";
import { registryOutage } from "./registry.ts";
import { joining, revoked } from "./roster.ts";
import { failpoints, serverDisk, serverKill, serverPower, serverStop, serverTerm } from "./server.ts";
import { slackTrouble } from "./slack.ts";

const all: readonly Fault[] = [
  agentKill,
  reboot,
  engineDown,
  engineHang,
  engineTrouble,
  registryOutage,
  cableCut,
  oneWay,
  slowNet,
  serverKill,
  serverPower,
  serverStop,
  serverTerm,
  serverDisk,
  failpoints,
  chatOutage,
  chatTrouble,
  slackTrouble,
  serverClock,
  agentClock,
  duplicateAgent,
  clone,
  outsider,
  crashes,
  stranger,
  joining,
  revoked,
  agentDisk,
  hostDisk,
  lostState,
  replayed,
  backupRestored,
  foreign,
  historyAtFault,
];

export const faultNames: readonly string[] = all.map((f) => f.name);

export function createFaults(
  world: World,
  facts: { readonly random: Random; readonly until: number; readonly without: ReadonlySet<string> },
): { readonly names: readonly string[]; heal(): void } {
  const { scheduler } = world;
  const { until } = facts;
  const draw = facts.random.split("which");
  // A few worlds are calm: what goes wrong there goes wrong by itself.
  const share = draw.pick([0, 0.1, 0.2, 0.35]);
  const chosen = all.filter(() => draw.chance(share)).filter((fault) => !facts.without.has(fault.name));

  function groundOf(fault: Fault): FaultGround {
    const random = facts.random.split(fault.name);
    const rarely = random.pick([0.5, 1, 2]);
    const often = (meanMs: number, work: () => void) => {
      const again = () => {
        const next = scheduler.now() + random.wait(meanMs * rarely);
        if (next >= until) return;
        scheduler.at(next, null, () => {
          if (world.sites.some((site) => !site.gone && !site.isDouble)) work();
          again();
        });
      };
      again();
    };
    return {
      world,
      random,
      often,
      later: (ms, work) => void scheduler.after(ms, null, work),
      site: () => random.pick(world.sites.filter((s) => !s.gone && !s.isDouble)),
      note: (who, what) => world.trace.note(who, `fault: ${what}`),
    };
  }

  const mend = chosen.map((fault) => fault.arm(groundOf(fault)));
  return {
    names: chosen.map((f) => f.name),
    heal() {
      for (const one of mend) one();
      // One that was told to stop takes its time.
      for (let i = 0; i < 60; i += 1) scheduler.after(i * 5_000, null, () => world.startServer());
      for (const site of world.sites) {
        if (site.gone) continue;
        world.powerOn(site);
        world.startAgent(site);
      }
      world.lookAtWires();
    },
  };
}
