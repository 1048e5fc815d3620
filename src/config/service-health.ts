/** How the health of each container of a file is told: as x-gantry says, else by the container's own healthcheck, else not at all. */
import type { ContainerSpec, Health, HealthProbe } from "../core/release.ts";
import { defaultHealth, type RawHealth } from "./health.ts";
import type { Report } from "./raw.ts";
import type { Located } from "./shape.ts";

/** A migration may take its time; one that hangs must not hold a host for ever. */
const oneShotDeadlineMs = 300_000;
const longestDeadlineMs = 24 * 3_600_000;

export function healthOf(written: Located<RawHealth> | undefined, container: ContainerSpec, report: Report): Health {
  const raw = written?.value ?? defaultHealth;
  const { healthcheck, network } = container;
  const probe: HealthProbe = raw.probe ?? { kind: hasOwnCheck(container) ? "container" : "none" };
  if (written === undefined) return { ...raw, probe };
  const { spot } = written;
  if (probe.kind === "container" && probe.command === undefined && healthcheck?.disabled === true) {
    report(spot, { what: "the container's healthcheck is disabled", fix: "write http or tcp, or remove disable: true" });
  }
  if (network !== "host" && (probe.kind === "http" || probe.kind === "tcp")) {
    // No port of a bridge is published, so whoever answered on the host would be another process.
    const where = network === "none" ? "without network" : "on network_mode bridge";
    report(spot, {
      what: `a container ${where} cannot be asked over the host's network`,
      fix: "write health: container, or network_mode: host",
    });
  }
  return { ...raw, probe };
}

/** Of a supporting container: without a deadline of its own it has the time that its healthcheck takes to say no. */
export function supportingHealth(facts: {
  written: Located<RawHealth> | undefined;
  container: ContainerSpec;
  isOneShot: boolean;
  report: Report;
}): Health {
  const { written, container, isOneShot, report } = facts;
  const health = healthOf(written, container, report);
  if (written !== undefined) return health;
  return { ...health, deadlineMs: isOneShot ? oneShotDeadlineMs : Math.max(health.deadlineMs, ownCheckMs(container)) };
}

/** The engine's defaults where the file leaves it to the image, whose own are not known here. */
function ownCheckMs({ healthcheck }: ContainerSpec): number {
  if (healthcheck === null || healthcheck.disabled) return 0;
  const { startPeriodMs, intervalMs, timeoutMs, retries } = healthcheck;
  const runMs = (intervalMs || 30_000) + (timeoutMs || 30_000);
  return Math.min(longestDeadlineMs, startPeriodMs + (retries || 3) * runMs);
}

/** True when something can say that it is healthy. */
export function hasOwnCheck({ healthcheck }: ContainerSpec): boolean {
  return healthcheck !== null && !healthcheck.disabled;
}
