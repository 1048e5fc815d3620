/** The way on for a request that found its environment busy or locked: the same again, in line. */
import type { Offer } from "./refusal.ts";

/** Slack takes 2,000 characters of value. A request with a longer reason is typed again. */
const longestValue = 2000;

/** null: the button could not carry the request. */
export function waitInLine(verb: "deploy" | "promote", value: object): Offer | null {
  if (JSON.stringify(value).length > longestValue) return null;
  return {
    text: "Or wait in line: ask again with `--wait`.",
    button: { label: "Wait in line", verb, value, describe: `${verb} when it is its turn` },
  };
}
