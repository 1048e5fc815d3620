/** Restart: new containers of what is live, on every host, with the batches, soaks and approvals of a deploy. */
import { refuse } from "../core/reasons.ts";
import { incapableAgents } from "./abilities.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import { createAsks } from "./asks.ts";
import type { Gantry, Opened, Refused } from "./gantry.ts";
import { nameOf, placeOf } from "./place.ts";
import { secretsToday } from "./secrets.ts";

export function createRestarts(parts: RequestParts): Pick<Gantry, "restart"> {
  const { store, config } = parts;
  const asks = createAsks(parts);

  async function restart(facts: Parameters<Gantry["restart"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return refused(place);
    const gate = await asks.early({ place, actor: facts.actor, wait: false, what: "restart" });
    if (gate !== null) return refused(gate);
    const live = store.rollouts.live(facts.service, facts.environment);
    const release = live === null ? null : store.releases.find(facts.service, live.state.release);
    if (release === null) {
      const next = `Deploy something first: \`/deploy ${nameOf(place)} <commit>\`.`;
      return refused(refuse("nothing_live", `Nothing is live in ${nameOf(place)}.`, next));
    }
    const misfit = incapableAgents(parts, { place, release });
    if (misfit !== null) return refused(misfit);
    const secrets = await secretsToday(parts, { place, spec: release.spec });
    if (isRefusal(secrets)) return refused(secrets);
    return asks.ask({ ...facts, ...secrets, place, kind: "restart", release, ref: null, allowBad: false, wait: false });
  }

  return { restart };
}
