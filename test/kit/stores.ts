import type { Store } from "../../src/app/store.ts";
import type { Plan } from "../../src/core/plan.ts";
import type { Release, ReleaseSpec } from "../../src/core/release.ts";
import { begin } from "../../src/core/rollout.ts";
import type { Requested, RolloutState } from "../../src/core/rollout-state.ts";
import { noon } from "./rollouts.ts";

export const aSpec: ReleaseSpec = {
  container: {
    image: "registry.test/api",
    environment: {},
    envFiles: [],
    command: null,
    entrypoint: null,
    volumes: [],
    user: null,
    healthcheck: null,
    stopSignal: null,
    stopGraceMs: 10_000,
    ulimits: [],
    memoryBytes: null,
    cpus: null,
    labels: {},
    network: "host",
    logging: null,
  },
  health: { probe: { kind: "http", url: "http://127.0.0.1:8080/healthz" }, intervalMs: 200, deadlineMs: 60_000 },
};

export function digestOf(seed: string): string {
  return `sha256:${Buffer.from(seed).toString("hex").padEnd(64, "0").slice(0, 64)}`;
}

type ReleaseChange = { service?: string; number?: number; commit?: string; specHash?: string };

export function aRelease(store: Store, change: ReleaseChange = {}): Release {
  const { service = "api", commit = "1".repeat(40), specHash = "spec", ...number } = change;
  return store.releases.intern({
    service,
    ...number,
    commit,
    digest: digestOf(commit),
    spec: aSpec,
    specHash,
    at: noon,
    by: "ana",
  });
}

/** Puts a requested rollout into the store, with a release for it. */
export function storeRollout(store: Store, request: Requested, change: ReleaseChange = {}): void {
  const release = aRelease(store, { service: request.service, ...change });
  const asked: Requested = { ...request, release: release.number };
  const hosts = asked.hosts.map(({ host, from }) => ({ host, from, labels: {} }));
  const plan: Plan = {
    service: asked.service,
    environment: asked.environment,
    kind: asked.kind,
    release: release.number,
    digest: release.digest,
    commit: release.commit,
    specHash: "spec",
    from: asked.from,
    hosts,
    leftOut: [],
    batches: asked.batches,
    policy: asked.policy,
  };
  const row = {
    service: asked.service,
    environment: asked.environment,
    kind: asked.kind,
    release: release.number,
    plan,
    planHash: asked.planHash,
    requestKey: `request-${asked.number}`,
    ref: "1111111",
    why: null,
    allowBad: null,
    channel: "C0DEPLOYS",
    requestedAt: asked.at,
  };
  store.transact(() => store.rollouts.create(row, asked, begin(asked).state));
}

type EndedPhase = "succeeded" | "incomplete" | "restored" | "stuck" | "rejected" | "expired" | "cancelled";

/** Writes the end of a rollout (or a change after it) past the reducer: the store does not judge what it is given. */
export function endRollout(
  store: Store,
  facts: { number: number; phase: EndedPhase; at: number; watch?: RolloutState["watch"] },
): void {
  const stored = store.rollouts.find(facts.number);
  if (stored === null) throw new Error(`there is no rollout ${facts.number}`);
  const { number, version } = stored;
  const state = { ...stored.state, phase: facts.phase, endedAt: facts.at, watch: facts.watch ?? null };
  store.rollouts.append({ number, version, event: { type: "soaked", at: facts.at }, state });
}
