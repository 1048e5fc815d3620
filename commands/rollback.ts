import type { Gantry, Opened, Refused } from "../src/app/gantry.ts";
import type { RollbackPreview } from "../src/core/facts.ts";
import { calledOff, type KeptOn, rollbackPreview } from "../src/messages/rollback-preview.ts";
import type { GoBackValue } from "../src/messages/values.ts";
import type { Caller, Command, Reply } from "./command.ts";
import { opened, privately, refusedWith, staleClick } from "./replies.ts";
import { environmentWord, reasonFlag, serviceWord } from "./shared-words.ts";
import { readDecision, readGoBack, readRollback } from "./values.ts";

const grammar = {
  words: [
    serviceWord,
    environmentWord,
    {
      kind: "release",
      name: "to",
      need: "optional",
      summary: "the release to go back to; the newest good one before, when left out",
      after: ["to"],
    },
  ],
  flags: [{ kind: "switch", name: "now", summary: "at once, without the preview" }, reasonFlag],
} as const;

export const rollback: Command<typeof grammar> = {
  name: "rollback",
  summary: "Go back to what was good. Shows where to, with one button; with --now it acts at once. Nobody has to approve.",
  grammar,
  examples: [
    "rollback api prod",
    "rollback api prod to r41",
    "rollback api prod --now",
    'rollback api prod r41 --now --reason "errors on login"',
  ],
  permission: "the oncall of the environment",
  changesState: true,

  async run(call) {
    const { args, actor, origin, gantry } = call;
    const { service, environment, to, reason: why } = args;
    if (!args.now) return preview(call, { service, environment, to });
    return wentBack(gantry, await gantry.rollback({ service, environment, to, shown: null, why, actor, origin }));
  },

  /**
   * The button of the preview acts, and so does that of a card raised again by the watch, which says where it goes. The
   * button of any other card (which names its rollout only) opens the preview.
   */
  async press({ value, ...caller }) {
    const { actor, origin, gantry } = caller;
    const back = readGoBack(value);
    if (back !== null) return goBack(caller, back);
    const act = readRollback(value);
    if (act !== null) {
      const { service, environment, to, planHash, rollout } = act;
      const shown = { planHash, rollout };
      return wentBack(gantry, await gantry.rollback({ service, environment, to, shown, why: null, actor, origin }));
    }
    const decision = readDecision(value);
    const facts = decision === null ? null : gantry.rollout(decision.rollout);
    if (decision === null || facts === null || facts.state.planHash !== decision.planHash) return staleClick();
    const { service, environment } = facts.state;
    return preview(caller, { service, environment, to: null });
  },
};

/** What was decided and had touched no host is called off, and that is all: said, so that nobody takes it for the way back. */
function wentBack(gantry: Gantry, result: Opened | Refused): Reply {
  const facts = result.kind === "opened" ? gantry.rollout(result.rollout) : null;
  const isOff = facts !== null && facts.state.kind !== "rollback" && facts.state.phase === "cancelled";
  return isOff && facts.state.startedAt === null ? privately(calledOff(facts)) : opened(gantry, result, "go back");
}

/** At one tap, as long as the card still tells the truth; else with the preview in between. */
async function goBack(caller: Caller, back: GoBackValue): Promise<Reply> {
  const { gantry, actor, origin } = caller;
  const facts = gantry.rollout(back.rollout);
  if (facts === null || facts.state.planHash !== back.planHash) return staleClick();
  const { service, environment, release } = facts.state;
  const [now] = gantry.status({ service, environment });
  const isAsShown = now?.active === null && now.live?.number === release && now.rollbackTo?.number === back.to;
  if (!isAsShown) return preview(caller, { service, environment, to: null });
  const why = "the containers did not stay well";
  return opened(gantry, await gantry.rollback({ service, environment, to: back.to, shown: null, why, actor, origin }), "go back");
}

async function preview(
  { gantry, actor }: Caller,
  place: { readonly service: string; readonly environment: string; readonly to: number | null },
): Promise<Reply> {
  const result = await gantry.previewRollback({ ...place, actor });
  return "kind" in result ? refusedWith(result.refusal) : privately(rollbackPreview(result, keptOn(gantry, result)));
}

/** Hosts that a person took out, which the rollback passes by: they serve on what they serve. */
function keptOn(gantry: Gantry, { service, environment, hosts, to }: RollbackPreview): readonly KeptOn[] {
  return gantry.hosts().flatMap(({ name, intent, slots, revoked }) => {
    if (intent === null || revoked || hosts.includes(name)) return [];
    const serves = slots.find((slot) => slot.service === service && slot.environment === environment)?.release ?? null;
    return serves === null || serves === to?.number ? [] : [{ host: name, intent, release: serves }];
  });
}
