/** docs/reference/reasons.md, from src/core/reasons.ts. */
import { reasons } from "../../src/core/reasons.ts";
import { code, generated, page, table } from "./markdown.ts";

export function reasonsPage(): string {
  const rows = Object.entries(reasons).map(([reason, { title, next }]) => [
    `[${code(reason)}](../runbooks/${reason}.md)`,
    title,
    next,
  ]);
  return page([
    generated("`src/core/reasons.ts`"),
    "# Reason codes",
    "Every refusal, every wait and every failure has one of these codes. They are stable: alerts and scripts may match them. Each links to its runbook page. `gantry reasons` prints the same list.",
    table(["code", "what happened", "next step"], rows),
  ]);
}
