/** A service of three containers: a migration that must end well, metrics that must be healthy, and the released one. */
import type { ReleaseSpec, SupportingSpec } from "../../../src/core/release.ts";
import type { DesiredSlot } from "../../../src/core/slot.ts";
import { type FakeHost, want } from "./fake-host.ts";
import { plainSpec } from "./orders.ts";

export type Versions = {
  /** Digests. The migration is of the released image unless it has one of its own. */
  readonly api: string;
  readonly metrics?: string;
  readonly migrate?: string;
};

const metricsUrl = "http://127.0.0.1:9100/healthz";

/** An order for all of them; without `metrics` or `migrate` the release does not have that one. */
export function wantAll(facts: {
  readonly generation: number;
  readonly release?: number;
  readonly versions: Versions;
  readonly fresh?: boolean;
}): DesiredSlot {
  const { generation, versions, fresh } = facts;
  const plain = want({ generation, digest: versions.api, ...(facts.release === undefined ? {} : { release: facts.release }) });
  const release = plain.release as NonNullable<DesiredSlot["release"]>;
  const spec: ReleaseSpec = { ...release.spec, ...supportOf(versions) };
  return { ...plain, release: { ...release, spec }, ...(fresh === true ? { fresh } : {}) };
}

function supportOf({ metrics, migrate }: Versions): Partial<ReleaseSpec> {
  const supporting: SupportingSpec[] = [];
  const container = { ...plainSpec, image: "registry.test/api", stopGraceMs: 50 };
  if (metrics !== undefined) {
    const health = { probe: { kind: "http", url: metricsUrl }, intervalMs: 100, deadlineMs: 300 } as const;
    supporting.push({ name: "metrics", container, reference: "v1", digest: metrics, health, dependsOn: [] });
  }
  if (migrate !== undefined) {
    const health = { probe: { kind: "none" }, intervalMs: 100, deadlineMs: 300 } as const;
    supporting.unshift({ name: "migrate", container, reference: "v1", digest: migrate, health, dependsOn: [] });
  }
  if (supporting.length === 0) return {};
  const conditions = { metrics: "healthy", migrate: "completed" } as const;
  const dependsOn = supporting.map(({ name }) => ({ on: name, condition: conditions[name as keyof typeof conditions] }));
  return { supporting, name: "api", dependsOn };
}

/** Images that behave: metrics have a port of their own, migrations end. */
export function pushMetrics(host: FakeHost, name: string, more: { readonly healthyAfterMs?: number | null } = {}): string {
  return host.push(name, { port: 9100, logs: [`${name} collects`], ...more });
}

export function pushMigration(host: FakeHost, name: string, exitCode = 0, exitAfterMs = 5): string {
  return host.push(name, { port: 9999, exitAfterMs, exitCode, logs: [`${name}: column added`] });
}
