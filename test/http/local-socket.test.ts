// Calls over the local socket that answer in pieces: for as long as the caller is there, and never more than it takes.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { callLocally, type LocalStream, NoServerError, serveLocally, streamLocally } from "../../src/http/local-socket.ts";
import { silent } from "../kit/app.ts";
import { eventually } from "../kit/eventually.ts";

describe("a local call that answers in pieces", () => {
  let folder: string;
  let stop: () => Promise<void>;
  let stream: LocalStream;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "gantry-socket-"));
    const streams = { flow: ((body, to) => stream(body, to)) as LocalStream };
    const handlers = { ping: async () => ({ pong: true }) };
    stop = await serveLocally({ folder, handlers, streams, log: silent });
  });
  afterEach(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function calls(body: object = {}): Promise<readonly object[]> {
    const pieces: object[] = [];
    await streamLocally(folder, { name: "flow", body, onPiece: (piece) => pieces.push(piece) });
    return pieces;
  }

  it("gives them one by one, in any characters, and ends", async () => {
    stream = async (body, { tell }) => {
      for (const n of [1, 2, 3]) tell({ n, body, text: "é\n\u2028".repeat(10_000) });
    };
    const text = "é\n\u2028".repeat(10_000);
    assert.deepEqual(
      await calls({ a: 1 }),
      [1, 2, 3].map((n) => ({ n, body: { a: 1 }, text })),
    );
    assert.deepEqual(await callLocally(folder, "ping", {}), { pong: true });
  });

  it("tells a fault, and that no server is there", async () => {
    stream = async (_body, { tell }) => {
      tell({ n: 1 });
      throw new Error("the disk is full");
    };
    await assert.rejects(calls(), /^Error: the disk is full$/);
    const missing = streamLocally(join(folder, "none"), { name: "flow", body: {}, onPiece: () => undefined });
    await assert.rejects(missing, NoServerError);
  });

  it("the end of the caller is heard", async () => {
    let ended = false;
    let begun = false;
    stream = async (_body, { signal }) => {
      begun = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ended = true;
    };
    const call = request({ socketPath: join(folder, "gantry.sock"), path: "/flow", method: "POST" });
    call.on("error", () => undefined);
    call.end("{}");
    await eventually(() => assert.ok(begun));
    call.destroy();
    await eventually(() => assert.ok(ended));
  });

  it("a caller that does not read is given no more than a mebibyte and the buffers of the socket", async () => {
    let told = 0;
    let isFull = false;
    stream = async (_body, { tell, signal }) => {
      while (tell({ text: "x".repeat(64 * 1024) })) told += 1;
      isFull = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    const call = request({ socketPath: join(folder, "gantry.sock"), path: "/flow", method: "POST" }, (response) => {
      response.pause();
    });
    call.on("error", () => undefined);
    call.end("{}");
    await eventually(() => assert.ok(isFull));
    assert.ok(told < 64, `${told} pieces of 64 KiB`);
    call.destroy();
  });
});
