/** The modals. Their block ids are the names under which values come back. */
import type { InputBlock, KnownBlock, PlainTextInput, StaticSelect } from "@slack/types";
import type { RolloutState } from "../core/rollout-state.ts";
import { plain, section } from "./blocks.ts";
import type { Form } from "./message.ts";
import { cutList, safe } from "./words.ts";

export type DeployFormFacts = {
  readonly services: readonly { readonly name: string; readonly environments: readonly string[] }[];
  /** What was understood already. */
  readonly service: string | null;
  readonly environment: string | null;
  readonly ref: string | null;
  readonly why: string | null;
  /** Comes back with the form, unread by Slack. */
  readonly context: string;
};

export function deployForm(facts: DeployFormFacts): Form {
  const chosen = facts.services.filter((s) => facts.service === null || s.name === facts.service);
  const environments = [...new Set(chosen.flatMap((s) => s.environments))];
  return {
    id: "deploy",
    title: "Deploy",
    submit: "Plan it",
    context: facts.context,
    blocks: [
      choice({ id: "service", label: "Service", options: facts.services.map((s) => s.name), chosen: facts.service }),
      choice({ id: "environment", label: "Environment", options: environments, chosen: facts.environment }),
      line({
        id: "ref",
        label: "Commit, tag or branch",
        hint: "Its image must have been pushed by CI.",
        max: 100,
        value: facts.ref,
      }),
      { ...line({ id: "reason", label: "Reason", hint: "Stands on the card.", max: 500, value: facts.why }), optional: true },
    ],
  };
}

export function rejectForm(facts: { rollout: number; service: string; environment: string; context: string }): Form {
  const { rollout, service, environment } = facts;
  const intro: KnownBlock = section(`Rollout #${rollout}: ${safe(service)} → ${safe(environment)}. The requester is told why.`);
  const why = line({ id: "reason", label: "Why not?", hint: "One or two sentences.", max: 500, value: null, tall: true });
  return { id: "reject", title: `Reject #${rollout}`, submit: "Reject", context: facts.context, blocks: [intro, why] };
}

/** `failed` hosts stay as they are. */
export function continueForm(facts: { readonly state: RolloutState; readonly context: string }): Form {
  const { number, service, environment, hosts } = facts.state;
  const failed = hosts.filter((h) => h.status === "failed").map((h) => safe(h.host, 60));
  const names = cutList(failed, { budget: 600, most: 12, rest: (left) => `and ${left} more` }).join(", ");
  const what = `Rollout #${number}: ${safe(service)} → ${safe(environment)} goes on without ${names || "the failed hosts"}. They keep what they serve now, and the end is incomplete. A host that fails meanwhile is not meant.`;
  const why = line({ id: "reason", label: "Why go on?", hint: "Stands in the history.", max: 500, value: null, tall: true });
  return { id: "continue", title: `Continue #${number}`, submit: "Go on", context: facts.context, blocks: [section(what), why] };
}

/** A select holds 100 options at most; beyond that the word is typed. */
function choice(facts: { id: string; label: string; options: readonly string[]; chosen: string | null }): InputBlock {
  const { id, label, chosen } = facts;
  if (facts.options.length > 100 || facts.options.length === 0)
    return line({ id, label, hint: "Its name.", max: 40, value: chosen });
  const options = facts.options.map((name) => ({ text: plain(name, 75), value: name }));
  const initial = options.find((o) => o.value === chosen);
  const element: StaticSelect = { type: "static_select", action_id: id, options, ...(initial && { initial_option: initial }) };
  return { type: "input", block_id: id, label: plain(label, 150), element };
}

function line(facts: { id: string; label: string; hint: string; max: number; value: string | null; tall?: boolean }): InputBlock {
  const { id, label, max, value } = facts;
  const element: PlainTextInput = {
    type: "plain_text_input",
    action_id: id,
    max_length: max,
    multiline: facts.tall ?? false,
    ...(value === null ? {} : { initial_value: value }),
  };
  return { type: "input", block_id: id, label: plain(label, 150), hint: plain(facts.hint, 150), element };
}
