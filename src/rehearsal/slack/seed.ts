/** Who and what a workspace starts with. */
import { BOT_USER, SLACKBOT, type SlackState } from "./state.ts";
import type { Command } from "./types.ts";

export type CommandSeed =
  | string
  | { readonly command: string; readonly description?: string; readonly usageHint?: string; readonly shouldEscape?: boolean };

export type WorkspaceSeed = {
  readonly users?: readonly { readonly id: string; readonly name: string; readonly realName: string }[];
  /** `members`: user names or ids. Default: everybody, the app included. */
  readonly channels?: readonly { readonly id: string; readonly name: string; readonly members?: readonly string[] }[];
  readonly groups?: readonly { readonly id: string; readonly handle: string; readonly users: readonly string[] }[];
  readonly commands?: readonly CommandSeed[];
};

const USERS = [
  { id: "U0ANA", name: "ana", realName: "Ana Silva" },
  { id: "U0BO", name: "bo", realName: "Bo Lindqvist" },
  { id: "U0EVA", name: "eva", realName: "Eva Novak" },
  { id: "U0ZED", name: "zed", realName: "Zed Okafor" },
];

const COMMANDS: readonly CommandSeed[] = [
  { command: "/deploy", description: "Deploy a service", usageHint: "<service> <environment> <ref>" },
  { command: "/promote", description: "Promote what soaked to the next environment", usageHint: "<service> <environment>" },
  { command: "/rollback", description: "Go back to the last good release", usageHint: "<service> <environment>" },
  { command: "/gantry", description: "Status, history, hosts, help …", usageHint: "<verb>" },
];

export const ALL_SCOPES: readonly string[] = [
  "app_mentions:read",
  "channels:history",
  "channels:read",
  "chat:write",
  "commands",
  "im:history",
  "im:read",
  "im:write",
  "links:write",
  "reactions:write",
  "usergroups:read",
  "users:read",
  "users:read.email",
];

export function fillWorkspace(state: SlackState, seed: WorkspaceSeed): void {
  state.users.set(SLACKBOT, { id: SLACKBOT, name: "slackbot", realName: "Slackbot", isBot: true });
  state.users.set(BOT_USER, { id: BOT_USER, name: "gantry", realName: "Gantry", isBot: true });
  for (const user of seed.users ?? USERS) state.users.set(user.id, { ...user, isBot: false });
  const people = [...state.users.values()].filter((user) => !user.isBot).map((user) => user.id);
  const channels = seed.channels ?? [
    { id: "C0DEPLOYS", name: "deploys" },
    { id: "C0RANDOM", name: "random", members: people },
  ];
  for (const { id, name, members } of channels) {
    const ids = (members ?? [...people, BOT_USER]).map((member) => state.user(member)?.id ?? member);
    state.channels.set(id, { id, name, kind: "public", members: new Set(ids), archived: false });
  }
  const groups = seed.groups ?? (seed.users === undefined ? [{ id: "S0DEV", handle: "dev", users: ["U0ANA"] }] : []);
  for (const group of groups) state.groups.set(group.id, group);
  for (const command of seed.commands ?? COMMANDS) addCommand(state, command);
}

function addCommand(state: SlackState, seed: CommandSeed): void {
  const written = typeof seed === "string" ? { command: seed } : seed;
  const command: Command = { description: "", usageHint: "", shouldEscape: true, ...written };
  state.commands.set(command.command, command);
}
