/** Who may do what. Roles come from gantry.yml; Slack user groups are asked for at the moment of the act. */
import type { GantryConfig, Role } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Actor, Chat, Clock, Log } from "./ports.ts";

export type People = {
  /** Null when the actor holds one of the roles now; otherwise why they may not do it. `what`: "deploy to api prod". */
  refusal(facts: { readonly actor: Actor; readonly roles: readonly string[]; readonly what: string }): Promise<Refusal | null>;
  /**
   * How many hold one of the roles, are not `isOut`, and are known to be different people: a name in Slack and one at a terminal
   * may be one person, so it is the more of the two. Null when there is no telling (everyone, or Slack does not say).
   */
  count(roles: readonly string[], isOut: (person: Pick<Actor, "kind" | "id">) => boolean): Promise<number | null>;
  /** Looks every group up, so that something is known of it when Slack fails. Never rejects. */
  refresh(): Promise<void>;
};

/** While Slack does not say who is in a group, what it said within a day still counts: on-call keeps the way back. */
const rememberMs = 24 * 3_600_000;

export function createPeople(facts: { config: GantryConfig; chat: Chat; clock: Clock; log: Log }): People {
  const { config, chat, clock, log } = facts;
  const lastKnown = new Map<string, { readonly members: readonly string[]; readonly at: number }>();

  function rolesNamed(names: readonly string[]): Role[] {
    return names.flatMap((name) => config.people[name] ?? []);
  }

  /** Null: nobody can tell. */
  async function membersOf(group: string): Promise<readonly string[] | null> {
    try {
      const members = await chat.groupMembers(group, { fresh: true });
      lastKnown.set(group, { members, at: clock.now() });
      return members;
    } catch (error) {
      const known = lastKnown.get(group);
      const usable = known !== undefined && clock.now() - known.at < rememberMs;
      log.warn({ group, usable, err: error }, "a user group could not be looked up; what was known of it within a day counts");
      return usable ? known.members : null;
    }
  }

  async function standing(actor: Actor, names: readonly string[]): Promise<"holds" | "lacks" | "unknown"> {
    const roles = rolesNamed(names);
    if (actor.kind === "system") return "lacks";
    if (actor.kind === "local") return roles.some((role) => role.local.includes(actor.id)) ? "holds" : "lacks";
    if (roles.some((role) => role.everyone || role.users.includes(actor.id))) return "holds";
    const groups = await Promise.all([...new Set(roles.flatMap((role) => role.groups))].map(membersOf));
    if (groups.some((members) => members?.includes(actor.id))) return "holds";
    return groups.includes(null) ? "unknown" : "lacks";
  }

  return {
    async refresh() {
      const groups = new Set(Object.values(config.people).flatMap((role) => role.groups));
      for (const group of groups) await membersOf(group);
    },

    async refusal({ actor, roles, what }) {
      const names = roles.join(" or ");
      switch (await standing(actor, roles)) {
        case "holds":
          return null;
        case "lacks":
          return refuse("not_allowed", `Only ${names} may ${what}; you are not one of them.`, `Ask someone of ${names}.`);
        case "unknown":
          return refuse(
            "chat_unreachable",
            `Only ${names} may ${what}, and Slack does not say now who that is.`,
            "Try again in a moment, or type the same to the CLI on the server: `gantry …`; it needs no Slack.",
          );
      }
    },

    async count(names, isOut) {
      const roles = rolesNamed(names);
      if (roles.some((role) => role.everyone)) return null;
      const groups = await Promise.all([...new Set(roles.flatMap((role) => role.groups))].map(membersOf));
      if (groups.includes(null)) return null;
      const slack = new Set([...roles.flatMap((role) => role.users), ...groups.flatMap((members) => members ?? [])]);
      const local = new Set(roles.flatMap((role) => role.local));
      return Math.max(
        [...slack].filter((id) => !isOut({ kind: "slack", id })).length,
        [...local].filter((id) => !isOut({ kind: "local", id })).length,
      );
    },
  };
}
