/** One pull from one repository, with a stall deadline and a total one; verified by what the engine then says it has. */
import type Dockerode from "dockerode";
import { EngineError } from "../host/engine.ts";
import { pullReason } from "./errors.ts";

type Progress = { status?: string; error?: string; errorDetail?: { message?: string } };

export type PullLimits = { readonly stallMs: number; readonly totalMs: number };

/** Resolves when the engine's stream ended without an error line. Aborting the request cancels the pull in the engine. */
export async function runPull(facts: {
  docker: Dockerode;
  repository: string;
  digest: string;
  auth: object | null;
  limits: PullLimits;
  signal: AbortSignal;
}): Promise<void> {
  const { docker, repository, digest, auth, limits, signal } = facts;
  const cancel = new AbortController();
  const onAbort = () => cancel.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  let late: string | null = null;
  const giveUp = (why: string) => () => {
    late = why;
    cancel.abort();
  };
  const total = setTimeout(giveUp(`not done after ${seconds(limits.totalMs)}`), limits.totalMs);
  let stall = setTimeout(giveUp(`no progress for ${seconds(limits.stallMs)}`), limits.stallMs);
  try {
    const options = {
      fromImage: repository,
      tag: digest,
      abortSignal: cancel.signal,
      ...(auth === null ? {} : { authconfig: auth }),
    };
    const stream = await docker.createImage(options);
    await readProgress(stream, () => {
      clearTimeout(stall);
      stall = setTimeout(giveUp(`no progress for ${seconds(limits.stallMs)}`), limits.stallMs);
    });
  } catch (thrown) {
    if (late !== null)
      throw new EngineError({ reason: "registry_unreachable", message: `${repository}: ${late}`, cause: thrown });
    throw thrown;
  } finally {
    clearTimeout(total);
    clearTimeout(stall);
    signal.removeEventListener("abort", onAbort);
  }
}

async function readProgress(stream: NodeJS.ReadableStream, onLine: () => void): Promise<void> {
  let rest = "";
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) readLine(line);
    onLine();
  }
  readLine(rest);
}

function readLine(line: string): void {
  if (line.trim() === "") return;
  const progress = JSON.parse(line) as Progress;
  const fault = progress.errorDetail?.message ?? progress.error;
  if (fault !== undefined)
    throw new EngineError({ reason: pullReason(fault), message: fault.replace(/\s+/g, " ").slice(0, 400) });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
