/** Careful reading of what arrives: Slack's payloads are data from outside, whatever their types promise. */

export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The text at a path, or null. */
export function text(value: unknown, ...path: readonly string[]): string | null {
  let at: unknown = value;
  for (const key of path) at = fields(at)[key];
  return typeof at === "string" && at !== "" ? at : null;
}
