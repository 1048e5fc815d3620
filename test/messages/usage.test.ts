import assert from "node:assert/strict";
import { test } from "node:test";
import { type UsageChange, usageChange } from "../../src/core/usage.ts";
import { machineWords, usageChangeLine, usedText } from "../../src/messages/usage.ts";

const mebibyte = 1024 * 1024;

const change = (facts: Partial<UsageChange> = {}): UsageChange => ({
  hosts: 3,
  cores: { before: 0.12, after: 0.15 },
  memoryBytes: { before: 210 * mebibyte, after: 232 * mebibyte },
  ...facts,
});

test("before and after stand side by side, in one unit", () => {
  assert.equal(usageChangeLine(change()).text, "Uses: cpu 12 % → 15 %, memory 210 → 232 MiB (median of 3 hosts)");
  assert.equal(usageChangeLine(change({ hosts: 1 })).text, "Uses: cpu 12 % → 15 %, memory 210 → 232 MiB");
  assert.equal(usageChangeLine(change({ hosts: 1, cores: null })).text, "Uses: memory 210 → 232 MiB");
  const memoryBytes = { before: 900 * mebibyte, after: 2_000 * mebibyte };
  const cores = { before: 0.0042, after: 3.2 };
  assert.equal(
    usageChangeLine(change({ hosts: 2, cores, memoryBytes })).text,
    "Uses: cpu 0.4 % → 320 %, memory 0.9 → 2.0 GiB (median of 2 hosts)",
  );
  const small = { before: 0.3 * mebibyte, after: 2.25 * mebibyte };
  assert.equal(usageChangeLine(change({ hosts: 1, cores: null, memoryBytes: small })).text, "Uses: memory 0.3 → 2.3 MiB");
});

test("what is used now, by a release and by a machine", () => {
  assert.equal(
    usedText({ cores: 0.15, memoryBytes: 232 * mebibyte, hosts: 3 }),
    "uses cpu 15 %, memory 232 MiB (median of 3 hosts)",
  );
  assert.equal(usedText({ cores: null, memoryBytes: 232 * mebibyte, hosts: 1 }), "uses memory 232 MiB");
  const machine = { cores: 1, cpuMs: 1, load: 1, memoryBytes: 300 * mebibyte, memoryTotalBytes: 1_024 * mebibyte };
  assert.deepEqual(machineWords({ machine, coresInUse: 0.5, diskFreeBytes: null }), [
    "cpu 50 % of 1 core",
    "memory 0.3 of 1.0 GiB",
  ]);
  assert.deepEqual(machineWords({ machine: null, coresInUse: null, diskFreeBytes: 5 * mebibyte }), ["disk 5.0 MiB free"]);
});

test("a change is a median over the hosts that know both sides of it", () => {
  const used = (cores: number | null, memoryBytes: number) => ({ cores, memoryBytes });
  const on = (before: ReturnType<typeof used> | null, after: ReturnType<typeof used> | null, host = "web") => ({
    host,
    before,
    after,
  });
  assert.equal(usageChange([]), null);
  assert.equal(usageChange([on(used(1, 1), null), on(null, used(1, 1))]), null);
  const odd = [on(used(0.1, 10), used(0.2, 20)), on(used(0.1, 10), used(0.2, 24)), on(used(4, 900), used(0.2, 4_000))];
  assert.deepEqual(usageChange([...odd, on(used(9, 9_999), null)]), {
    hosts: 3,
    cores: { before: 0.1, after: 0.2 },
    memoryBytes: { before: 10, after: 24 },
  });
  const even = [on(used(0.1, 10), used(0.3, 20)), on(used(0.2, 30), used(0.5, 40))];
  assert.deepEqual(usageChange(even)?.memoryBytes, { before: 20, after: 30 });
  // Shares of some hosts beside memory of others would not be of the same hosts.
  assert.equal(usageChange([...even, on(used(null, 10), used(0.5, 40))])?.cores, null);
});
