/** REQ: the second service begins on a host only where what it requires was seen to serve well; going back asks nothing of that. */
import type { RolloutState } from "../../../src/core/rollout-state.ts";
import { standsOnApi } from "../world/configuration.ts";
import type { Ground } from "./ground.ts";

const required = { service: "api", environment: "prod" };

export type Requires = {
  /** The hosts are given the rollout's release with this commit, by itself or because it is live. */
  judge(state: RolloutState, hosts: readonly string[]): void;
  /** The rollout stands like this. */
  look(state: RolloutState): void;
};

export function watchRequires({ world, fail, reached }: Ground): Requires {
  const { store } = world.disk;

  function serves(host: string): boolean {
    const observed = store.slots.get(host, required)?.observed;
    const isSeen = observed?.unseen !== true && world.server?.hub.isConnected(host) === true;
    return isSeen && observed?.live?.health === "ok";
  }

  return {
    judge({ number, service, kind, phase }, hosts) {
      if (service !== "web" || !standsOnApi(world.running.policy) || kind === "rollback" || phase === "restoring") return;
      for (const host of hosts) {
        reached("began where it requires another");
        if (!serves(host)) fail("REQ", `#${number} begins on ${host}, where api prod does not serve`);
      }
    },
    look({ reason }) {
      if (reason === "awaiting_service") reached("waits for a service");
    },
  };
}
