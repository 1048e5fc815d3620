// Secrets of the server: their versions are pinned in releases, cards say when they have changed, hosts get what is theirs.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { OutsideError, type Secrets } from "../../src/app/ports.ts";
import { createSecretDesk } from "../../src/app/secrets.ts";
import type { ReleaseSpec, SecretUse } from "../../src/core/release.ts";
import { besidesLines } from "../../src/messages/spec-changes.ts";
import { aCommit, anApp, type TestApp } from "../kit/app.ts";
import { aSpec } from "../kit/stores.ts";
import { silent } from "./kit.ts";
import { deploys, place, restarts, rollsBack } from "./line-kit.ts";

const canary = "canary-2b8d4f6a90";

const db: SecretUse = {
  name: "db",
  from: { kind: "server", name: "database" },
  to: { kind: "file", target: "/run/secrets/db", uid: 0, gid: 0, mode: 0o444 },
};
const cert: SecretUse = { ...db, name: "cert", from: { kind: "host", path: "cert.pem" } };
const withDb: ReleaseSpec = { ...aSpec, container: { ...aSpec.container, secrets: [db, cert] } };

/** A provider in the test's hand: a value, which is also most of its version, or what is wrong. */
function aProvider(): Secrets & { value: string; fault: string | null; readonly asked: string[] } {
  const provider = {
    value: "one",
    fault: null as string | null,
    asked: [] as string[],
    async read({ service, environment, name }: Parameters<Secrets["read"]>[0]) {
      provider.asked.push(`${environment}/${name} for ${service}`);
      if (provider.fault !== null) throw new OutsideError({ reason: "secret_missing", message: provider.fault });
      return { bytes: Buffer.from(`${canary} ${provider.value}`), version: `v-${provider.value}` };
    },
  };
  return provider;
}

function aFleetWith(secrets: Secrets, spec: ReleaseSpec = withDb): TestApp {
  const fleet = anApp({ hosts: ["a"], spec: () => spec, secrets });
  after(() => fleet.stop());
  return fleet;
}

async function brought(fleet: TestApp): Promise<void> {
  fleet.hasImage("a");
  for (let turn = 0; turn < 50 && fleet.state().endedAt === null; turn++) {
    fleet.reports("a");
    await fleet.clock.advance(1000);
  }
  assert.equal(fleet.state().phase, "succeeded");
}

const besides = (fleet: TestApp, rollout: number) =>
  besidesLines(fleet.app.gantry.rollout(rollout)?.besides, "api")
    .map(({ text }) => text)
    .slice(1);
const hashOf = (fleet: TestApp) => fleet.store.releases.find("api", fleet.state().release)?.spec.container.secrets;

test("a release keeps names and versions, a host is told its own, and no value is in either", async () => {
  const fleet = aFleetWith(aProvider());
  assert.equal(await deploys(fleet, 1), "#1");
  assert.deepEqual(hashOf(fleet), [{ ...db, versions: { prod: "v-one" } }, cert]);
  await brought(fleet);
  const told = fleet.desk.desired("a")?.slots[0]?.release?.spec.container.secrets;
  assert.deepEqual(told, [{ ...db, version: "v-one" }, cert]);
  const everything = JSON.stringify([fleet.desk.desired("a"), fleet.store.releases.find("api", 1), fleet.app.gantry.rollout(1)]);
  assert.doesNotMatch(everything, new RegExp(canary));
});

test("the same build with another secret is another release, and the card says which secret changed since which release", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  await deploys(fleet, 1);
  await brought(fleet);
  assert.match(await deploys(fleet, 1), /^already_live/);
  provider.value = "two";
  assert.equal(await deploys(fleet, 1), "#2");
  assert.equal(fleet.state().release, 2);
  assert.deepEqual(besides(fleet, 2), ["- secret db has changed since r1"]);
  await brought(fleet);
});

test("going back restores the release and says that its secret is another one by now; nothing is read for it", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  await deploys(fleet, 1);
  await brought(fleet);
  provider.value = "two";
  await deploys(fleet, 2);
  await brought(fleet);
  provider.asked.length = 0;
  provider.fault = "the vault is sealed";
  assert.equal(await rollsBack(fleet), "#3");
  assert.deepEqual(besides(fleet, 3), ["- secret db has changed since r1"]);
  assert.deepEqual(provider.asked, []);
});

test("a restart gets today's value, and its card says so", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  await deploys(fleet, 1);
  await brought(fleet);
  provider.value = "two";
  assert.equal(await restarts(fleet), "#2");
  assert.deepEqual(besides(fleet, 2), ["- secret db has changed since r1"]);
  assert.equal(fleet.state().release, 1);
});

test("a secret that is not to be had is refused before anything begins", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  provider.fault = "/etc/gantry/db is not on the server";
  const refused = "secret_missing: The secret db of api prod is not to be had: /etc/gantry/db is not on the server.";
  assert.ok((await deploys(fleet, 1)).startsWith(refused));
  provider.fault = null;
  await deploys(fleet, 1);
  await brought(fleet);
  provider.fault = "/etc/gantry/db is not on the server";
  assert.ok((await restarts(fleet)).startsWith(refused));
});

test("a server without providers refuses what needs one; host files need none", async () => {
  const fleet = anApp({ hosts: ["a"], spec: () => withDb });
  after(() => fleet.stop());
  assert.match(await deploys(fleet, 1), /^secret_missing: .*this server has no secrets/);
  const onlyHost = anApp({ hosts: ["a"], spec: () => ({ ...aSpec, container: { ...aSpec.container, secrets: [cert] } }) });
  after(() => onlyHost.stop());
  assert.equal(await deploys(onlyHost, 1), "#1");
});

test("a difference names the secret that changed, and what a host would run shows versions", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  await deploys(fleet, 1);
  await brought(fleet);
  provider.value = "two";
  const diff = await fleet.app.gantry.diff({ ...place, what: null });
  assert.ok("changes" in diff);
  assert.deepEqual(diff.changes.changes, [{ kind: "secret", name: "db", since: 1 }]);
  const shown = JSON.stringify(await fleet.app.gantry.render({ ...place, what: aCommit(1) }));
  assert.match(shown, /db: database of the server, as \/run\/secrets\/db \(version v-two\)/);
  assert.match(shown, /cert: cert.pem on the host, as \/run\/secrets\/db/);
  assert.doesNotMatch(shown, new RegExp(canary));
});

test("a host gets the secrets of what is wanted on it, and no others", async () => {
  const provider = aProvider();
  const fleet = aFleetWith(provider);
  await deploys(fleet, 1);
  await brought(fleet);
  let frozen = false;
  const logged: object[] = [];
  const log = { ...silent, info: (facts: object) => void logged.push(facts), warn: (facts: object) => void logged.push(facts) };
  const ask = createSecretDesk({ store: fleet.store, secrets: provider, log, mayTell: () => !frozen });
  const order = { ...place, release: 1, name: "db" };
  assert.equal(Buffer.from(await ask("a", order)).toString(), `${canary} one`);
  assert.equal(provider.asked.at(-1), "prod/database for api");
  const no = { reason: "secret_missing", message: /is not wanted on|has no such secret/ };
  await assert.rejects(ask("b", order), no);
  await assert.rejects(ask("a", { ...order, release: 2 }), no);
  await assert.rejects(ask("a", { ...order, environment: "staging" }), no);
  await assert.rejects(ask("a", { ...order, name: "database" }), no);
  await assert.rejects(ask("a", { ...order, name: "cert" }), no);
  frozen = true;
  await assert.rejects(ask("a", order), no);
  frozen = false;
  provider.fault = "the vault is sealed";
  await assert.rejects(ask("a", order), { reason: "secret_missing", message: "the vault is sealed" });
  assert.ok(logged.length >= 7);
  assert.doesNotMatch(JSON.stringify(logged), new RegExp(canary));
});
