/** Who may read logs, of which hosts, and what is said of a host that shows none. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Actor } from "../../src/app/ports.ts";
import { type Ask, AskError } from "../../src/core/ask.ts";
import { anApp, ana, type TestApp } from "../kit/app.ts";

const mallory: Actor = { kind: "slack", id: "U0MAL", name: "mallory" };

describe("logs of a place", () => {
  let fleet: TestApp;
  let asked: { readonly host: string; readonly body: object; readonly deadlineMs: number | null }[];
  let answers: (host: string, onPiece: Ask["onPiece"]) => void;
  beforeEach(() => {
    asked = [];
    answers = (host, onPiece) => onPiece({ lines: [{ member: null, text: `hello from ${host}` }], dropped: 0, note: null });
    fleet = anApp({
      hosts: ["web-1", "web-2"],
      ask: async (host, { body, deadlineMs, onPiece }) => {
        asked.push({ host, body, deadlineMs });
        answers(host, onPiece);
      },
    });
  });
  afterEach(() => fleet.stop());

  async function reads(more: { host?: string; member?: string; actor?: Actor; follow?: boolean; environment?: string } = {}) {
    const { host = null, member = null, actor = ana, follow = false, environment = "prod" } = more;
    const lines: string[] = [];
    const told = await fleet.app.gantry.logs({
      ...{ service: "api", environment, host, member, lines: 50, sinceMs: 60_000, previous: false, follow, actor },
      signal: new AbortController().signal,
      onPiece: (from, piece) => void lines.push(...piece.lines.map((line) => `${from}: ${line.text}`)),
    });
    if (told.kind === "refused") return `${told.refusal.reason}: ${told.refusal.text}`;
    return { lines: lines.sort(), faults: told.faults.map((f) => `${f.host} ${f.reason}: ${f.text}`) };
  }

  it("every host of the place is asked, with a deadline unless it is followed", async () => {
    assert.deepEqual(await reads(), { lines: ["web-1: hello from web-1", "web-2: hello from web-2"], faults: [] });
    const body = {
      service: "api",
      environment: "prod",
      member: null,
      lines: 50,
      sinceMs: 60_000,
      previous: false,
      follow: false,
    };
    assert.deepEqual(asked[0], { host: "web-1", body, deadlineMs: 25_000 });
    assert.deepEqual(await reads({ host: "web-2", follow: true }), { lines: ["web-2: hello from web-2"], faults: [] });
    assert.deepEqual(asked.at(-1)?.deadlineMs, null);
  });

  it("only those who may act there read them, and nobody is asked for others", async () => {
    assert.equal(
      await reads({ actor: mallory }),
      "not_allowed: Only deployers or oncall may read the logs of api prod; you are not one of them.",
    );
    assert.deepEqual(asked, []);
  });

  it("an unknown place, host or container is told at once", async () => {
    assert.match(String(await reads({ environment: "moon" })), /^unknown_environment: /);
    assert.equal(await reads({ host: "web-9" }), "unknown_host: There is no host web-9. Those of api prod: web-1, web-2.");
    fleet.store.hosts.put({ name: "db-1", labels: { env: "data" }, publicKey: "db-1", at: 1 });
    assert.equal(await reads({ host: "db-1" }), "unknown_host: db-1 is no host of api prod. Those are: web-1, web-2.");
    assert.equal(await reads({ member: "metricz" }), "no_container: api has no container metricz. It has: api.");
    assert.deepEqual(asked, []);
  });

  it("a host that cannot answer says why, and the others are shown", async () => {
    answers = (host, onPiece) => {
      if (host === "web-1") throw new AskError("host_lost", "its agent is not connected");
      onPiece({ lines: [{ text: "still here" }] });
    };
    assert.deepEqual(await reads(), {
      lines: ["web-2: still here"],
      faults: ["web-1 host_lost: its agent is not connected"],
    });
    answers = (_host, onPiece) => onPiece({ lines: "odd" });
    assert.deepEqual(await reads({ host: "web-1" }), {
      lines: [],
      faults: ["web-1 internal: its agent's answer is not understood"],
    });
  });
});
