// The restore drill: the server goes back in time, the hosts do not, and nothing is rolled back by that.
import assert from "node:assert/strict";
import type { AdoptReport } from "../../src/app/adopt.ts";
import { backUp, restore } from "../../src/cli/backup.ts";
import { callLocally } from "../../src/http/local-socket.ts";
import { eventually } from "../kit/eventually.ts";
import { first, type Journey, journey, newest, second, third } from "../kit/journey.ts";

type Stage = Pick<Journey, "data" | "stopServer" | "startServer" | "host" | "page" | "local" | "logged">;

async function backedUp({ data }: Stage): Promise<string> {
  const file = `${data}-backup.db`;
  await backUp({ data, file, keep: null, user: "root", now: Date.now() });
  return file;
}

/** As the operator does it: stop, restore, start, and wait until the hosts are back. */
async function goesBackTo(file: string, stage: Stage, hosts: readonly string[]): Promise<string> {
  await stage.stopServer();
  const said = restore({ data: stage.data, file, now: Date.now() }).join("\n");
  await stage.startServer();
  await eventually(() => assert.ok(hosts.every((name) => stage.host(name).isConnected())));
  return said;
}

async function adopts(stage: Stage, preview = false): Promise<AdoptReport> {
  const answer = await callLocally(stage.data, "adopt", { user: "root", preview });
  assert.notEqual(answer["frozen"], null, "the server is not frozen");
  return answer["report"] as AdoptReport;
}

function containers(stage: Stage, hosts: readonly string[]): readonly string[] {
  return hosts.map((name) => `${name} ${stage.host(name).engine.running().map((c) => `${c.id} ${c.startedAt}`)}`);
}

async function frozen(stage: Stage): Promise<Record<string, unknown>> {
  const { parts } = (await (await stage.page("/readyz")).json()) as { parts: Record<string, Record<string, unknown>> };
  return parts["fence"] ?? {};
}

const staging = ["staging-1", "staging-2"];

journey(
  "a backup is restored after two more deploys: frozen, adopted, and on from there",
  async (j) => {
    await j.makeLive("staging", first);
    await j.makeLive("staging", second);
    const file = await backedUp(j);
    await j.makeLive("staging", third);
    await j.makeLive("staging", newest);
    const before = containers(j, staging);

    const said = await goesBackTo(file, j, staging);
    assert.match(said, /The server is frozen now[\s\S]*gantry adopt --dry-run/);
    assert.equal((await frozen(j))["reason"], "server_behind");
    assert.equal((await j.page("/readyz")).status, 503);
    assert.match((await j.local("status")).text, /api staging/);
    assert.match((await j.local(`deploy api staging ${third}`)).text, /stands still since .*restored from[\s\S]*Reason: server_behind/);
    assert.match((await j.local("rollback api staging --now")).text, /Reason: server_behind/);

    const seen = await adopts(j, true);
    assert.deepEqual(
      seen.environments.filter((e) => e.environment === "staging").map((e) => [e.live, e.hosts, e.others]),
      [[4, staging, []]],
    );
    assert.equal((await frozen(j))["ok"], false, "a preview changes nothing");

    await adopts(j);
    assert.equal((await frozen(j))["ok"], true);
    await eventually(async () => {
      const { text } = await j.local("status api");
      assert.match(text, /api staging: r4 \(b6f3e71\)/);
    });
    assert.deepEqual(containers(j, staging), before, "no container was touched");

    const back = await j.local("rollback api staging r2 --now");
    assert.equal(back.ok, true, back.text);
    await j.serves("staging", second);
    await j.makeLive("staging", third);
    await j.serves("staging", third);
  },
  { staging: 2, prod: 0 },
);
