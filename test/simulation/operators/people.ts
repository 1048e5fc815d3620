/** The people of a world: they ask, approve, press what they see (also long after), change their minds, and contradict each other. */
import { commands } from "../../../commands/index.ts";
import type { Actor, Delivery } from "../../../src/app/ports.ts";
import { type Button, buttonsOf, type Posted } from "../world/chat.ts";
import { people, policies } from "../world/configuration.ts";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";

export type PersonName = keyof typeof people;

export type Habits = {
  /** Between two things that somebody does. */
  readonly paceMs: number;
  /** Verbs that nobody of this world uses. */
  readonly without: ReadonlySet<string>;
  /** How often a card is approved by somebody who sees it. */
  readonly approves: number;
};

type Doing = { readonly verb: string; readonly weight: number; do(random: Random): void };

const requesters = ["ana", "ana", "bo"] as const;
const captains = ["bo", "cy", "ana"] as const;
const everybody = ["ana", "bo", "cy", "eva", "mal"] as const;

export function putPeopleInto(world: World, habits: Habits, until: number): { onCard(posted: Posted): void } {
  const { scheduler, slack } = world;
  const random = world.random.split("people");
  const approved = new Set<string>();
  const remembered: Button[] = [];
  const known = new Set(commands.map((c) => c.name));

  function actor(name: PersonName): Actor {
    return { kind: "slack", id: people[name], name };
  }

  function doing(name: PersonName, act: Delivery["act"]): void {
    const channel = random.chance(0.9) ? "C0DEPLOYS" : null;
    const sent = slack.send({ actor: actor(name), channel, threadTs: null, act }, (message) => {
      for (const button of buttonsOf(message)) {
        remembered.push(button);
        if (random.chance(0.7)) scheduler.after(random.between(800, 20_000), null, () => press(name, button));
      }
    });
    const what = act.kind === "command" ? act.text : act.kind === "press" ? `[${act.action} ${act.value}]` : act.kind;
    world.trace.note(name, `${what} (act ${sent.id})`);
  }

  function types(name: PersonName, text: string): void {
    doing(name, { kind: "command", text });
  }

  function press(name: PersonName, button: Button): void {
    doing(name, { kind: "press", action: button.action, value: button.value, place: { channel: "C0DEPLOYS", ts: "t1" } });
    // A double click.
    if (random.chance(0.1))
      doing(name, { kind: "press", action: button.action, value: button.value, place: { channel: "C0DEPLOYS", ts: "t1" } });
  }

  function place(): { service: string; environment: string } {
    if (world.variant.web && random.chance(0.3)) return { service: "web", environment: "prod" };
    return { service: "api", environment: random.chance(0.75) ? "prod" : "staging" };
  }

  function commit(service: string): string {
    const builds = world.registry.builds.filter((b) => b.service === service);
    if (builds.length === 0 || random.chance(0.4)) return world.registry.push(service).commit.slice(0, 10);
    // Mostly the newest ones, sometimes one of long ago.
    const from = random.chance(0.7) ? Math.max(0, builds.length - 3) : 0;
    return (builds[random.between(from, builds.length - 1)] ?? world.registry.push(service)).commit.slice(0, 10);
  }

  function rollout(): number {
    return Math.max(1, world.disk.store.rollouts.nextNumber() - 1 - (random.chance(0.85) ? 0 : random.between(1, 3)));
  }

  /** Mostly one that stands still and waits for somebody. */
  function standing(): number {
    const all = world.disk.store.rollouts.list({ service: null, environment: null, limit: 12 });
    const paused = all.filter(({ state }) => state.endedAt === null && state.pauses.length > 0);
    return paused.length > 0 && random.chance(0.8) ? random.pick(paused).number : rollout();
  }

  /** The commit that is being rolled out at this moment. */
  function underWay(): { readonly place: string; readonly commit: string } | null {
    const active = world.disk.store.rollouts.allActive().filter(({ state }) => state.kind === "deploy");
    if (active.length === 0) return null;
    const { state, plan } = random.pick(active);
    return { place: `${state.service} ${state.environment}`, commit: plan.commit };
  }

  function host(): string {
    return random.pick(world.sites).host;
  }

  const about = (verb: string, who: readonly PersonName[], weight: number, more = "", which = rollout): Doing => ({
    verb,
    weight,
    do: () => types(random.pick(who), `${verb} ${which()}${more}`),
  });
  const at = (verb: string, who: readonly PersonName[], weight: number, more = ""): Doing => ({
    verb,
    weight,
    do() {
      const { service, environment } = place();
      types(random.pick(who), `${verb} ${service} ${environment}${more}`);
    },
  });

  const doings: readonly Doing[] = [
    {
      verb: "deploy",
      weight: 12,
      do() {
        const { service, environment } = place();
        const wait = known.has("resume") && random.chance(0.4) ? " --wait" : "";
        const bad = random.chance(0.05) ? " --allow-bad --reason it must" : "";
        types(random.pick(requesters), `deploy ${service} ${environment} ${commit(service)}${wait}${bad}`);
      },
    },
    {
      verb: "deploy",
      weight: 1.5,
      do() {
        const same = underWay();
        if (same !== null) types(random.pick(requesters), `deploy ${same.place} ${same.commit} --wait`);
      },
    },
    { verb: "promote", weight: 2, do: () => types(random.pick(requesters), "promote api prod") },
    at("rollback", ["eva", "bo", "mal"], 2, " --now"),
    at("rollback", ["eva", "bo"], 1),
    {
      verb: "rollback",
      weight: 0.7,
      do() {
        const { service, environment } = place();
        types(random.pick(["eva", "bo"]), `rollback ${service} ${environment} to r${random.between(1, 6)} --now`);
      },
    },
    at("restart", requesters, 1),
    at("lock", ["ana", "eva"], 0.5, " maintenance --for 2m"),
    at("unlock", ["ana", "eva"], 0.5),
    about("approve", everybody, 3),
    about("reject", captains, 0.5, " not now"),
    about("cancel", ["ana", "bo", "eva", "mal"], 1),
    about("pause", ["ana", "eva", "bo"], 1.5),
    about("resume", ["ana", "eva", "bo"], 3, "", standing),
    about("abort", ["ana", "eva"], 0.7),
    about("retry", ["ana", "eva"], 2, "", standing),
    about("continue", ["ana", "eva"], 1, " it is fine", standing),
    about("skip-soak", ["ana", "eva"], 0.7),
    { verb: "cordon", weight: 0.5, do: () => types(random.pick(["eva", "bo"]), `cordon ${host()} ram is broken`) },
    { verb: "drain", weight: 0.3, do: () => types(random.pick(["eva", "bo"]), `drain ${host()}`) },
    { verb: "uncordon", weight: 1, do: () => types(random.pick(["eva", "bo"]), `uncordon ${host()}`) },
    { verb: "status", weight: 0.5, do: () => types(random.pick(everybody), random.pick(["status", "history", "hosts", "help"])) },
    { verb: "why", weight: 0.5, do: () => types(random.pick(everybody), `why #${rollout()}`) },
    {
      verb: "button",
      weight: 3,
      do() {
        const fresh = world.chat.posted.slice(-2).flatMap((p) => buttonsOf(p.message));
        const all = random.chance(0.5) ? fresh : remembered;
        if (all.length > 0) press(random.pick(everybody), random.pick(all));
      },
    },
    {
      verb: "forge",
      weight: 0.6,
      do() {
        // A button altered on its way: another plan's hash under this rollout's number.
        const hashes = remembered.map((b) => /"planHash":"([^"]*)"/.exec(b.value)?.[1]).filter((h) => h !== undefined);
        const planHash = hashes.length === 0 ? "0000" : random.pick(hashes);
        const value = JSON.stringify({ rollout: rollout(), planHash });
        press(random.pick(captains), { verb: "approve", action: "verb:approve", value });
      },
    },
    {
      verb: "edit",
      weight: 0.4,
      do() {
        const { edition, web } = world.variant;
        const policy = random.chance(0.5) ? world.variant.policy : random.between(0, policies - 1);
        world.variant = { web, policy, edition: random.chance(0.7) ? (edition + 1) % 4 : edition };
        world.trace.note(
          "git",
          `service files edited: policy ${policy}, edition ${world.variant.edition}; the server is restarted`,
        );
        world.stopServer();
        scheduler.after(random.between(2_000, 9_000), null, () => world.startServer());
      },
    },
  ];

  const possible = doings.filter(
    ({ verb }) => !habits.without.has(verb) && (["button", "forge", "edit"].includes(verb) || known.has(verb)),
  );
  const total = possible.reduce((sum, { weight }) => sum + weight, 0);

  function something(): void {
    let left = random.next() * total;
    for (const each of possible) {
      left -= each.weight;
      if (left > 0) continue;
      each.do(random);
      break;
    }
    again();
  }

  function again(): void {
    const next = scheduler.now() + random.wait(habits.paceMs);
    if (next < until) scheduler.at(next, null, something);
  }

  /** Captains look at the channel and approve what waits, mostly. */
  function onCard({ key, message }: Posted): void {
    for (const button of buttonsOf(message)) {
      if (remembered.length < 400 && !remembered.some((b) => b.value === button.value && b.verb === button.verb))
        remembered.push(button);
      if (button.verb !== "approve" || scheduler.now() >= until) continue;
      for (const name of ["bo", "cy"] as const) {
        if (approved.has(`${key} ${name} ${button.value}`)) continue;
        approved.add(`${key} ${name} ${button.value}`);
        if (random.chance(habits.approves)) scheduler.after(random.between(2_000, 40_000), null, () => press(name, button));
      }
    }
  }

  scheduler.after(2_000, null, () => types("ana", `deploy api ${random.chance(0.5) ? "prod" : "staging"} ${commit("api")}`));
  again();
  return { onCard };
}
