/** Who may do what. Roles come from gantry.yml; Slack user groups are asked for at the moment of the act. */
import type { GantryConfig, Role } from "../config/valid.ts";
import type { Actor, Chat, Log } from "./ports.ts";

export type People = {
  /** True when the actor holds one of the roles. A group that cannot be looked up counts as not holding it. */
  holds(actor: Actor, roles: readonly string[], options?: { fresh?: boolean }): Promise<boolean>;
  /** True when nobody but `except` (null: nobody at all) could hold one of the roles; false when that cannot be told. */
  isEmpty(roles: readonly string[], except: Actor | null): Promise<boolean>;
};

export function createPeople(facts: { config: GantryConfig; chat: Chat; log: Log }): People {
  const { config, chat, log } = facts;

  function rolesNamed(names: readonly string[]): Role[] {
    return names.flatMap((name) => config.people[name] ?? []);
  }

  async function inGroup(actor: Actor, group: string, fresh: boolean): Promise<boolean> {
    try {
      return (await chat.groupMembers(group, { fresh })).includes(actor.id);
    } catch (error) {
      log.warn({ group, err: error }, "a user group could not be looked up; nobody is taken to be in it");
      return false;
    }
  }

  async function holdsRole(actor: Actor, role: Role, fresh: boolean): Promise<boolean> {
    if (actor.kind === "local") return role.local.includes(actor.id);
    if (role.everyone || role.users.includes(actor.id)) return true;
    for (const group of role.groups) if (await inGroup(actor, group, fresh)) return true;
    return false;
  }

  return {
    async holds(actor, roles, options) {
      if (actor.kind === "system") return false;
      for (const role of rolesNamed(roles)) if (await holdsRole(actor, role, options?.fresh ?? false)) return true;
      return false;
    },

    async isEmpty(roles, except) {
      const others = new Set<string>();
      for (const role of rolesNamed(roles)) {
        if (role.everyone) return false;
        for (const user of role.users) others.add(`slack ${user}`);
        for (const user of role.local) others.add(`local ${user}`);
        for (const group of role.groups) {
          try {
            for (const user of await chat.groupMembers(group)) others.add(`slack ${user}`);
          } catch {
            return false;
          }
        }
      }
      if (except !== null) others.delete(`${except.kind} ${except.id}`);
      return others.size === 0;
    },
  };
}
