/** Every way to swap under 200 requests a second, and beside the raw sequence of engine calls, on one real host. */
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { buildSampleImages } from "../../src/rehearsal/fleet/images.ts";
import { startLab } from "../../src/rehearsal/fleet/lab.ts";
import { ensureEngine, ensureSwapTools } from "../../src/rehearsal/fleet/setup.ts";
import type { Judge } from "./judge.ts";
import { startRawService } from "./raw-service.ts";
import { shown, summary } from "./statistics.ts";
import { type Figures, failed, faultsOf, measure, perSecond, type Swapped } from "./strategies.ts";
import { type Strategy, type StrategyHost, startStrategyHost } from "./strategies-host.ts";

const strategies: readonly Strategy[] = ["plain", "gate", "hold", "reuse-port", "proxy"];

/** Needs root and Docker; starts one host. */
export async function benchStrategies(rounds: number, judge: Judge): Promise<void> {
  await ensureEngine(console.log);
  await ensureSwapTools(console.log);
  const lab = await startLab({ hosts: [{ name: "swap-1" }] });
  try {
    const commits = sampleHistory.filter((c) => c.behaviour === "good").slice(0, 2);
    const builds = commits.map(({ sha, behaviour, title }) => ({ commit: sha, behaviour, message: title }));
    const found = await buildSampleImages({ registry: lab.registry.address, service: "api", builds });
    const [one = "", two = ""] = commits.map(({ sha }) => found.get(sha) ?? "");
    const repository = `${lab.registry.address}/api`;
    const host = await startStrategyHost({ lab, host: lab.host("swap-1"), repository, digests: [one, two] });
    try {
      await compare(host, { rounds, images: [`${repository}@${one}`, `${repository}@${two}`] }, judge);
    } finally {
      await host.stop();
    }
  } finally {
    await lab.stop();
  }
}

async function compare(
  host: StrategyHost,
  facts: { rounds: number; images: readonly [string, string] },
  judge: Judge,
): Promise<void> {
  const { rounds } = facts;
  console.log(`One host, image present, ${rounds} deploys and ${rounds} rollbacks each, ${perSecond} requests a second:`);
  for (const strategy of strategies) {
    if (strategy === "reuse-port") await host.handOn();
    const figures = await measure(host, { strategy, rounds });
    show(figures);
    judgeOf(figures, judge);
  }
  await ratios(host, facts, judge);
}

function show(figures: Figures): void {
  const { strategy, deploys, rollbacks } = figures;
  const all = [...deploys, ...rollbacks];
  const line = (what: string, of: (one: Swapped) => number, from: readonly Swapped[] = all) =>
    `${what} ${shown(summary(from.map(of)))}`;
  console.log(
    `  ${strategy}: ${line("deploy", (s) => s.tookMs, deploys)}, ${line("rollback", (s) => s.tookMs, rollbacks)}, ` +
      `${line("gap", (s) => s.served.gapMs)}, ${line("slowest answer", (s) => s.served.slowestMs)} ms, ` +
      `${failed(figures)} of ${all.reduce((sum, s) => sum + s.served.sent, 0)} requests failed ${JSON.stringify(faultsOf(figures))}`,
  );
}

function judgeOf(figures: Figures, judge: Judge): void {
  const { strategy, deploys, rollbacks } = figures;
  const gap = summary([...deploys, ...rollbacks].map((s) => s.served.gapMs)).median;
  if (strategy === "gate") judge({ what: "gate: client gap, median", value: gap, atMost: 50, unit: " ms" });
  if (strategy === "hold" || strategy === "proxy" || strategy === "reuse-port")
    judge({ what: `${strategy}: failed requests`, value: failed(figures), atMost: 0, unit: "" });
}

/** Without clients, taking turns with the raw calls: what the swap itself costs. */
async function ratios(
  host: StrategyHost,
  { rounds, images }: { rounds: number; images: readonly [string, string] },
  judge: Judge,
): Promise<void> {
  await host.begin("gate");
  await host.swap("gate", 1);
  const raw = await startRawService({ host: host.lab, images, program: host.program });
  const deploys: number[] = [];
  const rollbacks: number[] = [];
  const rawDeploys: number[] = [];
  const rawRollbacks: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    rawDeploys.push(await raw.deploy(2));
    deploys.push(await timed(() => host.swap("gate", 2)));
    rawRollbacks.push(await raw.restart());
    rollbacks.push(await timed(() => host.swap("gate", 1)));
    await raw.deploy(1);
  }
  await raw.remove();
  console.log(
    `  raw stop, remove, create, start, answer: ${shown(summary(rawDeploys))} ms; stop, start, answer: ${shown(summary(rawRollbacks))} ms`,
  );
  console.log(`  gate without clients: deploy ${shown(summary(deploys))}, rollback ${shown(summary(rollbacks))} ms`);
  judge({ what: "deploy, to the raw sequence", value: median(deploys) / median(rawDeploys), atMost: 1.2, unit: "x" });
  judge({ what: "rollback, to raw stop and start", value: median(rollbacks) / median(rawRollbacks), atMost: 1.2, unit: "x" });
}

function median(values: readonly number[]): number {
  return summary(values).median;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
