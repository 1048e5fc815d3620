import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** A program ended with an error. The message is one line: what was run and what it said last. */
class RunError extends Error {
  readonly stderr: string;
  constructor(command: string, stderr: string, cause: unknown) {
    super(`${command}: ${lastLine(stderr) ?? (cause instanceof Error ? cause.message : String(cause))}`, { cause });
    this.name = "RunError";
    this.stderr = stderr;
  }
}

/** Administrator's programs live in sbin, which not every shell has in its path. */
const systemPath = [
  process.execPath.replace(/\/[^/]*$/, ""),
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** Runs a program to its end and returns what it wrote to stdout. Rejects with RunError, also after `timeoutMs`. */
export function run(command: string, args: readonly string[], options: { timeoutMs?: number } = {}): Promise<string> {
  const settings = {
    timeout: options.timeoutMs ?? 30_000,
    killSignal: "SIGKILL" as const,
    maxBuffer: 64 * 1024 * 1024,
    env: systemEnvironment(),
  };
  return new Promise((resolve, reject) => {
    execFile(command, [...args], settings, (error, stdout, stderr) => {
      if (error) reject(new RunError([command, ...args].join(" "), stderr, error));
      else resolve(stdout);
    });
  });
}

/** As run(), for clean-up: a thing that is not there any more is what was wanted. */
export async function tryRun(command: string, args: readonly string[]): Promise<void> {
  await run(command, args).catch(() => undefined);
}

/** Starts a program in a session of its own, so that a Ctrl-C at the terminal reaches only us and we stop things in order. */
export function startDetached(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, [...args], { detached: true, env: systemEnvironment(), ...options });
  child.on("error", () => undefined);
  child.unref();
  return child;
}

/** The full path of a program, or null. */
export function findProgram(name: string): string | null {
  for (const folder of systemEnvironment().PATH?.split(path.delimiter) ?? []) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return null;
}

export function systemEnvironment(): NodeJS.ProcessEnv {
  return { PATH: systemPath.join(path.delimiter), LANG: "C.UTF-8", HOME: "/root" };
}

/** The last line that says something: docker ends with a hint at its help. */
function lastLine(text: string): string | undefined {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^See '.*--help'\.$/.test(line))
    .at(-1);
}
