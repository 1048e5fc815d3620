/**
 * Compose replaces ${VAR} by the shell's variables, in quotes too. The server has no such shell, and a release must mean the same for
 * ever, so a variable is an error; `$$` is a dollar sign, as in Compose.
 */
import type { Report, Spot, Written } from "./raw.ts";

/** The tree with `$$` resolved. Variables are reported, with the very spot that the tree has for them. */
export function withoutVariables(written: Written, report: Report): Written {
  switch (written.kind) {
    case "nothing":
      return written;
    case "list":
      return { ...written, items: written.items.map((item) => withoutVariables(item, report)) };
    case "map":
      return {
        ...written,
        entries: written.entries.map((entry) => ({ ...entry, value: withoutVariables(entry.value, report) })),
      };
    case "text":
      reportVariable(written.text, written.spot, report);
      return { ...written, text: written.text.replaceAll("$$", "$") };
  }
}

function reportVariable(text: string, spot: Spot, report: Report): void {
  const found = /\$(\{[^}]{0,80}\}?|[A-Za-z_]\w{0,80})?/.exec(text.replaceAll("$$", ""));
  if (found === null) return;
  const what = found[1] === undefined ? "a dollar sign alone" : `the variable ${found[0]}`;
  report(spot, { what, fix: "write the value itself ($$ for a dollar sign); what differs per host belongs into an env_file" });
}
