/** From a spec to the body of the engine's create call. https://docs.docker.com/reference/api/engine/ (ContainerCreate) */
import type Dockerode from "dockerode";
import type { ContainerHealthcheck } from "../core/release.ts";
import type { CreateOrder } from "../host/engine.ts";
import { hostConfigOf, portKey, present } from "./host-config.ts";

const nanos = 1_000_000;

export function createBody(order: CreateOrder): Dockerode.ContainerCreateOptions {
  const { spec } = order;
  return {
    name: order.name,
    Image: order.imageRef,
    Labels: { ...order.labels },
    // Compose's rule: `environment` wins over env_file.
    Env: environmentOf(order),
    ...commandOf(order),
    ...(spec.user === null ? {} : { User: spec.user }),
    ...(spec.stopSignal === null ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.healthcheck === null ? {} : { Healthcheck: healthcheckOf(spec.healthcheck) }),
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    ...present({
      WorkingDir: spec.workingDir,
      Hostname: spec.hostname,
      Domainname: spec.domainname,
      Tty: spec.tty,
      OpenStdin: spec.stdinOpen,
      ExposedPorts: exposedPorts(order),
    }),
    HostConfig: hostConfigOf(spec),
  };
}

/** A new entrypoint leaves the image's command behind: the engine does so itself. */
function commandOf({ spec }: CreateOrder): Pick<Dockerode.ContainerCreateOptions, "Cmd" | "Entrypoint"> {
  return present({
    Cmd: spec.command === null ? undefined : [...spec.command],
    Entrypoint: spec.entrypoint === null ? undefined : [...spec.entrypoint],
  });
}

function environmentOf(order: CreateOrder): string[] {
  const merged = new Map<string, string>();
  for (const line of order.environment) merged.set(line.split("=", 1)[0] ?? "", line);
  for (const [name, value] of Object.entries(order.spec.environment)) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

type Health = Dockerode.HealthConfig & { readonly StartInterval?: number };

function healthcheckOf(check: ContainerHealthcheck): Health {
  if (check.disabled) return { Test: ["NONE"] };
  return {
    Test: [...check.test],
    Interval: check.intervalMs * nanos,
    Timeout: check.timeoutMs * nanos,
    Retries: check.retries,
    StartPeriod: check.startPeriodMs * nanos,
    ...(check.startIntervalMs === undefined ? {} : { StartInterval: check.startIntervalMs * nanos }),
  };
}

function exposedPorts({ spec }: CreateOrder): Record<string, Record<string, never>> | undefined {
  const keys = [...(spec.expose ?? []), ...(spec.ports ?? []).map(portKey)];
  return keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, {}]));
}

/** What inspect tells of a container's configuration is what create takes; a host name made from the id is not of it. */
export function cloneBody(
  source: Dockerode.ContainerInspectInfo,
  labels: Readonly<Record<string, string>>,
): Dockerode.ContainerCreateOptions {
  const { Hostname, ...config } = source.Config;
  const isOwn = Hostname !== "" && !source.Id.startsWith(Hostname);
  const body = { ...config, ...(isOwn ? { Hostname } : {}), Labels: { ...labels } };
  return { ...body, HostConfig: { ...source.HostConfig, RestartPolicy: { Name: "no" } } } as Dockerode.ContainerCreateOptions;
}
