import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { hasEnded } from "../../src/core/rollout-state.ts";
import type { ContainerSample, UsageSample } from "../../src/core/usage.ts";
import { hostsMessage } from "../../src/messages/hosts.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { aCommit, anApp, type TestApp } from "../kit/app.ts";

const place = { service: "api", environment: "prod" };
const hosts = ["prod-1", "prod-2", "prod-3"];
const mebibyte = 1024 * 1024;
const machine = { cores: 4, cpuMs: 1_000, load: 1, memoryBytes: 3 * 1024 * mebibyte, memoryTotalBytes: 8 * 1024 * mebibyte };

type Uses = { readonly cores: number | null; readonly mebibytes: number };

describe("what containers use, before and after", () => {
  let t: TestApp;
  afterEach(() => t.stop());

  function samples(host: string, containers: readonly ContainerSample[]): void {
    const sample: UsageSample = { machine, coresInUse: 1, diskFreeBytes: 20 * 1024 * mebibyte, containers };
    t.app.usage.note(host, sample);
  }

  /** The agent samples what it has reported to serve. */
  function measures(host: string, uses: (release: number) => Uses): void {
    const live = t.store.slots.get(host, place)?.observed?.live ?? null;
    assert.ok(live !== null, `${host} serves nothing`);
    const { release, generation, restarts, health } = live;
    const { cores, mebibytes } = uses(release);
    const usage = { cpuMs: 1, memoryBytes: mebibytes * mebibyte, memoryLimitBytes: null, network: null };
    const container = { ...place, container: "api", released: true, release, generation, restarts, health, usage, cores };
    samples(host, [{ ...container, container: "metrics", released: false, cores: 3 }, container]);
  }

  /** Brings a rollout to its end while every agent samples. */
  async function rolls(number: number, uses: (release: number, host: string) => Uses): Promise<void> {
    for (const host of hosts) {
      measures(host, (release) => uses(release, host));
      t.hasImage(host);
    }
    for (let turns = 0; turns < 60 && !hasEnded(t.state(number)); turns += 1) {
      for (const host of hosts) {
        t.reports(host);
        measures(host, (release) => uses(release, host));
      }
      await t.clock.advance(1_000);
    }
    assert.ok(hasEnded(t.state(number)), `#${number} is ${t.state(number).phase}`);
  }

  function card(number: number): string {
    const stored = t.store.rollouts.find(number);
    assert.ok(stored !== null);
    return rolloutCard(t.app.facts.rollout(stored)).text;
  }

  const grows = (release: number): Uses => (release === 1 ? { cores: 0.12, mebibytes: 210 } : { cores: 0.15, mebibytes: 232 });

  it("stands on the card when the soak has ended, as medians of the hosts", async () => {
    t = anApp({ hosts });
    await t.ships(aCommit(1));
    const number = await t.asks(aCommit(2));
    assert.doesNotMatch(card(number), /Uses:/);
    await rolls(number, (release, host) => (host === "prod-2" ? { cores: 2, mebibytes: 900 } : grows(release)));
    assert.equal(t.state(number).phase, "succeeded");
    assert.match(card(number), /^Uses: cpu 12 % → 15 %, memory 210 → 232 MiB \(median of 3 hosts\)$/m);
    // What has ended stays as it was, whatever is used later, and whoever looks.
    for (const host of hosts) measures(host, () => ({ cores: 4, mebibytes: 4_000 }));
    t.restart();
    assert.match(card(number), /^Uses: cpu 12 % → 15 %, memory 210 → 232 MiB/m);
  });

  it("stands on the card of one that went back: what the bad release used before it left", async () => {
    t = anApp({ hosts, policy: { onFailure: "restore" } });
    await t.ships(aCommit(1));
    const number = await t.asks(aCommit(2));
    const leaks = (release: number): Uses => (release === 1 ? { cores: 0.1, mebibytes: 100 } : { cores: 0.9, mebibytes: 800 });
    for (const host of hosts) {
      measures(host, leaks);
      t.hasImage(host);
    }
    for (let turns = 0; turns < 60 && !hasEnded(t.state(number)); turns += 1) {
      for (const host of hosts) {
        const isOn2 = t.state(number).hosts.find((h) => h.host === host)?.status === "healthy";
        t.reports(host, turns > 3 && isOn2 && t.desired(host) === 2 ? { health: "failing" } : {});
        measures(host, leaks);
      }
      await t.clock.advance(1_000);
    }
    assert.equal(t.state(number).phase, "restored");
    assert.match(card(number), /^Uses: cpu 10 % → 90 %, memory 100 → 800 MiB$/m);
  });

  it("tells a restart's two containers apart, though they are of one release", async () => {
    t = anApp({ hosts: ["prod-1"] });
    await t.ships(aCommit(1));
    measures("prod-1", () => ({ cores: null, mebibytes: 500 }));
    const origin = { key: "again", channel: null };
    const actor = { kind: "slack", id: "U0ANA", name: "ana" } as const;
    const answer = await t.app.gantry.restart({ ...place, why: null, actor, origin });
    assert.ok(answer.kind !== "refused");
    const number = t.state().number;
    t.hasImage("prod-1");
    for (let turns = 0; turns < 30 && !hasEnded(t.state(number)); turns += 1) {
      t.reports("prod-1");
      measures("prod-1", () => ({ cores: 0.25, mebibytes: 50 }));
      await t.clock.advance(1_000);
    }
    assert.match(card(number), /^Uses: memory 500 → 50 MiB$/m);
  });

  it("does not take the old container of a restart that failed for the new one", async () => {
    t = anApp({ hosts: ["prod-1"] });
    await t.ships(aCommit(1));
    measures("prod-1", () => ({ cores: 0.2, mebibytes: 500 }));
    const live = t.store.slots.get("prod-1", place)?.observed?.live ?? null;
    const actor = { kind: "slack", id: "U0ANA", name: "ana" } as const;
    await t.app.gantry.restart({ ...place, why: null, actor, origin: { key: "again", channel: null } });
    const { number } = t.state();
    t.hasImage("prod-1");
    for (let turns = 0; turns < 5 && !hasEnded(t.state(number)); turns += 1) {
      const { generation = 0 } = t.store.slots.get("prod-1", place) ?? {};
      const failure = { reason: "unhealthy", detail: "no answer", logTail: [], after: "restored" } as const;
      const outcome = { ok: false, tookMs: 100, ...failure } as const;
      t.says("prod-1", [{ ...place, generation, step: "failed", outcome, live, previous: null }]);
      measures("prod-1", () => ({ cores: 0.3, mebibytes: 510 }));
      await t.clock.advance(1_000);
    }
    assert.notEqual(t.state(number).phase, "succeeded");
    assert.deepEqual(t.store.usage.of(number), [
      { host: "prod-1", before: { cores: 0.2, memoryBytes: 500 * mebibyte }, after: null },
    ]);
  });

  it("says nothing when the agents do not, or no more", async () => {
    t = anApp({ hosts });
    await t.ships(aCommit(1));
    for (const host of hosts) measures(host, grows);
    await t.clock.advance(61_000);
    assert.deepEqual(t.app.usage.all(), []);
    await t.ships(aCommit(2));
    assert.doesNotMatch(card(t.state().number), /Uses:/);
  });

  it("forgets a host that is away, and passes over places that nobody has configured", async () => {
    t = anApp({ hosts });
    await t.ships(aCommit(1));
    for (const host of hosts) measures(host, grows);
    t.connected.delete("prod-2");
    assert.deepEqual(
      t.app.usage.all().map((usage) => usage.host),
      ["prod-1", "prod-3"],
    );
    const known = t.app.usage.of("prod-1")?.sample.containers ?? [];
    samples(
      "prod-1",
      known.map((container) => ({ ...container, service: `invented-${container.container}` })),
    );
    assert.deepEqual(t.app.usage.of("prod-1")?.sample.containers, []);
  });

  it("shows on-call what hosts and releases use now", async () => {
    t = anApp({ hosts });
    await t.ships(aCommit(1));
    for (const host of hosts) measures(host, grows);
    const now = t.clock.now();
    const status = statusMessage({ environments: t.app.facts.status({ service: null, environment: null }), now }).text;
    assert.match(status, /3 hosts; uses cpu 12 %, memory 210 MiB \(median of 3 hosts\); no earlier good release/);
    const shown = hostsMessage({ hosts: t.app.facts.hosts(), now }).text;
    assert.match(shown, /^prod-1: connected[^,]*, cpu 25 % of 4 cores, memory 3\.0 of 8\.0 GiB, disk 20\.0 GiB free, env=prod/m);
    t.connected.delete("prod-1");
    assert.doesNotMatch(hostsMessage({ hosts: t.app.facts.hosts(), now }).text, /^prod-1: .*disk/m);
  });
});
