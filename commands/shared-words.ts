/** Words that several verbs share, declared once. */
import type { GantryConfig } from "../src/config/valid.ts";
import type { Vocabulary } from "../src/core/words.ts";

export const serviceWord = { kind: "service", name: "service", need: "always", summary: "the service" } as const;

export const environmentWord = {
  kind: "environment",
  name: "environment",
  need: "always",
  summary: "the environment",
  after: ["to", "on", "in"],
} as const;

export const someService = { kind: "service", name: "service", need: "optional", summary: "only this service" } as const;

export const someEnvironment = {
  kind: "environment",
  name: "environment",
  need: "optional",
  summary: "only this environment",
  after: ["on", "in"],
} as const;

export const rolloutWord = {
  kind: "rollout",
  name: "rollout",
  need: "always",
  summary: "the number of the rollout, such as 142",
} as const;

export const waitFlag = {
  kind: "switch",
  name: "wait",
  summary: "wait in line when the environment is busy or locked, instead of a refusal",
} as const;

export const reasonFlag = {
  kind: "text",
  name: "reason",
  summary: "why, in your words: quoted, or the rest of the line",
} as const;

export function vocabularyOf(config: GantryConfig): Vocabulary {
  return {
    services: config.services.map((s) => ({ name: s.name, environments: s.environments.map((e) => e.name) })),
  };
}
