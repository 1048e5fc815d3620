/**
 * Docker Compose as it can be had: `docker compose` (version 2) when the machine has it, else Debian's docker-compose 1.29.
 * That one is older than `name` at the top of a file: it is told the name by a flag, and the line is left out.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../src/rehearsal/fleet/run.ts";
import { hasComposePlugin } from "../../src/rehearsal/fleet/setup.ts";

export type Compose = {
  /** The file as Compose understands it; rejects with what it says against it. */
  config(file: string): Promise<string>;
  up(file: string): Promise<void>;
};

/** `dockerHost`: the engine's socket, as `unix:///path`; `config` needs none. */
export async function findCompose(dockerHost = "unix:///nowhere"): Promise<Compose> {
  const isNew = await hasComposePlugin();
  const command = isNew ? ["docker", "-H", dockerHost, "compose"] : ["docker-compose", "-H", dockerHost];
  function call(file: string, ...words: string[]): Promise<string> {
    const { name, readable } = isNew ? { name: nameIn(file), readable: file } : withoutName(file);
    const [program = "", ...args] = [...command, "-p", name, "-f", readable, ...words];
    return run(program, args, { timeoutMs: 60_000 });
  }
  return {
    config: (file) => call(file, "config"),
    up: async (file) => void (await call(file, "up", "-d", "--no-build")),
  };
}

function nameIn(file: string): string {
  return /^name: *(\S+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? "noname";
}

/** A copy beside it, so that relative paths mean the same. */
function withoutName(file: string): { name: string; readable: string } {
  const readable = join(dirname(file), "docker-compose.yml");
  writeFileSync(readable, readFileSync(file, "utf8").replace(/^name:.*\n/m, ""));
  return { name: nameIn(file), readable };
}
