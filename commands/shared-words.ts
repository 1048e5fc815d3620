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

/** What is shown instead of what is live. */
export const someBuild = {
  kind: "ref",
  name: "build",
  need: "optional",
  summary: "a commit, tag or branch, or a release such as r41",
} as const;

export const rolloutWord = {
  kind: "rollout",
  name: "rollout",
  need: "always",
  summary: "the number of the rollout, such as 142",
} as const;

/** `142`, `#142`, or `api prod` where exactly one is under way. */
export const targetWord = {
  kind: "target",
  name: "rollout",
  need: "always",
  summary: "the number of the rollout, such as 142; or service and environment, where exactly one is under way",
  after: ["on", "in", "to"],
} as const;

export const hostWord = { kind: "host", name: "host", need: "always", summary: "the host, as `/gantry hosts` names it" } as const;

export const someWhy = {
  kind: "text",
  name: "why",
  need: "optional",
  summary: "the reason, in your words",
  flag: "reason",
} as const;

export const aWhy = { ...someWhy, need: "always" } as const;

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
