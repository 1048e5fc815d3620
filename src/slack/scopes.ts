/**
 * What the adapter asks of Slack, and the scope that each thing needs. `manifest.yml` grants these and nothing else
 * (test/policy/manifest.test.ts holds the two against each other).
 */

/** Null: the method needs no scope of the bot token. */
export const methodScopes = {
  "auth.test": null,
  "chat.postMessage": "chat:write",
  "chat.postEphemeral": "chat:write",
  "chat.update": "chat:write",
  "usergroups.users.list": "usergroups:read",
  "users.info": "users:read",
  "views.open": null,
  "views.publish": null,
} as const satisfies Record<string, string | null>;

export type Method = keyof typeof methodScopes;

export const eventScopes = {
  app_home_opened: null,
  app_mention: "app_mentions:read",
} as const satisfies Record<string, string | null>;

/** `/gantry <verb>` is the verb alone; the others are verbs themselves. */
export const slashCommands = ["/deploy", "/promote", "/rollback", "/gantry"] as const;

/** Slack gives slash commands only to apps that have it. */
export const commandScope = "commands";

/** Each once, in order of the alphabet. */
export const botScopes: readonly string[] = [
  ...new Set([commandScope, ...Object.values(methodScopes), ...Object.values(eventScopes)].filter((scope) => scope !== null)),
].sort();
