/** One pull from one repository, with a stall deadline and a total one; verified by what the engine then says it has. */
import type Dockerode from "dockerode";
import type { RegistryLogin } from "../app/ports.ts";
import { EngineError } from "../host/engine.ts";
import { pullReason, retryAfterMs } from "./errors.ts";

type Progress = {
  status?: string;
  id?: string;
  progressDetail?: { total?: number };
  error?: string;
  errorDetail?: { message?: string };
};

/** Docker keeps the login of its own registry under the address of an API that is gone. */
const hubAddress = "https://index.docker.io/v1/";

/** A login as the engine takes it: AuthConfig of the Engine API. */
export function authConfig(host: string, login: RegistryLogin): object {
  const serveraddress = host === "docker.io" ? hubAddress : host;
  switch (login.kind) {
    case "password":
      return { username: login.user, password: login.password, serveraddress };
    case "identity":
      return { identitytoken: login.token, serveraddress };
  }
}

export type PullLimits = { readonly stallMs: number; readonly totalMs: number };

/** A layer is on the disk twice while it is unpacked: compressed, and as it will stay. */
const spacePerCompressedByte = 2;

/** Resolves when the engine's stream ended without an error line. Aborting the request cancels the pull in the engine. */
export async function runPull(facts: {
  docker: Dockerode;
  repository: string;
  digest: string;
  auth: object | null;
  limits: PullLimits;
  /** Where the engine keeps images; null when it is not known. */
  freeBytes: number | null;
  signal: AbortSignal;
}): Promise<void> {
  const { docker, repository, digest, auth, limits, freeBytes, signal } = facts;
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
    const sizes = new Map<string, number>();
    await readProgress(stream, (lines) => {
      // What it throws leaves the loop over the stream, which closes the connection: that cancels the pull in the engine.
      for (const line of lines) checkLine(line, sizes, freeBytes);
      // The engine counts down to its next try by itself: that is no progress.
      if (lines.every((line) => line.status?.startsWith("Retrying in"))) return;
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

async function readProgress(stream: NodeJS.ReadableStream, onLines: (lines: readonly Progress[]) => void): Promise<void> {
  let rest = "";
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    onLines(lines.flatMap(parsed));
  }
  onLines(parsed(rest));
}

function parsed(line: string): Progress[] {
  return line.trim() === "" ? [] : [JSON.parse(line) as Progress];
}

/** Throws at a fault, and as soon as the layers that are announced cannot have room. `sizes` grows with what is told. */
function checkLine(progress: Progress, sizes: Map<string, number>, freeBytes: number | null): void {
  const fault = progress.errorDetail?.message ?? progress.error;
  if (fault !== undefined) {
    const message = fault.replace(/\s+/g, " ").slice(0, 400);
    throw new EngineError({ reason: pullReason(fault), message, retryAfterMs: retryAfterMs(fault) });
  }
  const { status, id = "", progressDetail } = progress;
  if (status !== "Downloading" || progressDetail?.total === undefined || freeBytes === null) return;
  sizes.set(id, progressDetail.total);
  const needed = spacePerCompressedByte * [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (needed <= freeBytes) return;
  const message = `the image needs about ${megabytes(needed)} and ${megabytes(freeBytes)} are free: stopped before the disk was full`;
  throw new EngineError({ reason: "disk_full", message });
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
