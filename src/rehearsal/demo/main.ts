/**
 * `npm run demo`: a whole Gantry on this machine, to try by hand in a browser.
 * `npm run demo -- --script`: the same, playing its story by itself and proving each step from the outside.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sampleHistory } from "../../../examples/sample-service/history.ts";
import { ensureEngine } from "../fleet/setup.ts";
import { type Stage, startStage } from "../stage/stage.ts";
import { playStory } from "./story.ts";

const demoHosts = [
  { name: "staging-1", labels: { env: "staging", zone: "a" } },
  { name: "prod-1", labels: { env: "prod", zone: "a" } },
  { name: "prod-2", labels: { env: "prod", zone: "b" } },
  { name: "prod-3", labels: { env: "prod", zone: "c" } },
];

const usage = `npm run demo                 start everything and print the address of the window
npm run demo -- --script     play the story unattended; exit 0 only if every step was true
npm run demo -- --port 3000  the window's port (default 3140, or any free one when that is taken)
`;

/** Pushed images are kept here, so that a second start takes seconds. */
const cacheDir = join(tmpdir(), "gantry-demo-cache");

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { script: { type: "boolean", default: false }, port: { type: "string" }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const started = performance.now();
  const say = (line: string) => console.log(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${line}`);
  await ensureEngine(say);
  const stage = await startStage({
    hosts: demoHosts,
    cacheDir,
    slackPort: Number(values.port ?? 0) || (values.script ? 0 : 3140),
    // With 12 s of soak per batch, the build that dies after 20 s is caught before it is called good.
    service: values.script ? { soak: "3s", stagingSoak: "2s" } : { soak: "12s", stagingSoak: "3s" },
    onProgress: say,
  });
  const interrupted = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => interrupted.resolve(signal === "SIGINT" ? 130 : 143));
  }
  try {
    if (values.script) return await Promise.race([playStory({ stage, say }), interrupted.promise]);
    console.log(welcome(stage));
    await interrupted.promise;
    return 0;
  } finally {
    say("stopping: containers, engines, network and processes of this demo");
    await stage.stop();
    say(`everything is gone (pushed images stay in ${cacheDir} for a quicker start)`);
  }
}

function welcome(stage: Stage): string {
  const commits = sampleHistory.map((c) => `    ${c.sha.slice(0, 7)}  ${c.behaviour.padEnd(9)}  ${c.title} (${c.author})`);
  const hosts = stage.lab.hosts.map((h) => `    ${h.name.padEnd(9)}  http://${h.address}:8080/`);
  const first = sampleHistory[0]?.sha.slice(0, 7) ?? "";
  const second = sampleHistory[1]?.sha.slice(0, 7) ?? "";
  return `
  The window:  ${stage.slack.windowUrl}

  Hosts (services on host network, port 8080):
${hosts.join("\n")}

  Builds of the service api in the registry:
${commits.join("\n")}

  Try, as ana in #deploys:      /deploy api prod ${first}
  switch to bo:                 press Approve, watch the card
  then as ana:                  /deploy api prod ${second}      (and approve as bo)
  and as eva, who is on call:   /rollback api prod

  Server: ${stage.serverUrl()}/readyz    Logs: ${stage.dir}
  Ctrl-C stops and removes all of it.
`;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`gantry demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
