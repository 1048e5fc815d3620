import { hostsMessage } from "../src/messages/hosts.ts";
import type { Command } from "./command.ts";
import { privately } from "./replies.ts";

const grammar = { words: [], flags: [] } as const;

export const hosts: Command<typeof grammar> = {
  name: "hosts",
  summary: "The machines: connected or not, what runs on them, what is wrong.",
  grammar,
  examples: ["hosts"],
  permission: "everyone",
  changesState: false,

  async run({ gantry }) {
    return privately(hostsMessage({ hosts: gantry.hosts(), now: gantry.now() }));
  },
};
