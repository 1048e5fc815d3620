import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findProgram } from "../../src/rehearsal/fleet/run.ts";
import { settingsOf, unitText } from "./kit/unit.ts";

describe("the systemd unit of the agent", () => {
  const service = settingsOf("Service");

  it("leaves containers alone and gives the step under way its time", () => {
    assert.equal(service.get("KillMode"), "mixed");
    assert.equal(service.get("Restart"), "always");
    // The agent's own deadline is 20 s.
    assert.equal(service.get("TimeoutStopSec"), "30");
    assert.equal(settingsOf("Unit").get("StartLimitIntervalSec"), "0");
  });

  it("may write nowhere but to its state directory, and gain no rights", () => {
    assert.equal(service.get("StateDirectory"), "gantry-agent");
    assert.equal(service.get("ProtectSystem"), "strict");
    assert.equal(service.get("NoNewPrivileges"), "yes");
    assert.equal(service.get("ReadWritePaths"), undefined);
    // V8 makes code while it runs.
    assert.equal(service.get("MemoryDenyWriteExecute"), undefined);
    // Whose is a port is read from the processes of others.
    assert.ok(service.get("CapabilityBoundingSet")?.includes("CAP_SYS_PTRACE"));
    assert.equal(service.get("ProtectProc"), undefined);
  });

  it("has sections and settings only", () => {
    for (const line of unitText.split("\n")) assert.match(line, /^($|#|\[(Unit|Service|Install)\]$|[A-Z][A-Za-z]+=\S*)/);
  });

  // Where systemd is not, the rows above are what there is.
  if (findProgram("systemd-analyze") !== null) {
    it("is what systemd understands, and calls little exposed", () => {
      const dir = mkdtempSync(join(tmpdir(), "gantry-unit-"));
      try {
        const file = join(dir, "gantry-agent.service");
        writeFileSync(file, unitText.replace("/usr/local/bin/gantry-agent", "/bin/true"));
        execFileSync("systemd-analyze", ["verify", "--man=no", file], { stdio: "pipe" });
        execFileSync("systemd-analyze", ["security", "--offline=yes", "--threshold=35", file], { stdio: "pipe" });
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  }
});
