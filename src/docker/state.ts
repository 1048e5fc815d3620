/** From the engine's inspect answer to what the agent knows of a container. */
import type Dockerode from "dockerode";
import type { ContainerState } from "../host/engine.ts";

type Inspected = Dockerode.ContainerInspectInfo & {
  readonly Config: { readonly StopSignal?: string; readonly StopTimeout?: number };
};

export function stateOf(raw: Dockerode.ContainerInspectInfo): ContainerState {
  const info = raw as Inspected;
  const state = info.State;
  const started = Date.parse(state.StartedAt);
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ""),
    labels: info.Config.Labels ?? {},
    status: statusOf(state),
    pid: state.Pid > 0 ? state.Pid : null,
    // Docker writes the year 1 for "never".
    startedAt: started > 0 ? started : null,
    restarts: info.RestartCount ?? 0,
    exitCode: state.Running ? null : state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error ?? "",
    restartPolicy: info.HostConfig.RestartPolicy?.Name ?? "no",
    health: healthOf(state),
    stopSignal: info.Config.StopSignal ?? "SIGTERM",
    stopGraceMs: (info.Config.StopTimeout ?? 10) * 1000,
    environment: info.Config.Env ?? [],
    ...(hasOwnNetwork(info.HostConfig.NetworkMode ?? "") ? { ownNetwork: true as const } : {}),
  };
}

/** `host`, `none` and `container:…` are not its own. */
function hasOwnNetwork(mode: string): boolean {
  return mode !== "host" && mode !== "none" && !mode.startsWith("container:");
}

function statusOf(state: Dockerode.ContainerInspectInfo["State"]): ContainerState["status"] {
  if (state.Restarting) return "restarting";
  if (state.Running) return "running";
  return state.Status === "created" ? "created" : "ended";
}

function healthOf(state: Dockerode.ContainerInspectInfo["State"]): ContainerState["health"] {
  const health = state.Health;
  if (health === undefined || health === null) return null;
  const { Status: status } = health;
  if (status !== "starting" && status !== "healthy" && status !== "unhealthy") return null;
  return { status, output: (health.Log?.at(-1)?.Output ?? "").trim() };
}
