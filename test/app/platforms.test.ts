/** An image that does not run on a host is found out when it is asked for, and not when it fails there. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { aCommit, anApp, ana, type TestApp } from "../kit/app.ts";
import { digestOf } from "../kit/stores.ts";

describe("a deploy to hosts that the image is not built for", () => {
  let fleet: TestApp;
  beforeEach(() => {
    fleet = anApp({ hosts: ["web-1", "web-2", "arm-1"] });
    for (const host of ["web-1", "web-2"]) isA(host, "linux/amd64");
    isA("arm-1", "linux/arm64");
  });
  afterEach(() => fleet.stop());

  function isA(host: string, platform: string): void {
    fleet.store.hosts.setEngine(host, { ok: true, reason: null, detail: null, liveRestore: true, platform });
  }

  function builtFor(...platforms: readonly string[]): void {
    const tag = aCommit(1);
    fleet.registry.push({ repository: "registry.test/api", tag, digest: digestOf(tag), platforms });
  }

  async function answer(): Promise<string> {
    const origin = { key: "ask", channel: null };
    const facts = { service: "api", environment: "prod", ref: aCommit(1), actor: ana, origin };
    const said = await fleet.app.gantry.deploy({ ...facts, allowBad: false, wait: false, why: null });
    return said.kind === "opened" ? "opened" : `${said.refusal.reason}: ${said.refusal.text}`;
  }

  it("is refused, with the hosts and what they are", async () => {
    builtFor("linux/amd64");
    assert.equal(
      await answer(),
      "wrong_platform: registry.test/api is built for linux/amd64 only, and of api prod arm-1 is linux/arm64.",
    );
    assert.equal(fleet.store.rollouts.active("api", "prod"), null);
  });

  it("is not refused when every host has its variant", async () => {
    builtFor("linux/amd64", "linux/arm64");
    assert.equal(await answer(), "opened");
  });

  it("is not refused for a host that a person took out", async () => {
    builtFor("linux/amd64");
    fleet.store.hosts.setIntent("arm-1", { kind: "cordoned", by: ana, at: 0, why: null });
    assert.equal(await answer(), "opened");
  });

  it("is not refused when the registry or an old agent does not say: the agents look again", async () => {
    assert.equal(await answer(), "opened");
  });
});
