/**
 * Every metric that Gantry exposes, in one place. Labels are bounded: a value outside its closed set is counted as `other`, so that
 * nobody can grow the time series by typing.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Phase } from "../core/rollout-state.ts";
import { defineUsage, type HostSample } from "./usage-metrics.ts";

export type QueueFacts = { readonly depth: number; readonly oldestAgeMs: number };

/** Read when Prometheus asks. A function that throws leaves its metric out and counts under gantry_collect_errors_total. */
export type MetricSources = {
  /** `dead`: given up, and not yet pruned. */
  readonly inbox: () => QueueFacts & { readonly dead: number };
  readonly outbox: () => QueueFacts & { readonly dead: number };
  readonly rollouts: () => Readonly<Record<string, number>>;
  /** All that ever ended, by the phase in which they did. */
  readonly ended: () => Readonly<Record<string, number>>;
  /** Those that wait in line, and those that stand still. */
  readonly inLine: () => number;
  readonly paused: () => number;
  readonly hosts: () => Readonly<Record<string, number>>;
  /** Whether the server stands still because it knows less than its agents. */
  readonly frozen: () => boolean;
  /** The number of the newest entry of the history. */
  readonly historyHead: () => number;
  readonly epoch: () => number;
  readonly chatConnected: () => boolean;
  /** The newest sample of each connected host. */
  readonly usage: () => readonly HostSample[];
};

export type CommandResult = "ok" | "refused" | "failed";

export type Metrics = {
  readonly registry: Registry;
  command(facts: { verb: string; result: CommandResult }): void;
  acked(tookMs: number): void;
  swapped(facts: { ok: boolean; tookMs: number }): void;
  slackLimited(): void;
  committed(tookMs: number): void;
};

/** `verbs` is the closed set of the `verb` label. */
export function createMetrics(facts: { verbs: readonly string[]; sources: MetricSources }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  defineGauges(facts.sources, registers);
  const commands = new Counter({
    name: "gantry_commands_total",
    help: "Commands served.",
    labelNames: ["verb", "result"],
    registers,
  });
  const acks = new Histogram({
    name: "gantry_ack_seconds",
    help: "From a delivery's arrival to its acknowledgement.",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
    registers,
  });
  const swaps = new Histogram({
    name: "gantry_swap_seconds",
    help: "Swaps on hosts, as the agents report them.",
    labelNames: ["result"],
    buckets: [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300],
    registers,
  });
  const limited = new Counter({ name: "gantry_slack_429_total", help: "Times that Slack asked for fewer calls.", registers });
  const commits = new Histogram({
    name: "gantry_sqlite_commit_seconds",
    help: "Commits of the database.",
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
    registers,
  });
  const verbs = new Set(facts.verbs);
  return {
    registry,
    command: ({ verb, result }) => commands.inc({ verb: verbs.has(verb) ? verb : "other", result }),
    acked: (tookMs) => acks.observe(tookMs / 1000),
    swapped: ({ ok, tookMs }) => swaps.observe({ result: ok ? "ok" : "failed" }, tookMs / 1000),
    slackLimited: () => limited.inc(),
    committed: (tookMs) => commits.observe(tookMs / 1000),
  };
}

function defineGauges(sources: MetricSources, registers: Registry[]): void {
  const errors = new Counter({
    name: "gantry_collect_errors_total",
    help: "Facts that could not be read for this page.",
    registers,
  });

  function gauge(facts: { name: string; help: string; labelNames?: string[]; set: (gauge: Gauge) => void }): void {
    const { name, help, labelNames = [], set } = facts;
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        try {
          set(this);
        } catch {
          this.remove();
          errors.inc();
        }
      },
    });
  }

  for (const queue of ["inbox", "outbox"] as const) {
    gauge({
      name: `gantry_${queue}_depth`,
      help: `Entries of the ${queue} not yet done.`,
      set: (g) => g.set(sources[queue]().depth),
    });
    gauge({
      name: `gantry_${queue}_oldest_age_seconds`,
      help: `Age of the oldest entry of the ${queue} not yet done.`,
      set: (g) => g.set(sources[queue]().oldestAgeMs / 1000),
    });
    gauge({
      name: `gantry_${queue}_dead`,
      help: `Entries of the ${queue} that were given up in the last 7 days.`,
      set: (g) => g.set(sources[queue]().dead),
    });
  }
  gauge({
    name: "gantry_rollouts",
    help: "Active rollouts by phase.",
    labelNames: ["phase"],
    set: (g) => setEach(g, "phase", sources.rollouts()),
  });
  countEnds(sources.ended, errors, registers);
  const plain = {
    gantry_rollouts_in_line: ["Rollouts that wait in line.", sources.inLine],
    gantry_rollouts_paused: ["Rollouts under way that stand still.", sources.paused],
    gantry_frozen: ["1 while the server stands still because it knows less than its agents.", () => (sources.frozen() ? 1 : 0)],
    gantry_history_head: ["Number of the newest entry of the history.", sources.historyHead],
    gantry_epoch: ["Epoch of the server's orders.", sources.epoch],
  } as const;
  for (const [name, [help, read]] of Object.entries(plain)) gauge({ name, help, set: (g) => g.set(read()) });
  gauge({
    name: "gantry_hosts",
    help: "Hosts by state.",
    labelNames: ["state"],
    set: (g) => setEach(g, "state", sources.hosts()),
  });
  gauge({
    name: "gantry_slack_connected",
    help: "1 while Slack is connected.",
    set: (g) => g.set(sources.chatConnected() ? 1 : 0),
  });
  defineUsage({ hosts: sources.usage, registers, onError: () => errors.inc() });
}

/** From the first start on, not since the last one; and 0 where there are none, so that the first of a kind is seen as a rise. */
function countEnds(ended: MetricSources["ended"], errors: Counter, registers: Registry[]): void {
  new Counter({
    name: "gantry_rollouts_ended_total",
    help: "Rollouts that ended, by how. A stuck one needs a person.",
    labelNames: ["phase"],
    registers,
    collect() {
      this.reset();
      try {
        const counts = ended();
        for (const phase of [
          "succeeded",
          "incomplete",
          "restored",
          "stuck",
          "rejected",
          "expired",
          "cancelled",
        ] satisfies Phase[]) {
          this.inc({ phase }, counts[phase] ?? 0);
        }
      } catch {
        errors.inc();
      }
    },
  });
}

function setEach(gauge: Gauge, label: string, counts: Readonly<Record<string, number>>): void {
  for (const [value, count] of Object.entries(counts)) gauge.set({ [label]: value }, count);
}
