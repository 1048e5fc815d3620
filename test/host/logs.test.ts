// Logs of a slot's containers, as the agent shows them: cleaned, bounded, and with what takes the place of another.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import { AskError } from "../../src/core/ask.ts";
import { type LogPiece, type LogsAsk, logPieceOf, logsAskOf } from "../../src/core/logs.ts";
import { createFakeEngine, type FakeEngine } from "../../src/docker/fake.ts";
import { EngineError } from "../../src/host/engine.ts";
import { createCleaner } from "../../src/host/log-tail.ts";
import { createLogs } from "../../src/host/logs.ts";
import { eventually } from "../kit/eventually.ts";
import { plainSpec } from "./kit/orders.ts";

const repository = "registry.test/api";
const digest = `sha256:${"a".repeat(64)}`;

describe("logs of a slot", () => {
  let engine: FakeEngine;
  let gone: AbortController;
  let asking: Promise<unknown>[];
  beforeEach(() => {
    engine = createFakeEngine({ clock: systemClock });
    engine.registries.push({ repository, digest, program: { logs: ["ready"] } });
    gone = new AbortController();
    asking = [];
  });
  afterEach(async () => {
    gone.abort();
    await Promise.allSettled(asking);
    assert.equal(engine.followers(), 0, "nobody follows the engine any more");
    for (const { id } of await engine.list()) await engine.remove(id);
  });

  async function runs(
    generation: number,
    more: { member?: string; environment?: readonly string[]; role?: string; isStarted?: boolean } = {},
  ): Promise<string> {
    const { member, environment = [], role = "live", isStarted = true } = more;
    const imageRef = await engine.pull({ repository, digest, signal: new AbortController().signal });
    const labels = {
      ...{ "gantry.service": "api", "gantry.environment": "prod", "gantry.role": role },
      ...{ "gantry.release": `r${generation}`, "gantry.generation": String(generation) },
      ...(member === undefined ? {} : { "gantry.member": member }),
    };
    const name = `gantry-api.prod.${member ?? "api"}-g${generation}-${role}`;
    const id = await engine.create({ name, imageRef, spec: { ...plainSpec, image: repository }, environment, labels });
    if (isStarted) await engine.start(id);
    return id;
  }

  function asks(more: Partial<LogsAsk> = {}) {
    const pieces: LogPiece[] = [];
    const body = { ...ask, ...more };
    const tell = async (piece: object) =>
      void pieces.push(logPieceOf(JSON.parse(JSON.stringify(piece))) ?? assert.fail("not a piece"));
    const done = createLogs({ engine, clock: systemClock })({
      body,
      tell,
      signal: gone.signal,
    });
    done.catch(() => undefined);
    asking.push(done);
    const lines = () => pieces.flatMap((p) => p.lines.map(({ member, text }) => (member === null ? text : `${member}: ${text}`)));
    return {
      pieces,
      lines,
      done,
      dropped: () => pieces.reduce((sum, p) => sum + p.dropped, 0),
      notes: () => pieces.flatMap((p) => p.note ?? []),
    };
  }

  const ask: LogsAsk = {
    ...{ service: "api", environment: "prod", member: null, lines: 3 },
    ...{ sinceMs: null, previous: false, follow: false },
  };

  const rejectsWith = (reason: string, text: RegExp) => (error: unknown) => {
    assert.ok(error instanceof AskError || error instanceof EngineError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, text);
    return true;
  };

  it("the last lines of every container, with the names of the supporting ones", async () => {
    const id = await runs(1);
    const metrics = await runs(1, { member: "metrics" });
    for (const n of [1, 2, 3, 4]) engine.print(id, `request ${n}`);
    engine.print(metrics, "scraped");
    const { lines, done } = asks();
    await done;
    assert.deepEqual(lines().sort(), ["metrics: ready", "metrics: scraped", "request 2", "request 3", "request 4"]);
    const one = asks({ member: "metrics" });
    await one.done;
    assert.deepEqual(one.lines(), ["metrics: ready", "metrics: scraped"]);
    const released = asks({ member: "api", lines: 1 });
    await released.done;
    assert.deepEqual(released.lines(), ["request 4"]);
  });

  it("the one before: the failed or the replaced one, while it is there; not the copy that is kept for the way back", async () => {
    const first = await runs(1);
    engine.print(first, "of the first");
    await runs(1, { role: "previous", isStarted: false });
    const none = /no container before the present one of api prod is here any more/;
    await assert.rejects(asks({ previous: true }).done, rejectsWith("no_container", none));
    engine.crash(first, 1);
    const second = await runs(2);
    engine.print(second, "of the second");
    const before = asks({ previous: true, lines: 1 });
    await before.done;
    assert.deepEqual(before.lines(), ["of the first"]);
    engine.crash(second, 1);
    await engine.start(first);
    const failed = asks({ previous: true, lines: 1 });
    await failed.done;
    assert.deepEqual(failed.lines(), ["of the second"]);
  });

  it("says that there is none, and what the engine says", async () => {
    await assert.rejects(asks().done, rejectsWith("no_container", /no container of api prod has run here/));
    await runs(1);
    await assert.rejects(asks({ member: "db" }).done, rejectsWith("no_container", /no container of db of api prod has run here/));
    engine.failNext(
      "logs",
      new EngineError({ reason: "engine_error", message: "configured logging driver does not support reading" }),
    );
    await assert.rejects(asks().done, rejectsWith("engine_error", /does not support reading/));
    engine.setDown(true);
    await assert.rejects(asks().done, rejectsWith("engine_down", /does not answer/));
    engine.setDown(false);
    await assert.rejects(asks({ lines: 0 }).done, rejectsWith("incompatible_agent", /not understood/));
  });

  it("secrets of the container and control characters do not travel", async () => {
    const id = await runs(1, {
      environment: ["DB_PASSWORD=hunter22", "SIGNING_SECRET=first-line\nsecond-line", "COLOUR=violet"],
    });
    for (const line of ["login hunter22 violet", "\u001b[31mred\u0007\u202e", "second-line", "ghp_0123456789abcdefghij"])
      engine.print(id, line);
    const { lines, done } = asks({ lines: 4 });
    await done;
    assert.deepEqual(lines(), ["login [redacted] violet", "red", "[redacted]", "[redacted]"]);
  });

  it("follows what comes, the same container when it comes up again, and the one that takes its place", async () => {
    const id = await runs(1);
    const { lines, notes, done } = asks({ follow: true });
    await eventually(() => assert.deepEqual(lines(), ["ready"]));
    engine.print(id, "one");
    await eventually(() => assert.deepEqual(lines(), ["ready", "one"]));
    engine.crash(id, 1);
    await eventually(() => assert.equal(engine.followers(), 0));
    await engine.start(id);
    await eventually(() => assert.equal(engine.followers(), 1), 5_000);
    engine.print(id, "up again");
    await eventually(() => assert.equal(lines().at(-1), "up again"));
    engine.crash(id, 1);
    const next = await runs(2);
    await eventually(() => assert.equal(notes().length, 1), 5_000);
    engine.print(next, "two");
    await eventually(() => assert.deepEqual(lines().at(-1), "two"));
    assert.deepEqual(notes(), ["api: a container of r2 begins"]);
    gone.abort();
    await done;
  });

  it("says once that the engine does not answer, and goes on when it does", async () => {
    const id = await runs(1);
    const { lines, notes } = asks({ follow: true });
    await eventually(() => assert.equal(engine.followers(), 1));
    engine.setDown(true);
    await eventually(() => assert.deepEqual(notes(), ["the engine does not answer"]), 5_000);
    engine.setDown(false);
    engine.print(id, "back");
    await eventually(() => assert.deepEqual(lines(), ["ready", "back"]));
  });

  it("a flood is left out and counted, and the newest lines come", async () => {
    const id = await runs(1);
    const { lines, dropped } = asks({ follow: true });
    await eventually(() => assert.deepEqual(lines(), ["ready"]));
    for (let n = 1; n <= 5_000; n += 1) engine.print(id, `line ${n}`);
    await eventually(() => assert.equal(lines().at(-1), "line 5000"));
    assert.equal(dropped(), 4_000);
    assert.equal(lines().length, 1_001);
  });

  it("pieces stay small, however long the lines are", async () => {
    const id = await runs(1);
    for (let n = 0; n < 500; n += 1) engine.print(id, '\u00e9"'.repeat(5_000));
    const { pieces, lines, done } = asks({ lines: 500 });
    await done;
    assert.equal(lines().length, 500);
    assert.ok(lines().every((line) => line.length === 1_000));
    assert.ok(pieces.every((piece) => Buffer.byteLength(JSON.stringify(piece)) < 64 * 1024));
  });
});

describe("a cleaner", () => {
  it("takes out a private key that goes over several lines, and nothing after it", () => {
    const clean = createCleaner({ environment: [], lineLength: 100 });
    const printed = ["before", "-----BEGIN RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEA7", "-----END RSA PRIVATE KEY-----", "after"];
    assert.deepEqual(printed.map(clean), ["before", "[redacted]", "[redacted]", "[redacted]", "after"]);
  });
});

describe("what travels", () => {
  it("is only what it should be", () => {
    const ask = { service: "api", environment: "prod", lines: 5, previous: false, follow: true };
    assert.deepEqual(logsAskOf(ask), { ...ask, member: null, sinceMs: null });
    for (const wrong of [
      null,
      1,
      {},
      { ...ask, lines: 100_000 },
      { ...ask, service: "" },
      { ...ask, follow: 1 },
      { ...ask, sinceMs: -1 },
    ])
      assert.equal(logsAskOf(wrong), null, JSON.stringify(wrong));
    for (const wrong of [
      null,
      {},
      { lines: 1 },
      { lines: [1] },
      { lines: [{ text: "x".repeat(3_000) }] },
      { lines: [], dropped: -1 },
    ])
      assert.equal(logPieceOf(wrong), null, JSON.stringify(wrong));
    const piece = { lines: [{ text: "a\u001b[2Jb\nc" }], note: "x\u0007" };
    assert.deepEqual(logPieceOf(piece), { lines: [{ member: null, text: "abc" }], dropped: 0, note: "x" });
  });
});
