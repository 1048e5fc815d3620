/** Whether what a person did is meant to change something. Words that nobody knows count as such: whoever typed them meant something. */
import type { Delivery } from "../src/app/ports.ts";
import { normalise } from "../src/core/normalise.ts";
import type { Command } from "./command.ts";

export function changesState({ act }: Delivery, commands: readonly Command[]): boolean {
  const verb = verbOf(act);
  return commands.find((command) => command.name === verb)?.changesState ?? act.kind !== "home";
}

function verbOf(act: Delivery["act"]): string | null {
  switch (act.kind) {
    case "command":
      // Nothing typed asks for help.
      return /^\/?(\S*)/.exec(normalise(act.text).toLowerCase())?.[1] || "help";
    case "press":
      return act.action.replace(/^verb:/, "");
    case "form":
      return act.form.replace(/^form:/, "");
    case "home":
      return null;
  }
}
