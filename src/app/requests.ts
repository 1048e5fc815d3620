/** Requests for a rollout: deploy and promote. Gates in order; the first that refuses says why and what to do. */
import { type Refusal, refuse } from "../core/reasons.ts";
import { type Release, shortCommit } from "../core/release.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { incapableAgents } from "./abilities.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import { createAsks } from "./asks.ts";
import { findBuild } from "./builds.ts";
import type { Gantry, Opened, Refused } from "./gantry.ts";
import { busy } from "./gates.ts";
import { pinned } from "./pins.ts";
import { nameOf, type Place, placeOf } from "./place.ts";
import { goodBesides, specHashOf } from "./planner.ts";
import { wrongPlatform } from "./platforms.ts";
import { pinnedSecrets, secretsToday } from "./secrets.ts";

export function createRequests(parts: RequestParts): Pick<Gantry, "deploy" | "promote"> {
  const { store, config } = parts;
  const asks = createAsks(parts);
  const what = "deploy to";

  async function deploy(facts: Parameters<Gantry["deploy"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return refused(place);
    const gate = await asks.early({ ...facts, place, what });
    if (gate !== null) return refused(gate);
    const build = await findBuild(parts, { service: place.service, ref: facts.ref });
    if (isRefusal(build)) return refused(build);
    const made = await pinned(parts.registry, place.service);
    if (isRefusal(made)) return refused(made);
    const sealed = await pinnedSecrets(parts, { place, spec: made });
    if (isRefusal(sealed)) return refused(sealed);
    const { spec, ...secrets } = sealed;
    const misfit =
      incapableAgents(parts, { place, release: { spec } }) ??
      (await wrongPlatform(parts, { place, release: { ...build, spec } }));
    if (misfit !== null) return refused(misfit);
    const release = store.releases.intern({
      service: place.service.name,
      ...build,
      spec,
      specHash: specHashOf(spec),
      at: parts.clock.now(),
      by: facts.actor.id,
    });
    return asks.ask({ ...facts, ...secrets, place, kind: "deploy", release });
  }

  async function promote(facts: Parameters<Gantry["promote"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const place = placeOf(config, facts.service, facts.to);
    if (isRefusal(place)) return refused(place);
    const gate = await asks.early({ ...facts, place, what });
    if (gate !== null) return refused(gate);
    const source = sourceOf(place, facts.from);
    if (isRefusal(source)) return refused(source);
    const misfit = incapableAgents(parts, { place, release: source }) ?? (await wrongPlatform(parts, { place, release: source }));
    if (misfit !== null) return refused(misfit);
    const secrets = await secretsToday(parts, { place, spec: source.spec });
    if (isRefusal(secrets)) return refused(secrets);
    return asks.ask({ ...facts, ...secrets, place, kind: "promote", release: source, ref: null, allowBad: false });
  }

  /** What is live in the environment before, when it was judged good there: an older one is not what people see there. */
  function sourceOf(place: Place, from: string | null): Release | Refusal {
    const { service, environment } = place;
    const earlier = from ?? environment.after;
    if (earlier === null) {
      const usage = `\`/promote ${service.name} <from> ${environment.name}\``;
      return refuse("missing_word", `${nameOf(place)} comes after no other environment.`, `Name one: ${usage}.`);
    }
    const known = placeOf(config, service.name, earlier);
    if (isRefusal(known)) return known;
    const active = store.rollouts.active(service.name, earlier);
    if (active !== null) return busy(active.state, null);
    const key = { service: service.name, environment: earlier };
    const live = store.rollouts.live(service.name, earlier)?.state ?? null;
    const release = live === null ? null : store.releases.find(service.name, live.release);
    if (live === null || release === null) {
      return refuse("nothing_to_promote", `No release of ${service.name} has soaked in ${earlier}.`);
    }
    const verdict = store.verdicts.newest({ ...key, release: live.release });
    return verdict?.verdict === "good" ? release : notSoaked(place, live, earlier);
  }

  function notSoaked(place: Place, live: RolloutState, earlier: string): Refusal {
    const service = place.service.name;
    const without = live.hosts.filter((h) => h.status !== "healthy" && h.status !== "unchanged").map((h) => h.host);
    const where = without.length === 0 ? "" : ` on ${without.join(", ")}`;
    const text = `r${live.release} is live in ${earlier} (#${live.number}, ${live.phase}) and has not soaked${where} there.`;
    const good = goodBesides(store, { service, environment: earlier }, live.release);
    const older = good === null ? null : store.releases.find(service, good);
    if (older === null) return refuse("nothing_to_promote", text);
    const next = `r${older.number} was good there: \`/deploy ${nameOf(place)} ${shortCommit(older.commit)}\`.`;
    return refuse("nothing_to_promote", text, next);
  }

  return { deploy, promote };
}
