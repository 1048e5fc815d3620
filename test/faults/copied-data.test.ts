/** The server's data were copied (a clone, a backup put back) and a server runs on the copy too: it never makes an agent do anything. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { callLocally } from "../../src/http/local-socket.ts";
import type { Running } from "../../src/rehearsal/stage/process.ts";
import { eventually } from "../kit/eventually.ts";
import { type HostName, hostNames, type ProcessStage, startProcessStage } from "./kit/process-stage.ts";
import { comesToRest, hostsServeWhatIsWanted } from "./kit/settled.ts";
import { logs, type StoredLog } from "./kit/store-facts.ts";

let stage: ProcessStage;
let folder: string;
let commit = 0;

before(async () => {
  stage = await startProcessStage();
  folder = mkdtempSync(join(tmpdir(), "gantry-copy-"));
  await deploy("api");
  await deploy("web");
});
after(async () => {
  await stage?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
const newCommit = () => stage.commits[commit++]?.slice(0, 9) ?? "";

async function deploy(service: string): Promise<void> {
  const before = logs(stage).length;
  await stage.slack.as("ana").says(`/deploy ${service} prod ${newCommit()}`);
  // A busy machine may keep her waiting for longer than Slack does.
  await eventually(() => assert.ok(logs(stage).length > before, "nothing was opened"), 20_000);
  await comesToRest(stage);
  const { state } = logs(stage).at(-1) as StoredLog;
  assert.deepEqual([logs(stage).length, state.phase], [before + 1, "succeeded"]);
}

async function says(data: string, text: string): Promise<string> {
  return String((await callLocally(data, "verb", { text, user: "root" }))["text"]);
}

/** A server on the data as they are at this moment. It has a Slack of its own: nobody speaks to it but on its own machine. */
async function startCopy(name: string): Promise<{ server: Running; says(text: string): Promise<string> }> {
  const data = join(folder, name);
  cpSync(stage.data, data, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  const server = await stage.startServer({ data, env: { SLACK_API_URL: "http://127.0.0.1:9/api/" } });
  stage.forget(server);
  return { server, says: (text) => says(data, text) };
}

/** The agents find this server from now on, one after the other. */
async function agentsComeTo(server: Running, order: readonly HostName[] = hostNames): Promise<void> {
  for (const name of hostNames) stage.host(name).relay.cut();
  stage.pointAgentsAt(stage.portOf(server));
  for (const name of order) {
    stage.host(name).relay.mend();
    await stage.connected([name]);
  }
}

function acts(): string[] {
  return hostNames.flatMap((name) => stage.host(name).engine.calls.map((call) => `${name}: ${call}`));
}

const standsStill = /server_behind|history_forked/;

test("agents that know more than the copy make it stand still, before it tells anybody anything", async () => {
  const copy = await startCopy("behind");
  const original = stage.server();
  try {
    await deploy("api");
    const before = acts();
    // Who comes before one that knows better learns the copy's history; see below.
    await agentsComeTo(copy.server, ["prod-1"]);
    await eventually(async () => assert.match(await copy.says("status"), standsStill));
    await agentsComeTo(copy.server);
    for (const text of ["rollback api prod --now", `deploy web staging ${newCommit()}`, "restart api prod"]) {
      assert.match(await copy.says(text), standsStill, text);
    }
    assert.deepEqual(acts(), before);
  } finally {
    await copy.server.stop("SIGKILL");
    await agentsComeTo(original);
  }
  await deploy("api");
  await hostsServeWhatIsWanted(stage);
});

test("nor does a copy do anything that has gone its own way in the same generations", async () => {
  const copy = await startCopy("forked");
  const original = stage.server();
  try {
    // Nobody hears it, and it is as far as the first one soon.
    assert.match(await copy.says("rollback api prod --now"), /#\d+/);
    await deploy("api");
    const before = acts();
    await agentsComeTo(copy.server, ["prod-2"]);
    await eventually(async () => assert.match(await copy.says("status"), standsStill));
    await agentsComeTo(copy.server);
    assert.deepEqual(acts(), before);
  } finally {
    await copy.server.stop("SIGKILL");
    await agentsComeTo(original);
  }
  await deploy("api");
  await hostsServeWhatIsWanted(stage);
});

test("an agent that took the copy's history for the true one stops the first server; adopted, it goes on, and the copy never does", async () => {
  const copy = await startCopy("believed");
  const original = stage.server();
  try {
    await copy.says("rollback api prod --now");
    await deploy("api");
    const before = acts();
    // It was told nothing since the copy was made, so it finds nothing wrong with either.
    const pictures = stage.host("staging-1").pictures();
    await agentsComeTo(copy.server, ["staging-1"]);
    await eventually(() => assert.ok(stage.host("staging-1").pictures() > pictures));
    await agentsComeTo(original);
    await eventually(async () => assert.match(await says(stage.data, "status"), standsStill));
    assert.match(await says(stage.data, "rollback api prod --now"), standsStill);
    assert.deepEqual(acts(), before, "and nobody did anything");

    await callLocally(stage.data, "adopt", { user: "root", preview: false });
    await deploy("web");
    await hostsServeWhatIsWanted(stage);
    const adopted = acts();
    await agentsComeTo(copy.server);
    await eventually(async () => assert.match(await copy.says("status"), standsStill));
    assert.deepEqual(acts(), adopted);
  } finally {
    await copy.server.stop("SIGKILL");
    await agentsComeTo(original);
  }
  await deploy("api");
  await hostsServeWhatIsWanted(stage);
});
