/** Which hosts an environment has is for operators to say: labels bind from the enrolment on. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { makeToken } from "../../src/app/fleet-desk.ts";
import { anApp, type TestApp } from "../kit/app.ts";

let app: TestApp;
afterEach(() => app.stop());

function labelsOf(host: string) {
  return app.store.hosts.find(host)?.labels;
}

function enrol(facts: { token: Readonly<Record<string, string>>; agent: Readonly<Record<string, string>> }) {
  const token = makeToken(app.store, { name: "web-1", labels: facts.token, at: app.clock.now() });
  return app.desk.enrol({ token, name: "web-1", publicKey: "key", labels: facts.agent });
}

test("an agent's own labels count at enrolment, below those of its token, and never again", () => {
  app = anApp({ hosts: [] });
  enrol({ token: { env: "staging" }, agent: { env: "prod", zone: "a" } });
  assert.deepEqual(labelsOf("web-1"), { env: "staging", zone: "a" });
  app.desk.connected({ host: "web-1", agentVersion: "1", labels: { env: "prod", zone: "b", more: "yes" } });
  assert.deepEqual(labelsOf("web-1"), { env: "staging", zone: "a" });
  enrol({ token: { env: "prod" }, agent: {} });
  assert.deepEqual(labelsOf("web-1"), { env: "prod" });
});
