/** Reads env_files on this host, so that secret values never pass through the server. */
import { readFile } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { EngineError } from "./engine.ts";

/** Where relative env_file paths begin unless the agent is told otherwise. */
export const defaultEnvDir = "/etc/gantry/env";

/**
 * `NAME=value` lines of the files, in order. Paths are relative to `envDir` and must stay inside it: the order comes from the
 * server, and which files of this host it may read is for the host to say. `optional` ones may be missing; values of `raw` ones
 * are taken as they stand. Rejects with env_file_missing.
 */
export async function readEnvFiles(facts: {
  envDir: string;
  files: readonly string[];
  optional?: readonly string[] | undefined;
  raw?: readonly string[] | undefined;
}): Promise<string[]> {
  const lines: string[] = [];
  for (const file of facts.files) {
    const text = await readOne(facts.envDir, file, facts.optional?.includes(file) ?? false);
    lines.push(...(facts.raw?.includes(file) ? parseRaw(text) : parseEnvFile(text)));
  }
  return lines;
}

async function readOne(envDir: string, file: string, mayBeMissing: boolean): Promise<string> {
  const path = resolve(envDir, file);
  const inside = relative(envDir, path);
  if (inside.startsWith("..") || isAbsolute(inside)) {
    throw new EngineError({ reason: "env_file_missing", message: `env_file ${file} is outside ${envDir} (see --env-dir)` });
  }
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing && mayBeMissing) return "";
    const why = isMissing ? "is not on this host" : "cannot be read";
    throw new EngineError({ reason: "env_file_missing", message: `env_file ${path} ${why}`, cause });
  }
}

/** Compose's form: `NAME=value`, comments, blank lines, `export ` and one pair of quotes around a value allowed. */
function parseEnvFile(text: string): string[] {
  const lines: string[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim().replace(/^export\s+/, "");
    const equals = line.indexOf("=");
    if (line.startsWith("#") || equals < 1) continue;
    lines.push(`${line.slice(0, equals).trim()}=${unquote(line.slice(equals + 1).trim())}`);
  }
  return lines;
}

/** Compose's `format: raw`: only comments and blank lines mean anything. */
function parseRaw(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => !line.startsWith("#") && line.indexOf("=") > 0);
}

function unquote(value: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(value);
  if (quoted !== null) return quoted[2] ?? "";
  return value.replace(/\s+#.*$/, "");
}
