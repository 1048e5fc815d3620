/** Host-wide services: what a service requires on its hosts comes there first, and everybody is told what is waited for. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../../src/config/valid.ts";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import type { SlotKey } from "../../src/core/slot.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { digestOf } from "../kit/stores.ts";
import { settled } from "./kit.ts";
import { inWords } from "./line-kit.ts";

const api: SlotKey = { service: "api", environment: "prod" };
const metrics: SlotKey = { service: "metrics", environment: "prod" };

type Fleet = TestApp & {
  /** The agent does all that it is told, and says how its containers are. */
  obeys(...hosts: readonly string[]): void;
  /** The container of the service is well there, or not, from now on. */
  fares(host: string, service: string, health: "ok" | "failing"): void;
  asksFor(service: string, n?: number): Promise<string>;
  /** Time passes, and every host does what it is told. */
  passes(ms: number): Promise<void>;
  joins(host: string, labels: Readonly<Record<string, string>>): void;
};

/** Two hosts of `api prod`, with a metrics agent that is meant for every host with `metrics=on`. */
function aFleet(options: { labels?: Readonly<Record<string, string>>; policy?: Partial<RolloutPolicy> } = {}): Fleet {
  const { labels = { env: "prod", metrics: "on" }, policy = {} } = options;
  const fleet = anApp({ hosts: ["a", "b"], policy: { batch: { hosts: 2 }, onFailure: "pause", ...policy } });
  after(() => fleet.stop());
  const services = fleet.app.gantry.config.services as ServiceConfig[];
  const [first] = services;
  const [prod] = first?.environments ?? [];
  if (first === undefined || prod === undefined) throw new Error("there is no service");
  const host: EnvironmentConfig = { ...prod, hosts: { metrics: "on" } };
  const agent: ServiceConfig = { ...first, name: "metrics", file: "metrics.yml", environments: [host] };
  services.splice(0, 1, { ...first, requires: [{ service: "metrics" }] }, agent);
  for (const name of ["a", "b"]) fleet.store.hosts.put({ name, labels, publicKey: name, at: fleet.clock.now() });
  fleet.registry.push({ repository: "registry.test/api", tag: aCommit(1), digest: digestOf(aCommit(1)) });
  const health = new Map<string, "ok" | "failing">();
  let asked = 0;

  function obeys(...hosts: readonly string[]): void {
    for (const name of hosts.length > 0 ? hosts : fleet.connected) report(name);
  }

  function report(name: string): void {
    const picture = fleet.desk.desired(name);
    const slots = (picture?.slots ?? []).map((slot) => {
      const { service, environment, generation, release } = slot;
      const how = health.get(`${name} ${service}`) ?? "ok";
      const live =
        release === null
          ? null
          : {
              ...{ containerId: `${service}-${generation}`, release: release.number, digest: release.digest, generation },
              ...{ startedAt: 1, restarts: 0, health: how, detail: how === "ok" ? null : "503" },
            };
      const outcome = { ok: true, tookMs: 300 } as const;
      return { service, environment, generation, step: "serving" as const, outcome, live, previous: null };
    });
    const images = (picture?.prepare ?? []).map(({ service, environment, rollout, digest }) => {
      return { service, environment, rollout, digest, state: "present" as const };
    });
    const engine = { ok: true, reason: null, detail: null, liveRestore: true };
    fleet.desk.observed(name, { bootId: "b", agentVersion: "1", epoch: 1, engine, whole: true, slots, images });
  }

  return Object.assign(fleet, {
    obeys,
    fares(name: string, service: string, how: "ok" | "failing") {
      health.set(`${name} ${service}`, how);
      report(name);
    },
    async asksFor(service: string, n = 1) {
      asked += 1;
      const origin = { key: `ask-${asked}`, channel: null };
      const facts = { service, environment: "prod", ref: aCommit(n), allowBad: false, wait: false, why: null };
      const answer = await fleet.app.gantry.deploy({ ...facts, actor: ana, origin });
      return answer.kind === "opened" ? `#${answer.rollout}` : inWords(answer.refusal);
    },
    async passes(ms: number) {
      const stepMs = Math.max(1000, ms / 60);
      for (let left = ms; left > 0; left -= stepMs) {
        obeys();
        await fleet.clock.advance(stepMs);
      }
      await settled();
    },
    joins(name: string, given: Readonly<Record<string, string>>) {
      fleet.store.hosts.put({ name, labels: given, publicKey: name, at: fleet.clock.now() });
      fleet.connected.add(name);
      fleet.desk.connected({ host: name, agentVersion: "1", labels: {} });
      fleet.says(name, []);
    },
  });
}

function wants(fleet: Fleet, key: SlotKey, ...hosts: readonly string[]): readonly (number | null)[] {
  return hosts.map((host) => fleet.store.slots.get(host, key)?.release ?? null);
}

/** `awaiting_service: …`, line by line. */
function why(fleet: Fleet, ...about: readonly string[]): readonly string[] {
  const answer = fleet.app.gantry.why(about);
  if (!("waits" in answer)) throw new Error(inWords(answer.refusal));
  return answer.waits.map((wait) => `${wait.reason}: ${wait.text} -> ${wait.ends}`);
}

function card(fleet: Fleet, number: number): string {
  const facts = fleet.app.gantry.rollout(number);
  if (facts === null) throw new Error(`there is no #${number}`);
  return rolloutCard(facts).text;
}

function changes(fleet: Fleet, change: Partial<ServiceConfig>): void {
  const services = fleet.app.gantry.config.services as ServiceConfig[];
  const index = services.findIndex((service) => service.name === "api");
  services[index] = { ...(services[index] as ServiceConfig), ...change };
}

test("a deploy waits for the metrics agent, says on which hosts and why, and goes on by itself when it comes", async () => {
  const fleet = aFleet();
  assert.equal(await fleet.asksFor("api"), "#1");
  await fleet.passes(5_000);
  assert.deepEqual([fleet.state(1).phase, fleet.state(1).reason], ["queued", "awaiting_service"]);
  assert.equal(fleet.state(1).detail, "a: metrics prod is not there yet; b: metrics prod is not there yet");
  assert.deepEqual(wants(fleet, api, "a", "b"), [null, null]);
  assert.match(card(fleet, 1), /waits for a service that it stands on/);
  assert.match(card(fleet, 1), /These hosts wait for a service that api stands on: a \(metrics prod is not there yet\), b \(/);
  assert.deepEqual(why(fleet, "1"), [
    "awaiting_service: a waits for a service that it needs first: metrics prod is not there yet. -> metrics prod comes there: by itself, when it is live, or by a deploy of it. `/gantry why a` tells more.",
    "awaiting_service: b waits for a service that it needs first: metrics prod is not there yet. -> metrics prod comes there: by itself, when it is live, or by a deploy of it. `/gantry why b` tells more.",
  ]);

  assert.equal(await fleet.asksFor("metrics"), "#2");
  assert.match(card(fleet, 2), /Others stand on metrics: api prod on 2 hosts\. They miss it while it is swapped\./);
  await fleet.passes(5_000);
  assert.deepEqual(wants(fleet, metrics, "a", "b"), [1, 1]);
  await fleet.passes(30_000);
  assert.deepEqual([fleet.state(1).phase, fleet.state(2).phase], ["succeeded", "succeeded"]);
  assert.doesNotMatch(card(fleet, 1), /wait for a service/);
});

test("one host lacks it: the other is not held up, and nothing counts as failed", async () => {
  const fleet = aFleet();
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  fleet.fares("b", "metrics", "failing");
  const since = new Date(fleet.clock.now()).toISOString().slice(11, 16);
  await fleet.asksFor("api");
  await fleet.passes(60_000);
  const { phase, reason, detail, hosts } = fleet.state(2);
  assert.deepEqual(
    hosts.map((h) => `${h.host} ${h.status}`),
    ["a healthy", "b waiting"],
  );
  assert.deepEqual([phase, reason, detail], ["rolling", "awaiting_service", `b: metrics prod is unhealthy since ${since} UTC`]);
  fleet.fares("b", "metrics", "ok");
  assert.deepEqual(wants(fleet, api, "b"), [1], "with that very report");
  await fleet.passes(30_000);
  assert.equal(fleet.state(2).phase, "succeeded");
});

test("without progress the policy for a failure applies, and the release is not to blame", async () => {
  const fleet = aFleet();
  await fleet.asksFor("api");
  await fleet.passes(16 * 60_000);
  assert.deepEqual(
    fleet.state(1).hosts.map((h) => `${h.host} ${h.status}, ${h.reason}: ${h.detail}`),
    ["a", "b"].map((host) => `${host} failed, awaiting_service: metrics prod is not there yet, after 15 min`),
  );
  assert.equal(fleet.state(1).pauses[0]?.reason, "paused_on_failure");
  assert.equal(fleet.store.verdicts.newest({ ...api, release: 1 }), null);
});

test("a host that no environment of the metrics agent covers is an error when the plan is made", async () => {
  const fleet = aFleet({ labels: { env: "prod" } });
  assert.equal(
    await fleet.asksFor("api"),
    "requirement_missing: api prod requires metrics on its hosts, and a, b belong to no environment of metrics that will do. Enrol these hosts again with the labels that metrics asks for (prod: metrics=on), or take it off `requires` in api's service file.",
  );
  changes(fleet, { requires: [] });
  assert.equal(await fleet.asksFor("api"), "#1");
});

test("a rollback never waits for it, and neither does what it brings to hosts that were taken out", async () => {
  const fleet = aFleet();
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  for (const n of [1, 2]) {
    await fleet.asksFor("api", n);
    await fleet.passes(30_000);
  }
  assert.equal(fleet.state(3).phase, "succeeded");
  for (const host of ["a", "b"]) fleet.fares(host, "metrics", "failing");
  assert.equal((await fleet.app.gantry.cordon({ host: "b", why: "disk", actor: eva })).kind, "done");
  const facts = { ...api, to: null, shown: null, why: "errors", actor: eva, origin: { key: "back", channel: null } };
  assert.equal((await fleet.app.gantry.rollback(facts)).kind, "opened");
  await fleet.passes(10_000);
  assert.deepEqual([fleet.state(4).kind, fleet.state(4).phase], ["rollback", "succeeded"]);
  assert.deepEqual(wants(fleet, api, "a", "b"), [1, 2]);
  assert.equal((await fleet.app.gantry.uncordon({ host: "b", actor: eva })).kind, "done");
  assert.deepEqual(wants(fleet, api, "b"), [1]);
});

test("a new host gets what is required first, then what requires it, beside a rollout and without taking its room", async () => {
  const fleet = aFleet();
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  await fleet.asksFor("api");
  await fleet.passes(30_000);
  await fleet.asksFor("api", 2);
  fleet.joins("c", { env: "prod", metrics: "on" });
  assert.deepEqual([wants(fleet, metrics, "c"), wants(fleet, api, "c")], [[1], [null]]);
  assert.deepEqual(
    why(fleet, "c").filter((line) => line.startsWith("awaiting_service")),
    [
      "awaiting_service: api prod on c: serves nothing, r1 is live. It waits for a service that it needs first: metrics prod is not there yet. -> metrics prod comes there: by itself, when it is live, or by a deploy of it. `/gantry why c` tells more.",
    ],
  );
  fleet.obeys("c");
  assert.deepEqual([wants(fleet, metrics, "c"), wants(fleet, api, "c")], [[1], [1]], "with the report that it serves");
  await fleet.passes(30_000);
  assert.equal(fleet.state(3).phase, "succeeded");
  assert.deepEqual(wants(fleet, api, "a", "b", "c"), [2, 2, 2]);
});

test("a new host that the metrics agent does not cover gets nothing, and `why` says what to do", async () => {
  const fleet = aFleet();
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  await fleet.asksFor("api");
  await fleet.passes(30_000);
  fleet.joins("c", { env: "prod" });
  await fleet.passes(5_000);
  assert.deepEqual(wants(fleet, api, "c"), [null]);
  const [line] = why(fleet, "c");
  assert.match(line ?? "", /needs first: the host belongs to no environment of metrics\. -> c is enrolled again with the labels/);
  assert.match(await fleet.asksFor("api", 2), /^requirement_missing: api prod requires metrics .* and c belongs to no/);
});

test("which environment it must be can be said; a host that another one covers lacks it all the same", async () => {
  const fleet = aFleet();
  const config: GantryConfig = fleet.app.gantry.config;
  const agent = config.services[1] as ServiceConfig;
  const [prod] = agent.environments;
  if (prod === undefined) throw new Error("there is no environment");
  (config.services as ServiceConfig[])[1] = { ...agent, environments: [prod, { ...prod, name: "canary" }] };
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  changes(fleet, { requires: [{ service: "metrics", environment: "canary" }] });
  await fleet.asksFor("api");
  await fleet.passes(5_000);
  assert.match(fleet.state(2).detail ?? "", /^a: metrics canary is not there yet/);
  changes(fleet, { requires: [{ service: "metrics" }] });
  await fleet.passes(30_000);
  assert.equal(fleet.state(2).phase, "succeeded", "one of its environments is enough where none is named");
});

test("while what is required is swapped on a host, its dependants do not begin there", async () => {
  const fleet = aFleet();
  await fleet.asksFor("metrics");
  await fleet.passes(30_000);
  await fleet.asksFor("metrics", 2);
  fleet.obeys();
  assert.equal(fleet.state(2).phase, "rolling");
  await fleet.asksFor("api");
  const facts = fleet.app.gantry.rollout(3);
  assert.deepEqual(
    facts?.lacking?.map((one) => `${one.host} ${one.how}`),
    ["a changing", "b changing"],
  );
  await fleet.passes(60_000);
  assert.equal(fleet.state(3).phase, "succeeded");
});
