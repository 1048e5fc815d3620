/** Runs a command in a container. The Engine API cannot end one that hangs, so its process is killed from outside. */
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type Dockerode from "dockerode";
import type { ReasonCode } from "../core/reasons.ts";
import { type Engine, EngineError, type ExecResult } from "../host/engine.ts";
import { splitLog } from "./log-frames.ts";

type Quick = <T>(what: string, run: (abortSignal: AbortSignal) => Promise<T>, fallback?: ReasonCode) => Promise<T>;

const mostOutputBytes = 4 * 1024;
/** The output ends a moment before the engine knows the exit code. */
const mostLooks = 100;

export function createExec(facts: { docker: Dockerode; quick: Quick }): Engine["exec"] {
  const { docker, quick } = facts;
  /** By container: a command that did not end when it should have. */
  const hanging = new Map<string, Dockerode.Exec>();

  async function look(exec: Dockerode.Exec): Promise<Dockerode.ExecInspectInfo> {
    return await quick("inspect exec", (abortSignal) => exec.inspect({ abortSignal }));
  }

  /** Whether a command of an earlier call still goes on in the container. */
  async function isStuck(id: string): Promise<boolean> {
    const before = hanging.get(id);
    if (before === undefined) return false;
    const { Running: isRunning, Pid: pid } = await look(before).catch(ifGone);
    if (isRunning) await killIn(id, pid);
    else hanging.delete(id);
    return isRunning;
  }

  async function exitCodeOf(exec: Dockerode.Exec): Promise<number | null> {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const { Running: isRunning, ExitCode: code } = await look(exec);
      if (!isRunning) return code;
      await sleep(10);
    }
    return null;
  }

  return async ({ id, command, timeoutMs }): Promise<ExecResult> => {
    if (await isStuck(id)) return { exitCode: null, output: "the run before it still goes on" };
    const body = { Cmd: [...command], AttachStdout: true, AttachStderr: true };
    const exec = await quick("exec", (abortSignal) => docker.getContainer(id).exec({ ...body, abortSignal }), "exited");
    const stream = await quick("exec", (abortSignal) => exec.start({ abortSignal }), "exited");
    const { output, ended } = await read(stream, timeoutMs);
    if (ended) return { exitCode: await exitCodeOf(exec), output };
    hanging.set(id, exec);
    await isStuck(id);
    return { exitCode: null, output };
  };
}

async function read(stream: Readable, timeoutMs: number): Promise<{ output: string; ended: boolean }> {
  const parts: Buffer[] = [];
  let length = 0;
  stream.on("data", (part: Buffer) => {
    if (length < mostOutputBytes) parts.push(part.subarray(0, mostOutputBytes - length));
    length += part.length;
  });
  const ended = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), timeoutMs);
    const end = () => {
      clearTimeout(timer);
      resolve(true);
    };
    stream.once("end", end).once("close", end).once("error", end);
  });
  stream.destroy();
  return { output: splitLog(Buffer.concat(parts)).join("\n"), ended };
}

/** Only a process of that container: a pid of another pid namespace would name a stranger. */
async function killIn(containerId: string, pid: number): Promise<void> {
  const cgroup = pid > 0 ? await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "") : "";
  if (!cgroup.includes(containerId)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile, or this agent may not: then it is waited for.
  }
}

function ifGone(thrown: unknown): { Running: boolean; Pid: number } {
  if (thrown instanceof EngineError && thrown.gone) return { Running: false, Pid: 0 };
  throw thrown;
}
