import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { portHolder } from "../../src/host/socket-owner.ts";

describe("who holds a port", () => {
  let proc: string;
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "gantry-proc-"));
  });
  afterEach(() => rmSync(proc, { recursive: true, force: true }));

  /** A process as /proc shows it. `fd` null: it has ended between two looks; "hidden": this agent may not look. */
  function process(pid: number, facts: { fd: readonly number[] | null | "hidden"; children?: readonly number[]; comm?: string }) {
    const path = join(proc, String(pid));
    mkdirSync(join(path, "task", String(pid)), { recursive: true });
    mkdirSync(join(path, "net"));
    writeFileSync(join(path, "comm"), `${facts.comm ?? "node"}\n`);
    writeFileSync(join(path, "task", String(pid), "children"), (facts.children ?? []).map((child) => `${child} `).join(""));
    writeFileSync(join(path, "net", "tcp"), "  0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 777 1\n");
    if (facts.fd === "hidden") writeFileSync(join(path, "fd"), "");
    if (!Array.isArray(facts.fd)) return;
    mkdirSync(join(path, "fd"));
    facts.fd.forEach((inode, n) => {
      symlinkSync(`socket:[${inode}]`, join(path, "fd", String(n)));
    });
  }

  const holder = () => portHolder({ port: 8080, pid: 10, proc });

  it("is the container when a grandchild of its first process has the socket", () => {
    process(10, { fd: [1], children: [11] });
    process(11, { fd: [2], children: [12] });
    process(12, { fd: [777] });
    assert.deepEqual(holder(), { by: "container" });
  });

  it("is still the container when a child ends at this very moment", () => {
    process(10, { fd: [1], children: [11, 12, 13] });
    process(11, { fd: null });
    process(13, { fd: [777] });
    assert.deepEqual(holder(), { by: "container" });
  });

  it("is still a stranger when a child of the container ends at this very moment", () => {
    process(10, { fd: [1], children: [11] });
    process(11, { fd: null });
    process(77, { fd: [777], comm: "nginx" });
    assert.deepEqual(holder(), { by: "other", detail: "port 8080 is held by nginx (pid 77)" });
  });

  it("is nobody when nothing listens on that port", () => {
    process(10, { fd: [1] });
    assert.deepEqual(portHolder({ port: 8081, pid: 10, proc }), { by: "nobody" });
  });

  it("is unknown when this host does not show the container's processes", () => {
    process(10, { fd: "hidden" });
    assert.equal(holder().by, "unknown");
    assert.equal(portHolder({ port: 8080, pid: 99, proc }).by, "unknown");
  });
});
