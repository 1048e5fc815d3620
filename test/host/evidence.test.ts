/** What the last lines and the exit code of a container say, and what they must not be taken to say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { callReason, oneLine } from "../../src/docker/call-faults.ts";
import type { ContainerState } from "../../src/host/engine.ts";
import { explained } from "../../src/host/evidence.ts";

const ended = (exitCode: number | null) => ({ exitCode }) as ContainerState;
const judge = (reason: "exited" | "crash_loop" | "unhealthy" | "create_failed", lines: string[], exitCode: number | null = 1) =>
  explained({ reason, detail: "it ended" }, { state: ended(exitCode), lines });

describe("the evidence of a failure", () => {
  it("is the line that shows it", () => {
    const cases = {
      "Error: listen EADDRINUSE: address already in use :::8080": "port_in_use",
      "bind() to 0.0.0.0:80 failed (98: Address in use)": "port_in_use",
      "open /data/db: read-only file system": "permission_denied",
      "Error: EACCES: permission denied, open '/data/x'": "permission_denied",
      "write /var/log/x: no space left on device": "disk_full",
      "FATAL ERROR: Reached heap limit - JavaScript heap out of memory": "oom_killed",
      "java.lang.OutOfMemoryError: Java heap space": "oom_killed",
      "exec /app/server: exec format error": "wrong_platform",
      "standard_init_linux.go:228: exec user process caused: exec format error": "wrong_platform",
    };
    for (const [line, reason] of Object.entries(cases))
      assert.deepEqual(judge("exited", ["starting", line, ""]), { reason, detail: `it ended; its log says: ${line}` });
    assert.equal(judge("crash_loop", ["EROFS: read-only file system"]).reason, "permission_denied");
  });

  it("is the newest such line, and none from long before the end", () => {
    const lines = ["a: permission denied", "b: no space left on device", "bye"];
    assert.equal(judge("exited", lines).reason, "disk_full");
    assert.equal(judge("exited", ["a: permission denied", "1", "2", "3", "4", "5"]).reason, "exited");
  });

  it("is quoted, but does not judge, while the container runs; and is not looked for where the engine has said why", () => {
    const line = "cache: permission denied";
    assert.deepEqual(judge("unhealthy", [line]), { reason: "unhealthy", detail: `it ended; its log says: ${line}` });
    assert.deepEqual(judge("create_failed", [line]), { reason: "create_failed", detail: "it ended" });
  });

  it("is the signal, when a signal ended it that no program asks for", () => {
    for (const exitCode of [137, 139, 134]) assert.equal(judge("exited", ["bye"], exitCode).reason, "killed");
    for (const exitCode of [0, 1, 2, 127, 143, 130, 255, null]) assert.equal(judge("exited", ["bye"], exitCode).reason, "exited");
    assert.equal(judge("exited", [], 126).reason, "permission_denied");
  });

  it("is the kernel's word on a program that the gate could not become", () => {
    const start = (detail: string) => explained({ reason: "start_failed", detail }, { state: null, lines: [] }).reason;
    assert.equal(start("/app/server: Exec format error"), "wrong_platform");
    assert.equal(start("/app/server: Permission denied"), "permission_denied");
    assert.equal(start("server: No such file or directory"), "start_failed");
  });

  it("is short, whatever the line", () => {
    assert.ok(judge("exited", [`permission denied ${"x".repeat(5_000)}`]).detail.length < 200);
  });
});

describe("the engine's words", () => {
  const shim = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
  const older = "OCI runtime create failed: container_linux.go:380: starting container process caused: ";

  it("lose the programs that they came through", () => {
    const said = 'exec: "server": executable file not found in $PATH';
    for (const text of [
      said,
      `${shim}${said}: unknown`,
      `${older}${said}: unknown`,
      `(HTTP code 400) unexpected - ${shim}${said}: unknown`,
    ])
      assert.equal(oneLine(text), said);
  });

  it("are reasons", () => {
    const cases = {
      'exec: "/run": permission denied': "permission_denied",
      "exec /run: exec format error": "wrong_platform",
      "unable to find user web: no matching entries in passwd file": "user_missing",
      "unable to find group web: no matching entries in group file": "user_missing",
      'invalid mount config for type "bind": bind source path does not exist: /x': "mount_missing",
      "error while creating mount source path '/x': mkdir /x: read-only file system": "mount_missing",
      'create v1: error looking up volume plugin nfs: plugin "nfs" not found': "mount_missing",
      "fork/exec /usr/bin/containerd-shim-runc-v2: cannot allocate memory": "memory_low",
      "mkdir /var/lib/docker/overlay2/x: no space left on device": "disk_full",
      "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated": "port_in_use",
      'exec: "server": executable file not found in $PATH': "start_failed",
    };
    for (const [text, reason] of Object.entries(cases)) assert.equal(callReason(text, "start_failed"), reason, text);
  });
});
