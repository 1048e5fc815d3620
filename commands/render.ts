import { shortCommit } from "../src/core/release.ts";
import type { RenderFacts } from "../src/core/render-slot.ts";
import { yamlOf } from "../src/core/yaml.ts";
import { renderMessage } from "../src/messages/shown.ts";
import type { Command } from "./command.ts";
import { privately, refusedWith } from "./replies.ts";
import { environmentWord, serviceWord, someBuild } from "./shared-words.ts";

const grammar = { words: [serviceWord, environmentWord, someBuild], flags: [] } as const;

export const render: Command<typeof grammar> = {
  name: "render",
  summary: "Exactly what each host runs for what is live, a release or a build, as YAML; what looks secret is left out.",
  grammar,
  examples: ["render api prod", "render api prod r41", "render api prod main"],
  permission: "everyone",
  changesState: false,

  async run({ args, gantry, actor }) {
    const result = await gantry.render({ service: args.service, environment: args.environment, what: args.build });
    if ("kind" in result) return refusedWith(result.refusal);
    return privately(renderMessage(result, { yaml: yamlOf(shownAs(result)), whole: actor.kind === "local" }));
  },
};

function shownAs({ service, environment, build, hosts, containers }: RenderFacts): object {
  const release = build.number === null ? "not yet" : `r${build.number}`;
  return { service, environment, release, commit: shortCommit(build.commit), hosts, containers };
}
