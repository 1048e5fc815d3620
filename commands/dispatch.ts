/** From what a person did (typed words, a button, a form) to the verb that means it. */
import type { Gantry, Origin } from "../src/app/gantry.ts";
import type { Actor, Delivery } from "../src/app/ports.ts";
import { parseCommand } from "../src/core/grammar.ts";
import { refuse } from "../src/core/reasons.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import type { Command, Reply } from "./command.ts";

type Served = { readonly verb: string; readonly result: "ok" | "refused" | "failed" };

export function dispatcher(facts: {
  readonly gantry: Gantry;
  readonly commands: readonly Command[];
  readonly onServed?: (served: Served) => void;
}): (delivery: Delivery) => Promise<Reply> {
  const { gantry, commands } = facts;
  const vocabulary = {
    services: gantry.config.services.map((s) => ({ name: s.name, environments: s.environments.map((e) => e.name) })),
  };

  function typed(text: string, actor: Actor, origin: Origin): { verb: string; work: () => Promise<Reply> } {
    const parsed = parseCommand({ text, commands, vocabulary });
    if (!parsed.ok) return { verb: parsed.command?.name ?? "unknown", work: async () => refused(parsed.refusal) };
    const { command, args } = parsed;
    return { verb: command.name, work: () => command.run({ args, actor, origin, gantry, commands }) };
  }

  function pressed(action: string, value: string, actor: Actor, origin: Origin): { verb: string; work: () => Promise<Reply> } {
    const verb = action.replace(/^verb:/, "");
    const press = commands.find((c) => c.name === verb)?.press;
    if (press === undefined)
      return { verb, work: async () => refused(staleClick("That button belongs to another version of Gantry.")) };
    return { verb, work: () => press({ value: parseJson(value), actor, origin, gantry, commands }) };
  }

  function submitted(
    form: { readonly form: string; readonly context: string; readonly values: Readonly<Record<string, string>> },
    actor: Actor,
    origin: Origin,
  ): { verb: string; work: () => Promise<Reply> } {
    const verb = form.form.replace(/^form:/, "");
    const submit = commands.find((c) => c.name === verb)?.submit;
    if (submit === undefined)
      return { verb, work: async () => refused(staleClick("That form belongs to another version of Gantry.")) };
    const { context, values } = form;
    return { verb, work: () => submit({ context, values, actor, origin, gantry, commands }) };
  }

  function meant(delivery: Delivery): { verb: string; work: () => Promise<Reply> } {
    const { actor, act } = delivery;
    const origin = { key: delivery.key, channel: delivery.channel };
    switch (act.kind) {
      case "command":
        return typed(act.text, actor, origin);
      case "press":
        return pressed(act.action, act.value, actor, origin);
      case "form":
        return submitted(act, actor, origin);
      case "home":
        return { verb: "home", work: async () => refused(staleClick("The Home tab is not a command.")) };
    }
  }

  return async (delivery) => {
    const { verb, work } = meant(delivery);
    try {
      const reply = await work();
      facts.onServed?.({ verb, result: isRefused(reply) ? "refused" : "ok" });
      return reply;
    } catch (error) {
      facts.onServed?.({ verb, result: "failed" });
      throw error;
    }
  };
}

function refused(refusal: ReturnType<typeof refuse>): Reply {
  return { kind: "private", message: refusalMessage(refusal), refused: true };
}

function staleClick(text: string): ReturnType<typeof refuse> {
  return refuse("stale_click", text);
}

function isRefused(reply: Reply): boolean {
  return reply.kind === "private" && reply.refused === true;
}

/** Buttons carry JSON; anything else (a forged value) is null, which no verb takes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
