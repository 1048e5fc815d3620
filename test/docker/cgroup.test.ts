import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { readCgroup, readNetwork } from "../../src/docker/cgroup.ts";

const containerId = "4f".repeat(32);
const pid = 4711;

describe("what the kernel says of a container", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "gantry-cgroup-"));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  }

  const read = (process = { pid, containerId }) => readCgroup(process, join(root, "proc"));
  const v1Mount = (name: string, mountRoot = "/") =>
    `3${name.length} 25 0:29 ${mountRoot} ${root}/sys/${name} rw,nosuid - cgroup cgroup rw,${name}`;

  async function version1(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const path = `docker/${containerId}`;
    await write({
      [`proc/${pid}/cgroup`]: `12:name=systemd:/x\n5:memory:/${path}\n4:cpu,cpuacct:/${path}\n0::/\n`,
      "proc/self/mountinfo": `${v1Mount("memory")}\n${v1Mount("cpu,cpuacct")}\n36 25 0:30 / ${root}/sys/unified rw - cgroup2 cgroup2 rw\n`,
      [`sys/cpu,cpuacct/${path}/cpuacct.usage`]: "8250000000\n",
      [`sys/memory/${path}/memory.usage_in_bytes`]: "10000000\n",
      [`sys/memory/${path}/memory.limit_in_bytes`]: "9223372036854771712\n",
      [`sys/memory/${path}/memory.stat`]: "cache 4000000\ninactive_file 1\ntotal_cache 4000000\ntotal_inactive_file 3000000\n",
      ...more,
    });
  }

  it("reads version 1: the working set is what is used without idle file cache", async () => {
    await version1();
    assert.deepEqual(read(), { cpuMs: 8_250, memoryBytes: 7_000_000, memoryLimitBytes: null });
  });

  it("knows a limit", async () => {
    await version1({ [`sys/memory/docker/${containerId}/memory.limit_in_bytes`]: "33554432\n" });
    assert.equal(read()?.memoryLimitBytes, 33_554_432);
  });

  async function version2(limit: string): Promise<void> {
    const path = `system.slice/docker-${containerId}.scope`;
    await write({
      [`proc/${pid}/cgroup`]: `0::/${path}\n`,
      "proc/self/mountinfo": `29 23 0:26 / ${root}/sys rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n`,
      [`sys/${path}/cpu.stat`]: "usage_usec 8250000\nuser_usec 8000000\nsystem_usec 250000\n",
      [`sys/${path}/memory.current`]: "10000000\n",
      [`sys/${path}/memory.max`]: `${limit}\n`,
      [`sys/${path}/memory.stat`]: "anon 6000000\nfile 4000000\ninactive_anon 5\ninactive_file 3000000\n",
    });
  }

  it("reads version 2 to the same figures", async () => {
    await version2("max");
    assert.deepEqual(read(), { cpuMs: 8_250, memoryBytes: 7_000_000, memoryLimitBytes: null });
    await version2("33554432");
    assert.equal(read()?.memoryLimitBytes, 33_554_432);
  });

  it("finds the files below a mount that begins further down", async () => {
    await version1();
    const mounts = `${v1Mount("memory", "/docker")}\n${v1Mount("cpu,cpuacct")}\n`;
    await write({ "proc/self/mountinfo": mounts });
    assert.equal(read(), null);
    await write({
      [`sys/memory/${containerId}/memory.usage_in_bytes`]: "10000000\n",
      [`sys/memory/${containerId}/memory.limit_in_bytes`]: "33554432\n",
      [`sys/memory/${containerId}/memory.stat`]: "total_inactive_file 0\n",
    });
    assert.equal(read()?.memoryBytes, 10_000_000);
  });

  it("says nothing of a pid that is another process by now, and nothing of one that is gone", async () => {
    await version1();
    assert.equal(read({ pid, containerId: "e1".repeat(32) }), null);
    assert.equal(read({ pid: pid + 1, containerId }), null);
  });

  it("says nothing rather than something wrong: a namespace of its own, half-written figures", async () => {
    await version1({ [`proc/${pid}/cgroup`]: `5:memory:/../${containerId}\n4:cpu,cpuacct:/../${containerId}\n` });
    assert.equal(read(), null);
    await version1({ [`sys/cpu,cpuacct/docker/${containerId}/cpuacct.usage`]: "" });
    assert.equal(read(), null);
  });

  it("adds up the network without its loopback", async () => {
    const head = "Inter-|   Receive\n face |bytes\n";
    const lines = ["    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0", "  eth0:1000 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0"];
    await write({ [`proc/${pid}/net/dev`]: `${head}${lines.join("\n")}\n  eth1: 50 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n` });
    assert.deepEqual(readNetwork(pid, join(root, "proc")), { receivedBytes: 1_050, sentBytes: 207 });
    assert.equal(readNetwork(pid + 1, join(root, "proc")), null);
  });
});
