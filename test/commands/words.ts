/** The closed sets of these tests, and the real verbs by name. */
import assert from "node:assert/strict";
import type { Command } from "../../commands/command.ts";
import { commands } from "../../commands/index.ts";
import type { Vocabulary } from "../../src/core/words.ts";

export const vocabulary: Vocabulary = {
  services: [
    { name: "api", environments: ["staging", "prod"] },
    { name: "web", environments: ["prod"] },
    // A service may bear the name of an environment; the grammar must keep them apart.
    { name: "staging", environments: ["prod"] },
  ],
};

export function find(name: string): Command {
  const command = commands.find((c) => c.name === name);
  assert.ok(command !== undefined, name);
  return command;
}
