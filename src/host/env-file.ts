/** Reads env_files on this host, so that secret values never pass through the server. */
import { readFile } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { EngineError } from "./engine.ts";

/** Where relative env_file paths begin unless the agent is told otherwise. */
export const defaultEnvDir = "/etc/gantry/env";

/**
 * `NAME=value` lines of the files, in order. Paths are relative to `envDir` and must stay inside it: the order comes from the
 * server, and which files of this host it may read is for the host to say. Rejects with env_file_missing.
 */
export async function readEnvFiles(facts: { envDir: string; files: readonly string[] }): Promise<string[]> {
  const lines: string[] = [];
  for (const file of facts.files) lines.push(...parseEnvFile(await readOne(facts.envDir, file)));
  return lines;
}

async function readOne(envDir: string, file: string): Promise<string> {
  const path = resolve(envDir, file);
  const inside = relative(envDir, path);
  if (inside.startsWith("..") || isAbsolute(inside)) {
    throw new EngineError({ reason: "env_file_missing", message: `env_file ${file} is outside ${envDir} (see --env-dir)` });
  }
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "is not on this host" : "cannot be read";
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

function unquote(value: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(value);
  if (quoted !== null) return quoted[2] ?? "";
  return value.replace(/\s+#.*$/, "");
}
