// A secret of the server reaches the containers that need it, and nothing that is stored, shown or logged.
import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { first, type Journey, journey } from "../kit/journey.ts";

const canary = "canary-8e41b07c2d";
const folder = mkdtempSync(join(tmpdir(), "gantry-secret-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "db");

const options = {
  service: {
    server: [`secrets: { db: { file: ${file} }, prod/key: { command: [cat, ${file}] }, key: { file: ${file} } }`],
    compose: ["secrets: [db]"],
    block: ["secrets: { key: { server: key, variable: API_KEY } }"],
    top: ["secrets: { db: { external: true } }"],
  },
};

const keysOn = (j: Pick<Journey, "host">, host: string) =>
  j
    .host(host)
    .engine.running()
    .flatMap(({ environment }) => environment.filter((line) => line.startsWith("API_KEY=")));

/** Every file below the folder, and what is in it; files that go away meanwhile held nothing that lasts. */
function filesBelow(root: string): readonly (readonly [path: string, text: string])[] {
  return globSync("**/*", { cwd: root }).flatMap((path) => {
    try {
      const whole = join(root, path);
      return statSync(whole).isFile() ? [[path, readFileSync(whole, "latin1")] as const] : [];
    } catch {
      return [];
    }
  });
}

journey(
  "secrets reach containers, cards say which have changed, and a rollback says so, too",
  async ({ ana, bo, eva, ...j }) => {
    writeFileSync(file, `${canary}-1\n`);
    await j.makeLive("prod", first);
    assert.deepEqual(keysOn(j, "prod-1"), [`API_KEY=${canary}-1`]);
    writeFileSync(file, `${canary}-2\n`);
    await ana.says(`/deploy api prod ${first}`);
    const card = await j.card("Waits for approval", 2);
    assert.match(card, /secret `?db`? has changed since r1/);
    assert.match(card, /secret `?key`? has changed since r1/);
    await bo.clicks("Approve");
    await j.card("Live", 2);
    for (const host of ["prod-1", "prod-2", "prod-3"]) assert.deepEqual(keysOn(j, host), [`API_KEY=${canary}-2`]);
    rmSync(file);
    await ana.says("/gantry restart api prod");
    await j.told(ana, `The secret db of api prod is not to be had: ${file} is not on the server`, "Reason: secret_missing");
    writeFileSync(file, `${canary}-3\n`);
    await eva.says("/rollback api prod r1 --now");
    await j.card(/secret `?db`? has changed since r1/, 3);
    await j.card("Rolled back", 3);
    assert.deepEqual(keysOn(j, "prod-1"), [`API_KEY=${canary}-3`]);
    nowhereElse(j);
  },
  options,
);

/** The database with its WAL, the agents' states, what was logged, said, and can be asked. */
function nowhereElse(j: Pick<Journey, "data" | "logged" | "slack">): void {
  const agents = filesBelow(join(dirname(j.data), "agents"));
  const inSecrets = agents.filter(([, text]) => text.includes(canary)).map(([path]) => path);
  assert.ok(inSecrets.length > 0);
  for (const path of inSecrets) assert.match(path, /^[^/]+\/secrets\//);
  const stored = filesBelow(j.data);
  assert.ok(stored.some(([path]) => path.endsWith("-wal")) && stored.length >= 3, stored.map(([path]) => path).join(" "));
  for (const [path, text] of stored) assert.ok(!text.includes(canary), path);
  assert.ok(j.logged.length > 20);
  for (const line of j.logged) assert.ok(!line.includes(canary), line);
  assert.ok(!JSON.stringify(j.slack.channel("deploys").messages()).includes(canary));
}
