import type { ContainerSpec, Health, ReleaseSpec } from "../../../src/core/release.ts";
import type { DesiredSlot } from "../../../src/core/slot.ts";

export const plainSpec: ContainerSpec = {
  image: "registry.test/api",
  environment: {},
  envFiles: [],
  command: null,
  entrypoint: null,
  volumes: [],
  user: null,
  healthcheck: null,
  stopSignal: null,
  stopGraceMs: 2_000,
  ulimits: [],
  memoryBytes: null,
  cpus: null,
  labels: {},
  network: "host",
  logging: null,
};

const httpHealth: Health = {
  probe: { kind: "http", url: "http://127.0.0.1:8080/healthz" },
  intervalMs: 200,
  deadlineMs: 3_000,
};

export function spec(container: Partial<ContainerSpec> = {}, health: Partial<Health> = {}): ReleaseSpec {
  return { container: { ...plainSpec, ...container }, health: { ...httpHealth, ...health } };
}

/** An order for api/prod: generation and release number, and what differs from the plain one. */
export function order(facts: {
  generation: number;
  release?: number;
  digest: string;
  container?: Partial<ContainerSpec>;
  health?: Partial<Health>;
  mirrors?: readonly string[];
}): DesiredSlot {
  const { generation, digest, container, health, mirrors = [] } = facts;
  const number = facts.release ?? generation;
  return {
    service: "api",
    environment: "prod",
    generation,
    rollout: generation,
    release: { number, digest, commit: `c${number}`, spec: spec(container, health), mirrors },
  };
}

export function emptyOrder(generation: number): DesiredSlot {
  return { service: "api", environment: "prod", generation, rollout: generation, release: null };
}
