import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createGitHub } from "../../../src/github/github.ts";
import { startGitHub } from "../../../src/rehearsal/github/server.ts";
import { failure, noLog, repository as sample, sha } from "./sample.ts";

const repository = "acme/api";

function keyPair(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}

const keys = keyPair();

async function withApp(
  privateKey: string,
  run: (world: {
    github: ReturnType<typeof createGitHub>;
    requests: readonly string[];
    faults: Awaited<ReturnType<typeof startGitHub>>["faults"];
  }) => Promise<void>,
): Promise<void> {
  const other = { ...sample, fullName: "acme/web" };
  const standIn = await startGitHub({
    repositories: [sample, other],
    app: { id: "4711", publicKey: keys.publicKey, installedOn: [repository] },
  });
  try {
    const github = createGitHub({ app: { id: "4711", privateKey }, apiUrl: standIn.url, timeoutMs: 2_000, log: noLog });
    await run({ github, requests: standIn.requests, faults: standIn.faults });
  } finally {
    await standIn.stop();
  }
}

test("an App signs in as its installation, once for many calls", async () => {
  await withApp(keys.privateKey, async ({ github, requests }) => {
    assert.equal(await github.resolve({ repository, ref: "main" }), sha("ca70003"));
    assert.equal((await github.compare({ repository, base: sha("a11ce01"), head: sha("ca70003") })).total, 2);
    const signIns = requests.filter((line) => /installation|access_tokens/.test(line));
    assert.deepEqual(signIns, ["GET /repos/acme/api/installation", "POST /app/installations/77/access_tokens"]);
    assert.equal(await github.whoAmI(), "App gantry");
  });
});

test("a private key with written-out newlines works", async () => {
  await withApp(keys.privateKey.replaceAll("\n", "\\n"), async ({ github }) => {
    assert.equal(await github.resolve({ repository, ref: "v2.0" }), sha("b0b0002"));
  });
});

test("a repository without the App is named", async () => {
  await withApp(keys.privateKey, async ({ github }) => {
    const work = github.resolve({ repository: "acme/web", ref: "main" });
    const { message } = await failure({ work, reason: "github_auth", secret: keys.privateKey });
    assert.equal(message, "The GitHub App is not installed on acme/web");
  });
});

test("a wrong key is refused, a broken one too, and neither shows in the error", async () => {
  const stranger = keyPair().privateKey;
  const body = stranger.split("\n")[1] ?? "";
  await withApp(stranger, async ({ github }) => {
    await failure({ work: github.resolve({ repository, ref: "main" }), reason: "github_auth", secret: body });
  });
  await withApp(stranger.slice(0, 300), async ({ github }) => {
    await failure({ work: github.resolve({ repository, ref: "main" }), reason: "github_auth", secret: body });
  });
});

test("a sign-in that hangs ends with the deadline", async () => {
  await withApp(keys.privateKey, async ({ github, faults }) => {
    faults.add({ kind: "silent" }, { on: /access_tokens/ });
    await failure({ work: github.resolve({ repository, ref: "main" }), reason: "github_unreachable", secret: keys.privateKey });
  });
});
