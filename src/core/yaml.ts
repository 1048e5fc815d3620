/** Plain data as YAML, for people to read: maps and lists by indentation, texts bare where that cannot be misread. */

/** Ends with a line feed. What JSON leaves out (undefined) is left out. */
export function yamlOf(value: unknown): string {
  return `${linesOf(value).join("\n")}\n`;
}

function linesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? ["[]"] : value.flatMap(itemLines);
  if (value === null || typeof value !== "object") return [scalar(value)];
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return entries.length === 0 ? ["{}"] : entries.flatMap(([key, inner]) => entryLines(text(key), inner));
}

/** A list's dash and a map's first key share a line. */
function itemLines(item: unknown): readonly string[] {
  return linesOf(item).map((line, i) => `${i === 0 ? "- " : "  "}${line}`);
}

function entryLines(key: string, value: unknown): readonly string[] {
  const lines = linesOf(value);
  const isBlock = value !== null && typeof value === "object" && Object.keys(value).length > 0;
  return isBlock ? [`${key}:`, ...lines.map((line) => `  ${line}`)] : [`${key}: ${lines[0]}`];
}

function scalar(value: unknown): string {
  return typeof value === "string" ? text(value) : JSON.stringify(value);
}

/** Words that YAML takes for something else, in one version of it or another. */
const misread = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

function text(value: string): string {
  return /^[a-z/][\w./@=+-]*(?::[\w./@=+-]+)*$/i.test(value) && !misread.test(value) ? value : JSON.stringify(value);
}
