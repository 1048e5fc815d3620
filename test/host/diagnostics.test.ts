/**
 * Diagnostics first: each thing that goes wrong on a host is caused on a real engine and must come back as its own reason, in one
 * sentence, with the lines of the log that show it; and the container that served before serves again.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isReasonCode } from "../../src/core/reasons.ts";
import type { ContainerSpec, Health } from "../../src/core/release.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { order } from "./kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "./kit/real-host.ts";

const lab = testLab("prod-1");
const good = sampleCommit("1a4c9e2");

/** The head of a program for another processor than any that runs tests: 64-bit SPARC. */
const foreign = Buffer.alloc(256);
Buffer.from("7f454c460202010000000000000000000002002b00000001", "hex").copy(foreign);

type Case = {
  readonly what: string;
  readonly container: Partial<ContainerSpec>;
  readonly health?: Partial<Health>;
  readonly reason: string;
  readonly detail: RegExp;
  /** Lines of the log that show it; absent: there are none, since it never ran. */
  readonly log?: RegExp;
};

const shell = (line: string): Pick<ContainerSpec, "entrypoint" | "command"> => ({
  entrypoint: ["/bin/sh", "-c", line],
  command: null,
});

function cases(folder: string): readonly Case[] {
  const programs = [{ source: folder, target: "/t", readOnly: true }];
  const run = (program: string) => ({ entrypoint: [program], command: null, volumes: programs });
  return [
    {
      what: "a program for another architecture",
      container: run("/t/foreign"),
      reason: "wrong_platform",
      detail: /^\/t\/foreign: exec format error$/i,
      log: /exec format error/i,
    },
    {
      what: "an entrypoint that may not be executed",
      container: run("/t/not-executable"),
      reason: "permission_denied",
      detail: /^\/t\/not-executable: permission denied$/i,
      log: /permission denied/i,
    },
    {
      what: "an entrypoint that is not in the image",
      container: { entrypoint: ["server"], command: null },
      reason: "start_failed",
      detail: /^server: no such file or directory$/i,
      log: /no such file/i,
    },
    {
      what: "a user that the image does not have",
      container: { user: "web" },
      reason: "user_missing",
      detail: /^unable to find user web: no matching entries in passwd file$/,
    },
    {
      what: "a folder that must be there and is not",
      container: { volumes: [{ source: join(folder, "gone"), target: "/data", readOnly: false, mustExist: true }] },
      reason: "mount_missing",
      detail: /bind source path does not exist: .*\/gone$/,
    },
    {
      what: "a folder that cannot be made",
      container: { volumes: [{ source: "/proc/gone", target: "/data", readOnly: false }] },
      reason: "mount_missing",
      detail: /^error while creating mount source path '\/proc\/gone'/,
    },
    {
      what: "a file where a folder belongs",
      container: { volumes: [{ source: join(folder, "foreign"), target: "/bin", readOnly: true }] },
      reason: "mount_missing",
      detail: /^error mounting ".*foreign" to rootfs at "\/bin": .*not a directory/,
    },
    {
      what: "a write to a read-only volume",
      container: { ...shell("echo starting; echo x > /t/file"), volumes: programs },
      reason: "permission_denied",
      detail: /exit code \d+; its log says: .*can't create \/t\/file: Read-only file system$/,
      // From two streams, of which the engine keeps no common order.
      log: /^(starting\n.*Read-only file system|.*Read-only file system\nstarting)$/m,
    },
    {
      what: "exit code 126",
      container: shell("echo almost; exit 126"),
      reason: "permission_denied",
      detail: /exit code 126 \(a program may not be run\)$/,
      log: /almost/,
    },
    {
      what: "exit code 127",
      container: shell("exec migrate-database"),
      reason: "exited",
      detail: /exit code 127 \(a program was not found\)$/,
      log: /migrate-database: not found/,
    },
    {
      what: "a signal",
      container: shell("echo about to fail; sh -c 'kill -SEGV $PPID'; exit 139"),
      reason: "killed",
      detail: /exit code 139 \(SIGSEGV\)$/,
      log: /about to fail/,
    },
    {
      what: "more memory than its limit",
      container: { ...shell("echo filling; a=x; while true; do a=$a$a; done"), memoryBytes: 16 * 1024 * 1024 },
      reason: "oom_killed",
      detail: /ran out of memory and was killed/,
      log: /filling/,
    },
    {
      what: "a port that another process has",
      container: shell("echo 'listen tcp :8080: bind: address already in use' >&2; exit 1"),
      health: { probe: { kind: "none" } },
      reason: "port_in_use",
      detail: /exit code 1; its log says: listen tcp :8080: bind: address already in use$/,
      log: /address already in use/,
    },
    {
      what: "a disk without space, as the program sees it",
      container: shell("echo 'write /data/log: no space left on device' >&2; exit 1"),
      reason: "disk_full",
      detail: /its log says: write \/data\/log: no space left on device$/,
      log: /no space left/,
    },
  ];
}

describe("diagnostics on a real engine", () => {
  let server: TestServer;
  let host: RealHost;
  let folder: string;
  let generation = 1;

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    host = realHost(lab.host("prod-1"), server);
    await host.start();
    folder = join(lab.host("prod-1").dir, "programs");
    mkdirSync(folder);
    writeFileSync(join(folder, "foreign"), foreign, { mode: 0o755 });
    writeFileSync(join(folder, "not-executable"), "#!/bin/sh\n", { mode: 0o644 });
    chmodSync(folder, 0o755);
    const first = await host.carryOut(next({ reason: "", what: "", detail: /./, container: {} }));
    assert.equal(first.outcome?.ok, true, JSON.stringify(first));
  });
  after(async () => {
    await host.end();
    await server.stop();
  });

  function next({ container, health = {} }: Case) {
    generation += 1;
    const whole = { image: lab.repository, ...container };
    return order({ generation, digest: lab.digest(good), container: whole, health: { deadlineMs: 10_000, ...health } });
  }

  it("tells each fault by its own reason, in a sentence, with the lines that show it", async (t) => {
    for (const one of cases(folder))
      await t.test(one.what, async () => {
        const { outcome } = await host.carryOut(next(one), 30_000);
        assert.ok(outcome !== null && !outcome.ok, JSON.stringify(outcome));
        assert.equal(outcome.reason, one.reason, outcome.detail);
        assert.ok(isReasonCode(outcome.reason), "it has a runbook");
        assert.match(outcome.detail, one.detail);
        assert.ok(!outcome.detail.includes("\n"), "one line");
        if (one.log === undefined) assert.deepEqual(outcome.logTail, []);
        else assert.match(outcome.logTail.join("\n"), one.log);
        assert.equal(outcome.after, "restored");
        // A slot that is given order after order without coming to rest is slowed down.
        await eventually(async () => assert.equal((await host.containers()).length, 1));
      });
    await eventually(async () => assert.equal((await host.lab.fetch("/")).status, 200));
  });
});
