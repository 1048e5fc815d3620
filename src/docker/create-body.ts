/** From a spec to the body of the engine's create call. */
import type Dockerode from "dockerode";
import type { ContainerHealthcheck, ContainerSpec } from "../core/release.ts";
import type { CreateOrder } from "../host/engine.ts";

const nanos = 1_000_000;

export function createBody(order: CreateOrder): Dockerode.ContainerCreateOptions {
  const { spec } = order;
  return {
    name: order.name,
    Image: order.imageRef,
    Labels: { ...order.labels },
    // Compose's rule: `environment` wins over env_file.
    Env: environmentOf(order),
    ...(spec.command === null ? {} : { Cmd: [...spec.command] }),
    ...(spec.entrypoint === null ? {} : { Entrypoint: [...spec.entrypoint] }),
    ...(spec.user === null ? {} : { User: spec.user }),
    ...(spec.stopSignal === null ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.healthcheck === null ? {} : { Healthcheck: healthcheckOf(spec.healthcheck) }),
    StopTimeout: Math.ceil(spec.stopGraceMs / 1000),
    HostConfig: hostConfigOf(spec),
  };
}

function environmentOf(order: CreateOrder): string[] {
  const merged = new Map<string, string>();
  for (const line of order.environment) merged.set(line.split("=", 1)[0] ?? "", line);
  for (const [name, value] of Object.entries(order.spec.environment)) merged.set(name, `${name}=${value}`);
  return [...merged.values()];
}

function healthcheckOf(check: ContainerHealthcheck): Dockerode.HealthConfig {
  if (check.disabled) return { Test: ["NONE"] };
  return {
    Test: [...check.test],
    Interval: check.intervalMs * nanos,
    Timeout: check.timeoutMs * nanos,
    Retries: check.retries,
    StartPeriod: check.startPeriodMs * nanos,
  };
}

function hostConfigOf(spec: ContainerSpec): Dockerode.HostConfig {
  return {
    NetworkMode: spec.network,
    // A candidate must not come back by itself after a power cut; promotion changes this.
    RestartPolicy: { Name: "no" },
    Binds: spec.volumes.map((v) => `${v.source}:${v.target}${v.readOnly ? ":ro" : ""}`),
    Ulimits: spec.ulimits.map((u) => ({ Name: u.name, Soft: u.soft, Hard: u.hard })),
    ...(spec.memoryBytes === null ? {} : { Memory: spec.memoryBytes }),
    ...(spec.cpus === null ? {} : { NanoCpus: Math.round(spec.cpus * 1e9) }),
    ...(spec.logging === null ? {} : { LogConfig: { Type: spec.logging.driver, Config: { ...spec.logging.options } } }),
  };
}
