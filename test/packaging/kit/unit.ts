import { readFileSync } from "node:fs";

export const unitText: string = readFileSync(new URL("../../../packaging/gantry-agent.service", import.meta.url), "utf8");

/** Of one section; a setting that stands several times has its last value. */
export function settingsOf(section: string): ReadonlyMap<string, string> {
  const body = unitText.split(/^\[/m).find((part) => part.startsWith(`${section}]`)) ?? "";
  const lines = [...body.matchAll(/^([A-Za-z]+)=(.*)$/gm)];
  return new Map(lines.map(([, name = "", value = ""]) => [name, value]));
}
