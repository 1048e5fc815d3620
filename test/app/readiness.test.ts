import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { homeView } from "../../src/messages/home.ts";
import { rollbackPreview } from "../../src/messages/rollback-preview.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { aCommit, anApp, eva, type TestApp } from "../kit/app.ts";

const place = { service: "api", environment: "prod" };
const hosts = ["prod-1", "prod-2", "prod-3"];

describe("how ready the way back is", () => {
  let t: TestApp;
  afterEach(() => t.stop());

  const now = () => t.clock.now();
  const wayBack = (text: string) => text.match(/ready on .*/)?.[0].replace(/\.$/, "");
  const status = () => wayBack(statusMessage({ environments: t.app.facts.status(place), now: now() }).text);
  const board = () => t.app.facts.status({ service: null, environment: null });
  const home = () => JSON.stringify(homeView({ board: board(), now: now() }));

  function card(number: number): string | undefined {
    const stored = t.store.rollouts.find(number);
    assert.ok(stored !== null);
    return rolloutCard(t.app.facts.rollout(stored)).text.match(/^Rollback to .*/m)?.[0];
  }

  async function preview(): Promise<string | undefined> {
    const answer = await t.app.gantry.previewRollback({ ...place, to: null, actor: eva });
    assert.ok(!("kind" in answer));
    return wayBack(rollbackPreview(answer).text);
  }

  /** What it keeps besides what serves: agents report it, these here do not by themselves. */
  function keeps(host: string, release: number | null): void {
    const slot = t.store.slots.get(host, place)?.observed;
    assert.ok(slot != null);
    const previous = release === null ? null : { containerId: "c1", release, digest: "sha256:1" };
    t.store.slots.observe({ host, slot: { ...slot, previous }, at: now() });
  }

  /** r2 is live on all hosts, which keep r1. */
  async function twoReleases(): Promise<void> {
    t = anApp({ hosts });
    await t.ships(aCommit(1));
    assert.equal(card(1), undefined, "there is nothing to go back to");
    await t.ships(aCommit(2));
    for (const host of hosts) keeps(host, 1);
  }

  it("stands on the card, in the status, on the Home tab and in the preview", async () => {
    await twoReleases();
    const ready = "ready on 3 of 3 hosts, less than 1 s";
    assert.equal(card(2), `Rollback to r1: ${ready}`);
    assert.equal(status(), ready);
    assert.ok(home().includes(ready));
    assert.equal(await preview(), ready);
  });

  it("names hosts that are not ready, and why", async () => {
    await twoReleases();
    keeps("prod-1", null);
    t.connected.delete("prod-2");
    const ready = "ready on 1 of 3 hosts (prod-1: no kept container, prod-2: away)";
    assert.match(card(2) ?? "", new RegExp(`^Rollback to r1: ${ready.replace(/[()]/g, "\\$&")}`));
    assert.ok(status()?.startsWith(ready));
    t.store.hosts.setEngine("prod-3", { ok: false, reason: "engine_down", detail: null, liveRestore: null });
    assert.equal(status(), "ready on 0 of 3 hosts (prod-1: no kept container, prod-2: away, prod-3: engine down)");
  });

  it("passes by hosts that a rollback does not reach", async () => {
    await twoReleases();
    t.store.hosts.setIntent("prod-1", { kind: "cordoned", by: { kind: "local", id: "0", name: "root" }, at: now(), why: null });
    t.store.hosts.revoke("prod-2", now());
    assert.match(status() ?? "", /^ready on 1 of 1 host\b/);
  });
});
