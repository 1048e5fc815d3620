/** One question to a container about its health, over the network or by a command in it. */
import type { ContainerProbe, HealthProbe } from "../core/release.ts";
import type { Answer, ContainerState, Engine, NetworkProbe, Prober, ReleaseNames } from "./engine.ts";
import { EngineError } from "./engine.ts";
import { marksOf } from "./labels.ts";
import { cleanTail } from "./log-tail.ts";

/** Rejects with engine faults only. Without a command a container probe is the engine's own affair: see prove.ts and watch.ts. */
export async function askContainer(
  hands: { readonly engine: Engine; readonly prober: Prober },
  facts: { readonly state: ContainerState; readonly probe: NetworkProbe | CommandProbe },
): Promise<Answer> {
  const { state, probe } = facts;
  if (probe.kind !== "container") return await hands.prober.ask(probe, releaseOf(state));
  return await askCommand(hands.engine, { state, probe });
}

export type CommandProbe = ContainerProbe & { readonly command: readonly string[] };

export function isCommand(probe: HealthProbe): probe is CommandProbe {
  return probe.kind === "container" && probe.command !== undefined;
}

async function askCommand(engine: Engine, facts: { state: ContainerState; probe: CommandProbe }): Promise<Answer> {
  const { state, probe } = facts;
  const timeoutMs = timeoutOf(probe);
  const what = `its command ${(probe.command[0] ?? "").slice(0, 60)}`;
  try {
    const { exitCode, output } = await engine.exec({ id: state.id, command: probe.command, timeoutMs });
    if (exitCode === 0) return { ok: true, detail: `${what} ended well` };
    const said = shown(output, state);
    if (exitCode === null) return { ok: false, detail: `${what} did not end in ${timeoutMs / 1000} s${said}` };
    return { ok: false, detail: `${what} ended with exit code ${exitCode}${said}` };
  } catch (thrown) {
    if (!(thrown instanceof EngineError) || thrown.reason !== "exited") throw thrown;
    return { ok: false, detail: `${what} could not be run: ${thrown.message}` };
  }
}

/** The first line of what a check said, without the secrets of its container. */
export function shown(output: string, { environment }: Pick<ContainerState, "environment">): string {
  const [line = ""] = cleanTail([output.trim().split("\n")[0] ?? ""], environment);
  return line === "" ? "" : `: ${line}`;
}

function releaseOf({ labels }: Pick<ContainerState, "labels">): ReleaseNames | null {
  const marks = marksOf(labels);
  return marks === null ? null : { number: marks.release, commit: marks.commit, digest: marks.digest };
}

/** For one answer, in milliseconds. */
export function timeoutOf(probe: HealthProbe): number {
  return (probe.kind === "none" ? undefined : probe.timeoutMs) ?? 2_000;
}

/** The port that the container must hold for an answer to count; null when nothing says which, or the answer names its release itself. */
export function portToHold(probe: HealthProbe): number | null {
  switch (probe.kind) {
    case "none":
      return null;
    case "container":
      return probe.port ?? null;
    case "tcp":
      return probe.port;
    case "http": {
      if (probe.echo !== undefined) return null;
      const url = new URL(probe.url);
      return Number(url.port || (url.protocol === "https:" ? 443 : 80));
    }
  }
}
