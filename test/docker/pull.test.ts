import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type Dockerode from "dockerode";
import { pullReason, retryAfterMs } from "../../src/docker/errors.ts";
import { authConfig, runPull } from "../../src/docker/pull.ts";
import { EngineError } from "../../src/host/engine.ts";

const digest = `sha256:${"a".repeat(64)}`;
const megabyte = 1e6;

/** An engine whose pull tells this; `null` is where it hangs. */
function pulling(lines: readonly (object | null)[], facts: { freeBytes?: number | null; stallMs?: number } = {}): Promise<void> {
  const createImage = async ({ abortSignal }: { abortSignal: AbortSignal }) => {
    const stream = new Readable({ read() {} });
    abortSignal.addEventListener("abort", () => stream.destroy(new Error("aborted")));
    void tell(stream);
    return stream;
  };
  async function tell(stream: Readable): Promise<void> {
    for (const line of lines) {
      if (line === null || stream.destroyed) return;
      stream.push(`${JSON.stringify(line)}\n`);
      await new Promise(setImmediate);
    }
    stream.push(null);
  }
  const docker = { createImage } as unknown as Dockerode;
  const limits = { stallMs: facts.stallMs ?? 1_000, totalMs: 5_000 };
  const signal = new AbortController().signal;
  return runPull({ docker, repository: "r.test/api", digest, auth: null, limits, freeBytes: facts.freeBytes ?? null, signal });
}

const layer = (id: string, total: number) => ({ status: "Downloading", id, progressDetail: { current: 1, total } });

function failsWith(reason: string, message: RegExp) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof EngineError, String(thrown));
    assert.equal(thrown.reason, reason);
    assert.match(thrown.message, message);
    return true;
  };
}

describe("a pull", () => {
  it("AG7: ends before the disk is full, as soon as the announced layers cannot have room", async () => {
    const lines = [layer("one", 40 * megabyte), layer("one", 40 * megabyte), layer("two", 20 * megabyte), null];
    await assert.rejects(
      pulling(lines, { freeBytes: 100 * megabyte }),
      failsWith("disk_full", /needs about 120 MB and 100 MB are free/),
    );
    await pulling(lines.slice(0, 3), { freeBytes: 121 * megabyte });
    await pulling(lines.slice(0, 3), { freeBytes: null });
  });

  it("AG10: ends when nothing comes, and does not take the engine's own counting for progress", async () => {
    await assert.rejects(pulling([null], { stallMs: 30 }), failsWith("registry_unreachable", /r\.test\/api: no progress/));
    const counting = Array.from({ length: 2_000 }, (_, n) => ({ status: `Retrying in ${n} seconds`, id: "one" }));
    await assert.rejects(pulling([...counting, null], { stallMs: 30 }), failsWith("registry_unreachable", /no progress/));
  });

  for (const [text, reason] of [
    ["write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "disk_full"],
    ["no matching manifest for linux/amd64 in the manifest list entries", "wrong_platform"],
    [`manifest verification failed for digest ${digest}`, "digest_mismatch"],
    [`filesystem layer verification failed for digest ${digest}`, "digest_mismatch"],
    [`image config verification failed for digest ${digest}`, "digest_mismatch"],
    ["no basic auth credentials", "registry_auth"],
    ["manifest for r.test/api@sha256:1 not found: manifest unknown: manifest unknown", "image_missing"],
    ["toomanyrequests: You have reached your pull rate limit", "registry_unreachable"],
    ["received unexpected HTTP status: 503 Service Unavailable", "registry_unreachable"],
    ["unexpected EOF", "registry_unreachable"],
    ["read tcp 10.0.0.1:5000: connection reset by peer", "registry_unreachable"],
  ] as const) {
    it(`is told as ${reason} by “${text.slice(0, 60)}”`, async () => {
      assert.equal(pullReason(text), reason);
      await assert.rejects(pulling([{ errorDetail: { message: text } }]), failsWith(reason, /./));
    });
  }

  it("knows how long a registry asks to be left alone", () => {
    assert.equal(retryAfterMs("toomanyrequests: retry-after: 838.081µs, allowed: 44000/minute"), 1);
    assert.equal(retryAfterMs("toomanyrequests: retry-after: 12s"), 12_000);
    assert.equal(retryAfterMs("Retry-After: 7"), 7_000);
    assert.equal(retryAfterMs("toomanyrequests: Rate exceeded"), null);
  });

  it("gives the engine a login in its own words", () => {
    assert.deepEqual(authConfig("docker.io", { kind: "identity", token: "t" }), {
      identitytoken: "t",
      serveraddress: "https://index.docker.io/v1/",
    });
    assert.deepEqual(authConfig("r.test", { kind: "password", user: "ana", password: "p" }), {
      username: "ana",
      password: "p",
      serveraddress: "r.test",
    });
  });
});
