/** The watcher itself: what it takes for amiss, and that it does not pass for having seen nothing. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eventually } from "../kit/eventually.ts";
import { watchHosts } from "./kit/watcher.ts";

const good = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;

type Running = { readonly Id: string; readonly Image: string; readonly Labels: Readonly<Record<string, string>> };

describe("the watcher of the lab", () => {
  const dockerSocket = join(tmpdir(), `gantry-watched-${process.pid}.sock`);
  let running: Running[] = [];
  let asked = 0;
  /** Containers that are listed as running although their process has ended. */
  const ended = new Set<string>();
  let engine: http.Server;
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-watched-"));
    running = [];
    ended.clear();
    asked = 0;
    engine = http.createServer(({ url }, response) => {
      const id = /^\/containers\/(.+)\/json$/.exec(url ?? "")?.[1];
      if (id !== undefined) return void response.end(JSON.stringify({ State: { Pid: ended.has(id) ? 0 : process.pid } }));
      asked += 1;
      response.end(JSON.stringify(running));
    });
    await new Promise<void>((resolve) => engine.listen(dockerSocket, resolve));
  });
  afterEach(async () => {
    if (engine.listening) await new Promise((resolve) => engine.close(resolve));
    await rm(dockerSocket, { force: true });
    await rm(dir, { recursive: true, force: true });
  });

  function container(id: string, digest: string, member?: string): Running {
    const labels = { "gantry.service": "api", "gantry.environment": "prod", ...(member && { "gantry.member": member }) };
    return { Id: id, Image: `registry.test/api@${digest}`, Labels: labels };
  }

  async function watched(containers: Running[]): Promise<void> {
    running = containers;
    asked = 0;
    const watcher = watchHosts([{ name: "prod-1", dockerSocket, dir }]);
    watcher.approve(good);
    await eventually(() => assert.ok(asked >= 2));
    await watcher.stop();
  }

  it("is content with one of each member, and looks five times a second", async () => {
    const begunAt = Date.now();
    await watched([container("a", good), container("b", good, "metrics")]);
    assert.ok(Date.now() - begunAt < 5_000);
  });

  it("fails when two of one member run", async () => {
    await assert.rejects(watched([container("a", good), container("b", good)]), /prod-1: api\/prod runs 2 times \(a,b\)/);
  });

  it("counts what waits at its gate once it is let through", async () => {
    const gated = container("b", good);
    const waiting = { ...gated, Labels: { ...gated.Labels, "gantry.gate": "b" } };
    await watched([container("a", good), waiting]);
    const gate = join(dir, "agent", "gates", "b");
    await mkdir(gate, { recursive: true });
    await writeFile(join(gate, "open"), "");
    await assert.rejects(watched([container("a", good), waiting]), /api\/prod runs 2 times/);
  });

  it("does not count a container whose process has ended, though its engine does not say so yet", async () => {
    ended.add("a");
    await watched([container("a", good), container("b", good)]);
  });

  it("fails when something runs that nobody approved", async () => {
    await assert.rejects(
      watched([container("a", other)]),
      /prod-1: api runs registry\.test\/api@sha256:b+, which nobody approved/,
    );
  });

  it("fails when it never saw a host", async () => {
    await new Promise((resolve) => engine.close(resolve));
    const watcher = watchHosts([{ name: "prod-1", dockerSocket, dir }]);
    await assert.rejects(watcher.stop(), /saw the hosts 0 times: it proves nothing/);
  });
});
