// The restore drill: the server goes back in time, the hosts do not, and nothing is rolled back by that.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import type { AdoptReport } from "../../src/app/adopt.ts";
import { adopt } from "../../src/cli/adopt.ts";
import { verifyAudit } from "../../src/cli/audit.ts";
import { backUp, restore } from "../../src/cli/backup.ts";
import { showDead, tryAgain } from "../../src/cli/outbox.ts";
import { callLocally } from "../../src/http/local-socket.ts";
import { eventually } from "../kit/eventually.ts";
import { first, type Journey, journey, newest, second, third } from "../kit/journey.ts";

type Stage = Pick<Journey, "data" | "stopServer" | "startServer" | "host" | "page" | "local" | "logged">;

/** What an operator types, what is printed, and the exit code. */
async function types(stage: Stage, how: { isDryRun: boolean; isSure: boolean }): Promise<string> {
  const printed: string[] = [];
  const code = await adopt({ data: stage.data, user: "root", ...how, print: (text) => void printed.push(text) });
  return `${printed.join("\n")}\nexit ${code}`;
}

async function audits(stage: Stage): Promise<string> {
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const code = await verifyAudit({ data: stage.data, head: null, print, progress: () => undefined });
  return `${printed.join("\n")}\nexit ${code}`;
}

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
  return hosts.map(
    (name) =>
      `${name} ${stage
        .host(name)
        .engine.running()
        .map((c) => `${c.id} ${c.startedAt}`)}`,
  );
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
    assert.match(
      (await j.local(`deploy api staging ${third}`)).text,
      /stands still since .* It was restored from [\s\S]*Reason: server_behind/,
    );
    assert.match((await j.local("rollback api staging --now")).text, /Reason: server_behind/);

    const seen = await types(j, { isDryRun: true, isSure: false });
    assert.match(
      seen,
      /staging-1 {2}api staging: r4 \(r4 was not known here[^\n]*\n[\s\S]*api staging: r4 is live, on all 2\.[\s\S]*exit 0$/,
    );
    assert.match(await types(j, { isDryRun: false, isSure: false }), /Nothing was done\. To do it: gantry adopt --yes\nexit 1$/);
    assert.equal((await frozen(j))["ok"], false, "looking changes nothing");

    assert.match(await types(j, { isDryRun: false, isSure: true }), /^Adopted; the freeze is over\.[\s\S]*exit 0$/);
    assert.match(await types(j, { isDryRun: false, isSure: true }), /^Gantry is not frozen[\s\S]*exit 0$/);
    await eventually(async () => assert.match(await audits(j), /^The history holds, [\s\S]*2 agents agree: [\s\S]*exit 0$/));
    assert.deepEqual(await showDead(j.data), ["Nothing was given up in the last 7 days."]);
    assert.equal(await tryAgain(j.data, 1), false);
    assert.equal((await frozen(j))["ok"], true);
    await eventually(async () => {
      const { text } = await j.local("status api");
      assert.match(text, /api staging: r4 \(b6f3e71\)/);
    });
    assert.deepEqual(containers(j, staging), before, "no container was touched");

    const back = await j.local("rollback api staging r2 --now");
    assert.equal(back.ok, true, back.text);
    await j.serves("staging", second);
    await j.card("Rolled back");
    await j.makeLive("staging", third);
    await j.serves("staging", third);
  },
  { staging: 2, prod: 0 },
);

/** The data folder is another's copy from now on, as when a disk image is brought back or a machine is cloned. */
async function runsOn(copy: string, stage: Stage): Promise<void> {
  await stage.stopServer();
  rmSync(stage.data, { recursive: true });
  cpSync(copy, stage.data, { recursive: true });
  await stage.startServer();
}

async function copyOf(stage: Stage, name: string): Promise<string> {
  await stage.stopServer();
  const copy = `${stage.data}-${name}`;
  cpSync(stage.data, copy, { recursive: true });
  await stage.startServer();
  return copy;
}

journey(
  "a second server on an old copy of the data freezes with the first agent, and the first server goes on",
  async (j) => {
    await j.makeLive("staging", first);
    const old = await copyOf(j, "old");
    await j.makeLive("staging", second);
    const today = await copyOf(j, "today");
    const before = containers(j, staging);

    await runsOn(old, j);
    await eventually(async () => assert.equal((await frozen(j))["reason"], "server_behind"));
    assert.match(String((await frozen(j))["detail"]), /^staging-\d knows the history up to #\d+, and here it ends at #\d+\.$/);
    assert.match((await j.local(`deploy api staging ${third}`)).text, /Reason: server_behind/);
    assert.deepEqual(containers(j, staging), before);

    await runsOn(today, j);
    await eventually(() => assert.ok(staging.every((name) => j.host(name).isConnected())));
    assert.equal((await frozen(j))["ok"], true);
    await j.makeLive("staging", third);
    await j.serves("staging", third);
  },
  { staging: 2, prod: 0 },
);

journey(
  "a copy that has gone its own way is found out by the hash, although its history is the longer one",
  async (j) => {
    await j.makeLive("staging", first);
    const old = await copyOf(j, "old");
    await j.makeLive("staging", second);
    for (const name of staging) j.host(name).vanishes();

    await runsOn(old, j);
    for (let n = 0; n < 40; n += 1) {
      await j.local(`lock api staging "the other way, ${n}"`);
      await j.local("unlock api staging");
    }
    assert.equal((await frozen(j))["ok"], true, "without an agent nobody can tell");
    for (const name of staging) j.host(name).returns();
    await eventually(async () => assert.equal((await frozen(j))["reason"], "history_forked"));
    await eventually(() => assert.ok(staging.every((name) => j.host(name).isConnected())));
    await j.serves("staging", second);
    const { environments } = await adopts(j);
    assert.equal(environments.find((e) => e.environment === "staging")?.live, 2);
    await j.serves("staging", second);
  },
  { staging: 2, prod: 0 },
);

journey(
  "a rollout that the backup caught in the middle ends with the adoption, and its hosts stay where they have come to",
  async (j) => {
    await j.makeLive("staging", first);
    const goOn = j.host("staging-2").waitsBefore("start");
    await j.ana.says(`/deploy api staging ${second}`);
    await j.host("staging-2").stands("start");
    const file = await backedUp(j);
    goOn();
    await j.card("Live", 2);
    await j.serves("staging", second);
    const before = containers(j, staging);

    await goesBackTo(file, j, staging);
    assert.match((await j.local("status")).text, /#2/);
    const report = await eventually(async () => {
      const seen = await adopts(j, true);
      assert.deepEqual(seen.away, []);
      return seen;
    });
    assert.deepEqual(report.ended, [2]);
    await adopts(j);
    assert.match((await j.local("history api staging")).text, /#2 .*cancelled/i);
    assert.match((await j.local("status api")).text, /api staging: r2 \(3f2a1c9\)/);
    assert.deepEqual(containers(j, staging), before);
  },
  { staging: 2, prod: 0, service: { stagingSoak: "20ms" } },
);
