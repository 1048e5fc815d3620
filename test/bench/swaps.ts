/** Swaps: Gantry beside the raw sequence of engine calls, on the same engines with the same images, taking turns. */
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { ensureEngine } from "../../src/rehearsal/fleet/setup.ts";
import { type Stage, startStage } from "../../src/rehearsal/stage/stage.ts";
import { GapProbe } from "./gap-probe.ts";
import type { Judge } from "./judge.ts";
import { RawSwap } from "./raw-swap.ts";
import { percentile, shown, summary } from "./statistics.ts";

const rawPort = 8081;

const commits = sampleHistory.filter((c) => c.behaviour === "good").slice(0, 2);

function commitOf(round: number): string {
  return commits[round % commits.length]?.sha ?? "";
}

type Comparison = {
  readonly stage: Stage;
  readonly environment: string;
  readonly hosts: readonly string[];
  readonly rounds: number;
};

async function compare({ stage, environment, hosts, rounds }: Comparison, judge: Judge): Promise<void> {
  const places = hosts.map((name) => stage.lab.host(name));
  const raws = places.map((host) => new RawSwap({ socket: host.dockerSocket, port: rawPort }));
  const image = (round: number) => `${stage.lab.registry.address}/api@${stage.digests.get(commitOf(round))}`;
  for (const raw of raws) for (const round of [0, 1]) await raw.pull(image(round));
  const gantryProbes = places.map((host) => new GapProbe(`http://${host.address}:8080/`));
  const rawProbes = places.map((host) => new GapProbe(`http://${host.address}:${rawPort}/`));
  const times = { gantry: [] as number[], raw: [] as number[] };
  const gaps = { gantry: [] as number[], raw: [] as number[] };
  for (let round = 0; round < rounds + 2; round++) {
    const gantry = await gantryDeploy(stage, { environment, commit: commitOf(round), probes: gantryProbes });
    const raw = await rawDeploy(raws, { image: image(round), commit: commitOf(round), probes: rawProbes });
    const gap = { gantry: longest(gantryProbes), raw: longest(rawProbes) };
    // The first two start from nothing on one side or the other.
    if (round < 2) continue;
    times.gantry.push(gantry);
    times.raw.push(raw);
    gaps.gantry.push(gap.gantry);
    gaps.raw.push(gap.raw);
  }
  await Promise.all([...gantryProbes, ...rawProbes].map((probe) => probe.stop()));
  const ratios = times.gantry.map((t, i) => t / (times.raw[i] ?? 1));
  console.log(`  command to healthy, ms: gantry ${shown(summary(times.gantry))}, raw ${shown(summary(times.raw))}`);
  console.log(`  longest gap a client saw, ms: gantry ${shown(summary(gaps.gantry))}, raw ${shown(summary(gaps.raw))}`);
  judge({ what: "ratio of the times, median of pairs", value: summary(ratios).median, atMost: 1.3, unit: "x" });
  judge({
    what: "ratio of the gaps, medians",
    value: summary(gaps.gantry).median / summary(gaps.raw).median,
    atMost: 1,
    unit: "x",
  });
}

function longest(probes: readonly GapProbe[]): number {
  return Math.max(...probes.map((probe) => probe.take().longestMs));
}

/** From the slash command's arrival at the server to every host answering with the new commit. */
async function gantryDeploy(
  stage: Stage,
  facts: { environment: string; commit: string; probes: readonly GapProbe[] },
): Promise<number> {
  const channel = stage.slack.channel("deploys");
  const before = channel.messages().at(-1)?.ts ?? "0";
  const answered = Promise.all(facts.probes.map((probe) => probe.answers(facts.commit)));
  const start = performance.now();
  await stage.slack.as("ana").says(`/deploy api ${facts.environment} ${facts.commit.slice(0, 12)}`);
  const end = Math.max(...(await answered));
  await channel.waitFor((m) => m.ts > before && m.rendered.includes("Live"), { timeoutMs: 30_000 });
  return end - start;
}

async function rawDeploy(
  raws: readonly RawSwap[],
  facts: { image: string; commit: string; probes: readonly GapProbe[] },
): Promise<number> {
  const answered = Promise.all(facts.probes.map((probe) => probe.answers(facts.commit)));
  const start = performance.now();
  await Promise.all(raws.map((raw) => raw.swap(facts.image)));
  return Math.max(...(await answered)) - start;
}

/** 200 people type at the same moment. */
async function acks(stage: Stage, judge: Judge): Promise<void> {
  const inFlight = 200;
  const worst: number[] = [];
  for (let burst = 0; burst < 5; burst++) {
    const from = stage.slack.log.length;
    await Promise.all(Array.from({ length: inFlight }, () => stage.slack.as("ana").says("/gantry status")));
    await stage.slack.until(() => ackTimes(stage, from).length === inFlight, { timeoutMs: 20_000 });
    worst.push(
      percentile(
        ackTimes(stage, from).sort((a, b) => a - b),
        99,
      ),
    );
  }
  console.log(`  p99 of ${inFlight} commands at once, ms, five bursts: ${worst.map((w) => w.toFixed(0)).join(", ")}`);
  judge({ what: "command to ack, p99, median of the bursts", value: summary(worst).median, atMost: 100, unit: " ms" });
}

function ackTimes(stage: Stage, from: number): number[] {
  const entries = stage.slack.log.slice(from);
  const sent = new Map(entries.flatMap((e) => (e.kind === "envelope" ? [[e.envelopeId, e.at] as const] : [])));
  return entries.flatMap((e) => (e.kind === "ack" && sent.has(e.envelopeId) ? [e.at - (sent.get(e.envelopeId) ?? e.at)] : []));
}

/** Needs root and Docker; starts four hosts. */
export async function benchSwaps(rounds: number, judge: Judge): Promise<void> {
  await ensureEngine(console.log);
  const names = ["one-1", "three-1", "three-2", "three-3"];
  const stage = await startStage({
    hosts: names.map((name) => ({ name, labels: { env: name.startsWith("one") ? "staging" : "prod" } })),
    slackRateLimits: false,
    service: { stagingSoak: "50ms", soak: "50ms", canary: "0", batch: "3", approvals: false },
  });
  try {
    console.log(`One host, image present, ${rounds} rounds each, taking turns:`);
    await compare({ stage, environment: "staging", hosts: ["one-1"], rounds }, judge);
    console.log(`Three hosts in one batch, ${rounds} rounds each, taking turns:`);
    await compare({ stage, environment: "prod", hosts: ["three-1", "three-2", "three-3"], rounds }, judge);
    console.log("Acknowledgements:");
    await acks(stage, judge);
  } finally {
    await stage.stop();
  }
}
