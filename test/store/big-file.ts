/**
 * A base as it is after years: 100,000 rollouts with a million events, over 20 services in 3 environments on 10 hosts.
 * One rollout is told by the real reducer; the others are written as copies of it, with numbers and times of their own.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import { type LinkKind, linkHash } from "../../src/sqlite/chain.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { aRequest, bo, noon, Told } from "../kit/rollouts.ts";
import { aSpec } from "../kit/stores.ts";

const services = 20;
const environments = ["dev", "staging", "prod"] as const;
const hostsOf = {
  dev: ["dev-1", "dev-2", "dev-3"],
  staging: ["stage-1", "stage-2", "stage-3"],
  prod: ["a-1", "a-2", "b-1", "b-2"],
};

export type Place = { readonly service: string; readonly environment: string };

/** Every place of the file. */
export const bigFilePlaces: readonly Place[] = Array.from({ length: services * environments.length }, (_, i) => placeOf(i));

/** Writes `rollouts` rollouts into the base of the (empty) folder. */
export function makeBigFile(facts: { readonly folder: string; readonly rollouts: number }): void {
  openStore({ folder: facts.folder, migrations: migrationsFolder }).close();
  const db = new Database(join(facts.folder, "gantry.db"));
  db.pragma("journal_mode = off");
  db.pragma("synchronous = off");
  db.pragma("foreign_keys = off");
  db.pragma("ignore_check_constraints = on");
  db.pragma("cache_size = -200000");
  const putBack = withoutGuards(db);
  const write = writerOn(db);
  write.hosts();
  const batch = 2_000;
  for (let first = 0; first < facts.rollouts; first += batch) {
    db.transaction(() => {
      for (let i = first; i < Math.min(first + batch, facts.rollouts); i += 1) write.rollout(i);
    })();
  }
  write.slots(facts.rollouts);
  putBack();
  db.close();
}

/** Takes triggers and indexes away, which cost more than the rows; returns how to make them again. */
function withoutGuards(db: Database.Database): () => void {
  const guards = db
    .prepare<[], { type: string; name: string; sql: string }>(
      "select type, name, sql from sqlite_master where type in ('trigger', 'index') and sql is not null",
    )
    .all();
  for (const { type, name } of guards) db.exec(`drop ${type} ${name}`);
  return () => {
    for (const { sql } of guards) db.exec(sql);
    db.exec(`delete from rollout_ended;
      insert into rollout_ended (phase, n) select phase, count(*) from rollout where ended_at is not null group by phase`);
  };
}

function placeOf(index: number): Place {
  const environment = environments[Math.floor(index / services) % environments.length] ?? "prod";
  return { service: `service-${String(index % services).padStart(2, "0")}`, environment };
}

type Ending = "succeeded" | "restored" | "cancelled";

/** In each place one of twenty was undone, and one of twenty was called off. */
function endingOf(index: number): Ending {
  const turn = (Math.floor(index / bigFilePlaces.length) + index) % 20;
  if (turn === 7) return "restored";
  return turn === 13 ? "cancelled" : "succeeded";
}

function writerOn(db: Database.Database) {
  const chain = chainWriter(db);
  const insertRollout = db.prepare(
    `insert into rollout (number, service, environment, kind, release, phase, version, state, plan, plan_hash, request_key,
       ref, channel, card_ts, requested_at, ended_at, ended_seq)
     values (@number, @service, @environment, 'deploy', @release, @phase, @version, @state, @plan, 'h', @key, 'main', 'C1', '1.2', @at, @endedAt, @number)`,
  );
  const insertEvent = db.prepare("insert into rollout_event (rollout, seq, at, type, body) values (?, ?, ?, ?, ?)");
  const insertRelease = db.prepare(
    `insert into release (service, number, commit_sha, digest, spec, spec_hash, created_at, created_by)
     values (@service, @number, @commit_sha, @digest, @spec, @spec_hash, @created_at, @created_by)`,
  );
  const insertVerdict = db.prepare(
    `insert into verdict (id, service, environment, release, verdict, reason, detail, rollout, at, judged_by)
     values (@id, @service, @environment, @release, @verdict, @reason, @detail, @rollout, @at, @judged_by)`,
  );
  const insertSeen = db.prepare(
    "insert into slot_observation (host, service, environment, at, release, digest, health) values (?, ?, ?, ?, ?, ?, ?)",
  );
  const spec = JSON.stringify(aSpec);
  let verdicts = 0;

  function release(service: string, number: number, at: number): void {
    const commit = String(number).padStart(40, "c");
    const row = {
      service,
      number,
      commit_sha: commit,
      digest: digestOf(number),
      spec,
      spec_hash: "s",
      created_at: at,
      created_by: "ana",
    };
    insertRelease.run(row);
    chain({ kind: "release", service, number, part: 0 }, row);
  }

  function rollout(index: number): void {
    const { service, environment } = placeOf(index);
    const number = index + 1;
    const of = Math.floor(index / (services * environments.length)) + 1;
    const at = noon + number * 60_000;
    if (environment === "dev") release(service, of, at);
    const ending = endingOf(index);
    const copy = templateOf(environment, ending).copy({ number, service, release: of, at });
    insertRollout.run({ ...copy, number, service, environment, release: of, phase: ending, key: `k${number}`, at });
    copy.events.forEach(({ type, body, after }, i) => {
      const row = { rollout: number, seq: i + 1, at: at + after, type, body };
      insertEvent.run(number, i + 1, row.at, type, body);
      chain({ kind: "event", service: "", number, part: i + 1 }, row);
    });
    if (ending === "cancelled") return;
    const judged = ending === "succeeded" ? { verdict: "good", reason: null } : { verdict: "bad", reason: "unhealthy" };
    verdicts += 1;
    const row = {
      id: verdicts,
      service,
      environment,
      release: of,
      ...judged,
      detail: null,
      rollout: number,
      at,
      judged_by: null,
    };
    insertVerdict.run(row);
    chain({ kind: "verdict", service: "", number: verdicts, part: 0 }, row);
    for (const host of hostsOf[environment as "dev"]) insertSeen.run(host, service, environment, at, of, digestOf(of), "ok");
  }

  return { release, rollout, hosts: () => writeHosts(db), slots: (rollouts: number) => writeSlots(db, rollouts) };
}

function digestOf(release: number): string {
  return `sha256:${String(release).padStart(64, "0")}`;
}

function writeHosts(db: Database.Database): void {
  const insert = db.prepare("insert into host (name, labels, public_key, enrolled_at, last_seen_at) values (?, ?, 'k', 1, 2)");
  for (const [env, names] of Object.entries(hostsOf)) {
    for (const name of names) insert.run(name, JSON.stringify({ env, zone: name.slice(0, 1) }));
  }
}

/** What the last rollouts left behind. */
function writeSlots(db: Database.Database, rollouts: number): void {
  const insert = db.prepare(
    `insert into slot (host, service, environment, generation, rollout, release, observed, observed_at)
     values (@host, @service, @environment, 7, @rollout, @release, @observed, 1)`,
  );
  for (let index = Math.max(0, rollouts - bigFilePlaces.length); index < rollouts; index += 1) {
    const { service, environment } = placeOf(index);
    const release = Math.floor(index / bigFilePlaces.length) + 1;
    const container = { containerId: "c".repeat(64), release, digest: digestOf(release), generation: 7 };
    const live = { ...container, startedAt: noon, restarts: 0, health: "ok", detail: null };
    const previous = { containerId: "d".repeat(64), release: release - 1, digest: digestOf(release - 1) };
    const outcome = { ok: true, tookMs: 1200 };
    const observed = JSON.stringify({ service, environment, generation: 7, step: "serving", outcome, live, previous });
    for (const host of hostsOf[environment as "dev"]) {
      insert.run({ host, service, environment, rollout: index + 1, release, observed });
    }
  }
}

function chainWriter(db: Database.Database) {
  const insert = db.prepare("insert into chain (seq, kind, service, number, part, hash) values (?, ?, ?, ?, ?, ?)");
  let seq = 0;
  let before = "";
  return (key: { kind: LinkKind; service: string; number: number; part: number }, fact: object): void => {
    seq += 1;
    const hash = linkHash(before, key.kind, fact);
    insert.run(seq, key.kind, key.service, key.number, key.part, hash);
    before = hash.toString("hex");
  };
}

type Copy = {
  readonly state: string;
  readonly plan: string;
  readonly version: number;
  readonly endedAt: number;
  readonly events: readonly { readonly type: string; readonly body: string; readonly after: number }[];
};
type Template = { copy(facts: { number: number; service: string; release: number; at: number }): Copy };

const templates = new Map<string, Template>();

function templateOf(environment: string, ending: Ending): Template {
  const name = `${environment} ${ending}`;
  const known = templates.get(name);
  if (known !== undefined) return known;
  const made = template(environment, ending);
  templates.set(name, made);
  return made;
}

/** Numbers that stand for others, so long that nothing else looks like them. */
const marks = { number: 900_000_001, release: 900_000_002, from: 900_000_003, back: 900_000_004 };

/** One rollout, told to its end by the reducer. */
function template(environment: string, ending: Ending): Template {
  const hostNames = hostsOf[environment as "dev"];
  const request = aRequest({ ...marks, service: "@service", environment, hostNames, canary: 1, batch: 2 });
  const told = new Told(request);
  let at = noon;
  const later = (ms = 1000) => {
    at += ms;
    return at;
  };
  told.tell({ type: "approved", at: later(), by: bo });
  for (const host of ending === "cancelled" ? [] : hostNames) told.tell({ type: "image_present", at: later(), host });
  if (ending === "cancelled") told.tell({ type: "cancelled", at: later(), by: bo, why: null, blame: false });
  for (let tries = 0; told.state.endedAt === null && tries < 50; tries += 1) {
    for (const { host, status } of told.state.hosts) {
      if (status === "restoring") told.tell({ type: "host_restored", at: later(), host });
      if (status !== "swapping") continue;
      const failure = { reason: "unhealthy", detail: "503", logTail: [] } as const;
      const fails = ending === "restored" && host === hostNames[1];
      told.tell(
        fails
          ? { type: "host_failed", at: later(), host, ...failure }
          : { type: "host_swapped", at: later(), host, tookMs: 1200 },
      );
    }
    told.tell({ type: "soaked", at: later(40_000) });
  }
  if (told.state.watch !== null) told.tell({ type: "watch_ended", at: later(600_000), quiet: true });
  const events = [request, ...told.events].map((event) => ({ type: event.type, text: textOf(event), after: event.at - noon }));
  const { phase, endedAt } = told.state;
  if (phase !== ending || endedAt === null) throw new Error(`the rollout was to end as ${ending}, and is ${phase}`);
  const state = textOf(told.state);
  const plan = textOf({ ...planOf(request) });
  return {
    copy(facts) {
      const fill = filler(facts);
      return {
        state: fill(state),
        plan: fill(plan),
        version: events.length,
        endedAt: facts.at + (endedAt - noon),
        events: events.map(({ type, text, after }) => ({ type, after, body: fill(text) })),
      };
    },
  };
}

function planOf(request: ReturnType<typeof aRequest>) {
  const { service, environment, kind, release, from, batches, policy } = request;
  const hosts = request.hosts.map((h) => ({ host: h.host, from: h.from, labels: {} }));
  const build = { digest: digestOf(1), commit: "c".repeat(40), specHash: "s" };
  return { service, environment, kind, release, ...build, from, hosts, leftOut: [], batches, policy };
}

type Piece = string | { readonly is: "number" | "release" | "from" | "back" | "service" } | { readonly after: number };

/** JSON, cut where something of its own goes into each copy. Times are the numbers near noon. */
function textOf(value: object): readonly Piece[] {
  const names = new Map(Object.entries(marks).map(([name, mark]) => [String(mark), name as "number"]));
  return JSON.stringify(value)
    .split(/(9000000\d\d|@service|17676\d{8})/)
    .map((piece): Piece => {
      if (piece === "@service") return { is: "service" };
      const is = names.get(piece);
      if (is !== undefined) return { is };
      return /^17676\d{8}$/.test(piece) ? { after: Number(piece) - noon } : piece;
    });
}

function filler(facts: { number: number; service: string; release: number; at: number }) {
  const values = { ...facts, from: Math.max(1, facts.release - 1), back: Math.max(1, facts.release - 2) };
  const one = (piece: Piece) => {
    if (typeof piece === "string") return piece;
    return String("is" in piece ? values[piece.is] : facts.at + piece.after);
  };
  return (pieces: readonly Piece[]) => pieces.map(one).join("");
}
