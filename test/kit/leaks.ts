import { readdirSync, readFileSync } from "node:fs";

/**
 * What a test file leaves behind. Every process that it starts inherits a mark in its environment, so those that outlive
 * it can be told from anyone else's. (Engines of a lab carry no mark: labs are found by their own claims.)
 */
export const markName = "GANTRY_TEST_RUN";

/** Kills all processes with the mark and returns their command lines; empty when the file was tidy. */
export function endMarked(mark: string): string[] {
  const entry = `${markName}=${mark}`;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const marked = pids.filter((pid) => read(`/proc/${pid}/environ`).split("\0").includes(entry));
  return marked.map((pid) => {
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    endProcess(Number(pid));
    return command;
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended meanwhile
  }
}

/** Empty for a process of another user or one that has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
