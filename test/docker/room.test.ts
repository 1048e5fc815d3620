/** A disk without room, as the engine's host sees it: no swap begins, and inodes are told from bytes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { type Engine, EngineError } from "../../src/host/engine.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { mountSmallDisk, type SmallDisk } from "../kit/small-disk.ts";

describe("an engine whose disk is", () => {
  let folder: string;
  let server: http.Server;
  let dataRoot: string;
  const asked: string[] = [];
  const id = "c".repeat(64);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "gantry-room-"));
    server = http.createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "", "http://engine");
      asked.push(`${request.method} ${pathname}`);
      const isStart = pathname.endsWith("/start");
      const body = isStart ? { message: "mkdir /x: no space left on device" } : { DockerRootDir: dataRoot, Id: id };
      response.writeHead(isStart ? 500 : 200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    server.listen(join(folder, "engine.sock"));
    await once(server, "listening");
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function on(size: string, work: (engine: Engine, disk: SmallDisk) => Promise<void>): Promise<void> {
    const disk = mountSmallDisk(size);
    dataRoot = disk.folder;
    asked.length = 0;
    try {
      await work(createDockerEngine({ dockerHost: `unix://${folder}/engine.sock` }), disk);
    } finally {
      disk.unmount();
    }
  }

  const create = (engine: Engine) =>
    engine.create({ name: "one", imageRef: "r.test/api@sha256:1", spec: plainSpec, environment: [], labels: {} });

  function saying(reason: string, message: RegExp) {
    return (thrown: unknown) => {
      assert.ok(thrown instanceof EngineError);
      assert.equal(thrown.reason, reason, thrown.message);
      assert.match(thrown.message, message);
      return true;
    };
  }

  it("full refuses to make a container, and is not asked to", async () => {
    await on("32m", async (engine, disk) => {
      assert.equal(await create(engine), id, "with room it does");
      asked.length = 0;
      disk.fill();
      await assert.rejects(create(engine), saying("disk_full", /^0\.\d MB are free on the disk of .*: nothing was touched$/));
      assert.deepEqual(asked, []);
      await assert.rejects(engine.start(id), saying("disk_full", /^mkdir \/x: no space left on device$/));
    });
  });

  it("without inodes says so, before and after", async () => {
    await on("32m,nr_inodes=150", async (engine) => {
      assert.equal(await create(engine), id);
      asked.length = 0;
      await Promise.all(Array.from({ length: 120 }, (_, n) => writeFile(join(dataRoot, String(n)), "")));
      await assert.rejects(create(engine), saying("inodes_full", /^\d+ inodes are free on the disk of .*: nothing was touched$/));
      assert.deepEqual(asked, []);
      await assert.rejects(engine.start(id), saying("inodes_full", /^mkdir \/x: no space left on device \(\d+ inodes free\)$/));
    });
  });

  it("not to be seen from here lets the engine try", async () => {
    await on("32m", async (engine) => {
      dataRoot = "/no/such/folder";
      assert.equal(await create(engine), id);
      assert.equal(await engine.freeBytes(), null);
    });
  });
});
