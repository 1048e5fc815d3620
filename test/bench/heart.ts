/** The heart: events through reducer and commit, and a base as it is after years. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { projectRoot } from "../../scripts/checks.ts";
import type { Store } from "../../src/app/store.ts";
import { step } from "../../src/core/rollout.ts";
import type { LaterEvent, RolloutEvent } from "../../src/core/rollout-state.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { anApp, type TestApp } from "../kit/app.ts";
import { storeRollout } from "../kit/stores.ts";
import { bigFilePlaces, makeBigFile, type Place } from "../store/big-file.ts";
import { openBigApp } from "./big-app.ts";
import type { Judge } from "./judge.ts";
import { percentile } from "./statistics.ts";

const hosts = Array.from({ length: 8 }, (_, i) => `prod-${i + 1}`);

export async function benchHeart(judge: Judge): Promise<void> {
  console.log("Events, each in a commit of its own under FULL; the floor is one bare insert per commit:");
  const floor = bareCommits(3_000);
  const whole = await throughConductor(4_000);
  const events = throughReducer(whole.logs);
  const beside = (rate: number) => `${rate.toFixed(0)}/s, ${(rate / floor).toFixed(2)} of the floor`;
  console.log(`  the floor: ${floor.toFixed(0)}/s`);
  console.log(`  reducer, event, snapshot and chain: ${beside(events)}`);
  console.log(`  with desired state, timers, outbox and the look at the hosts besides: ${beside(whole.rate)}`);
  judge({ what: "events through reducer and commit", value: events, atLeast: 1_500, unit: "/s" });
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  try {
    await afterYears(folder, judge);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the disk allows: one row per transaction with the same pragmas. */
function bareCommits(count: number): number {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  try {
    const db = new Database(join(folder, "bare.db"));
    db.pragma("journal_mode = wal");
    db.pragma("synchronous = full");
    db.exec("create table fact (id integer primary key, body text not null) strict");
    const insert = db.prepare("insert into fact (body) values (?)");
    const body = JSON.stringify({ type: "host_swapped", at: 1, host: "prod-1", tookMs: 300 });
    const start = performance.now();
    for (let i = 0; i < count; i++) insert.run(body);
    const took = performance.now() - start;
    db.close();
    return (count * 1000) / took;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rollouts over eight hosts. What hosts report besides, so that the next batch finds them well, is not measured. */
async function throughConductor(least: number): Promise<{ readonly rate: number; readonly logs: RolloutEvent[][] }> {
  const app = anApp({
    hosts,
    policy: { batch: { percent: 50 }, soakMs: 0, endSoakMs: 0, watch: { forMs: 0, onUnwell: "raise" } },
  });
  const logs: RolloutEvent[][] = [];
  let events = 0;
  let spentMs = 0;
  const tell = (number: number, event: LaterEvent) => {
    const start = performance.now();
    app.app.conductor.tell(number, event);
    spentMs += performance.now() - start;
    events += 1;
  };
  try {
    for (let round = 1; events < least; round++) {
      const number = await app.asks(String((round % 9) + 1).repeat(40));
      for (const host of hosts) tell(number, { type: "image_present", at: app.clock.now(), host });
      for (let turn = 0; turn < 20 && app.state(number).endedAt === null; turn++) tellTurn(app, number, tell);
      if (app.state(number).endedAt === null) throw new Error(`#${number} did not end: ${app.state(number).phase}`);
      logs.push([...app.store.rollouts.events(number)]);
    }
    return { rate: (events * 1000) / spentMs, logs };
  } finally {
    app.stop();
  }
}

/** The same events once more, on a base of their own. */
function throughReducer(logs: readonly RolloutEvent[][]): number {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  const store = openStore({ folder, migrations: migrationsFolder });
  let events = 0;
  let spentMs = 0;
  try {
    for (const [requested, ...rest] of logs) {
      if (requested?.type !== "requested") throw new Error("a log begins with its request");
      storeRollout(store, requested);
      const start = performance.now();
      for (const event of rest) stepAndCommit(store, requested.number, event as LaterEvent);
      spentMs += performance.now() - start;
      events += rest.length;
    }
    return (events * 1000) / spentMs;
  } finally {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function stepAndCommit(store: Store, number: number, event: LaterEvent): void {
  store.transact(() => {
    const known = store.rollouts.find(number);
    const next = known === null ? null : step(known.state, event);
    if (known === null || next?.kind !== "moved") throw new Error(`#${number} does not move by ${event.type}`);
    store.rollouts.append({ number, version: known.version, event, state: next.state });
  });
}

function tellTurn(app: TestApp, number: number, tell: (number: number, event: LaterEvent) => void): void {
  const at = app.clock.now();
  for (const { host, status } of app.state(number).hosts) {
    if (status !== "swapping") continue;
    tell(number, { type: "host_swapped", at, host, tookMs: 300, restarts: 0 });
    app.reports(host);
  }
  if (app.state(number).phase === "soaking") tell(number, { type: "soaked", at });
}

async function afterYears(folder: string, judge: Judge): Promise<void> {
  const data = join(folder, "data");
  mkdirSync(data);
  console.log("A base of 100,000 rollouts and a million events (it takes a while to make):");
  makeBigFile({ folder: data, rollouts: 100_000 });
  judge({ what: "start of the server to ready", value: (await startToReady(folder, data)) / 1000, atMost: 5, unit: " s" });
  const big = openBigApp(data);
  try {
    const { gantry } = big.app;
    const place = (i: number): Place => bigFilePlaces[(i * 7) % bigFilePlaces.length] as Place;
    const asks = {
      "status of one environment": (i: number) => gantry.status(place(i)),
      "status of everything": () => gantry.status({ service: null, environment: null }),
      "history of one environment": (i: number) => gantry.history({ ...place(i), limit: 20 }),
      "history of everything": () => gantry.history({ service: null, environment: null, limit: 20 }),
      "why of a rollout": (i: number) => gantry.why([`#${1 + ((i * 7919) % 100_000)}`]),
      "why of an environment": (i: number) => gantry.why([place(i).service, place(i).environment]),
      "why of a host": () => gantry.why(["a-1"]),
    };
    for (const [what, ask] of Object.entries(asks)) judge({ what: `${what}, p99`, value: p99(ask), atMost: 10, unit: " ms" });
  } finally {
    big.stop();
  }
}

/** Of 300 answers, after so many that the code is compiled, as it is in a server that has been asked before. */
function p99(ask: (i: number) => unknown): number {
  const times: number[] = [];
  for (let i = 0; i < 50; i++) ask(i);
  for (let i = 50; i < 350; i++) {
    const start = performance.now();
    ask(i);
    times.push(performance.now() - start);
  }
  return percentile(
    times.sort((a, b) => a - b),
    99,
  );
}

/** The real process, without a Slack that answers: ready is the database and the port. */
async function startToReady(folder: string, data: string): Promise<number> {
  const config = join(folder, "gantry.yml");
  mkdirSync(join(folder, "services"), { recursive: true });
  writeFileSync(config, "services: ./services\npeople: { deployers: { everyone: true } }\n");
  const service =
    "services: { api: { image: registry.test/api } }\nx-gantry: { environments: { prod: { hosts: { env: prod } } } }\n";
  writeFileSync(join(folder, "services", "service-00.yml"), `name: service-00\n${service}`);
  const env = {
    ...process.env,
    GANTRY_CONFIG: config,
    GANTRY_DATA: data,
    GANTRY_PORT: "0",
    SLACK_BOT_TOKEN: "xoxb-bench",
    SLACK_APP_TOKEN: "xapp-bench",
    SLACK_API_URL: "http://127.0.0.1:9/api/",
  };
  const start = performance.now();
  const server = spawn(process.execPath, ["src/cli.ts", "server"], { cwd: projectRoot, env, stdio: ["ignore", "pipe", "pipe"] });
  try {
    let printed = "";
    let took: number | null = null;
    for await (const chunk of server.stdout) {
      printed += String(chunk);
      const port = /"port":(\d+)/.exec(printed)?.[1];
      if (port === undefined || !printed.includes("gantry is up")) continue;
      const page = await (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
      if ((page as { parts: { database: { ok: boolean } } }).parts.database.ok) took = performance.now() - start;
      break;
    }
    if (took === null) throw new Error(`the server did not become ready:\n${printed}`);
    return took;
  } finally {
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  }
}
