import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { parseChallenge } from "../../../src/registry/auth.ts";
import { findInConfig } from "../../../src/registry/docker-config.ts";
import { endpointOf, locate } from "../../../src/registry/endpoints.ts";
import { createLogins } from "../../../src/registry/logins.ts";
import { createRegistry, type RegistryAdapter } from "../../../src/registry/registry.ts";
import { good, someDigest, startFaulty, status } from "./faulty.ts";
import { login, startRealRegistry } from "./real.ts";

const root = mkdtempSync(join(tmpdir(), "gantry-docker-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

async function credentialsFor(host: string, folder: string) {
  return (await findInConfig(host, folder))?.login ?? null;
}

/** A folder with Docker's config.json. */
function configDir(config: unknown): string {
  const folder = mkdtempSync(join(root, String(++count)));
  writeFileSync(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return folder;
}

function clientOf(dockerConfigDir: string | null): RegistryAdapter {
  const logins = createLogins({ configDir: dockerConfigDir, env: {} });
  const registry = createRegistry({ registries: [], logins, timeoutMs: 3000, stallMs: 1000 });
  after(() => Promise.all([registry.close(), logins.close()]));
  return registry;
}

const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");

test("a real registry with a password lets in who has Docker's login, and nobody else", async () => {
  const real = await startRealRegistry({ password: true });
  after(() => real.stop());
  const digest = await real.push({ path: "team/api", tag: "v1", content: "one" });
  const repository = `${real.host}/team/api`;
  const withLogin = clientOf(configDir({ auths: { [real.host]: { auth } } }));
  assert.equal(await withLogin.digest(repository, "v1"), digest);
  assert.deepEqual(await withLogin.tags(repository), ["v1"]);
  await withLogin.check(real.host);
  const without = clientOf(null);
  await assert.rejects(without.digest(repository, "v1"), {
    reason: "registry_auth",
    message: `${real.host} asks for a login and there is none for it`,
  });
  const wrong = clientOf(configDir({ auths: { [real.host]: { username: login.user, password: "wrong" } } }));
  await assert.rejects(wrong.check(real.host), { reason: "registry_auth", message: `${real.host} refuses the login (HTTP 401)` });
});

/** A registry behind a token service, as Docker Hub and most others are. */
async function tokenRegistry(options: { expiresIn?: number } = {}) {
  const asked: { url: URL; authorization: string | undefined; body: string }[] = [];
  let issued = 0;
  const service = await startFaulty((request, response) => {
    void text(request).then((body) => {
      asked.push({ url: new URL(request.url ?? "", "http://x"), authorization: request.headers.authorization, body });
      response.writeHead(200).end(JSON.stringify({ token: `t${++issued}`, expires_in: options.expiresIn ?? 300 }));
    });
  });
  let accepted = (request: IncomingMessage) => request.headers.authorization === `Bearer t${issued}`;
  const registry = await startFaulty((request, response) => {
    if (accepted(request)) return good(request, response);
    const challenge = `Bearer realm="http://${service.host}/token?x=1",service="registry.test",scope="repository:team/api:pull"`;
    status(401, { "www-authenticate": challenge })(request, response);
  });
  const refuseAll = () => {
    accepted = () => false;
  };
  return { asked, registry, refuseAll, revoke: () => issued++ };
}

test("a token is fetched once, with the scope that the registry names, and used again", async () => {
  const { asked, registry } = await tokenRegistry();
  const client = clientOf(configDir({ auths: { [registry.host]: { auth } } }));
  const repository = `${registry.host}/team/api`;
  assert.equal(await client.digest(repository, "v1"), someDigest);
  assert.equal(await client.digest(repository, "v2"), someDigest);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.url.search, "?x=1&service=registry.test&scope=repository%3Ateam%2Fapi%3Apull");
  assert.equal(asked[0]?.authorization, `Basic ${auth}`);
  assert.equal(registry.seen.length, 3);
});

test("a token that is refused is renewed once", async () => {
  const { asked, registry, revoke } = await tokenRegistry();
  const client = clientOf(null);
  await client.digest(`${registry.host}/team/api`, "v1");
  revoke();
  assert.equal(await client.digest(`${registry.host}/team/api`, "v1"), someDigest);
  assert.equal(asked.length, 2);
  assert.equal(asked[0]?.authorization, undefined, "nobody to be: an anonymous token");
});

test("a registry that refuses every token is told as refused, without a storm", async () => {
  const { asked, registry, refuseAll } = await tokenRegistry();
  refuseAll();
  await assert.rejects(clientOf(null).digest(`${registry.host}/team/api`, "v1"), { reason: "registry_auth" });
  assert.equal(asked.length, 1);
  assert.equal(registry.seen.length, 2);
});

test("an identity token is exchanged by POST and does not stand in the address", async () => {
  const { asked, registry } = await tokenRegistry();
  const client = clientOf(configDir({ auths: { [registry.host]: { identitytoken: "identity-token" } } }));
  assert.equal(await client.digest(`${registry.host}/team/api`, "v1"), someDigest);
  const form = new URLSearchParams(asked[0]?.body);
  assert.deepEqual(
    ["grant_type", "refresh_token", "service", "scope"].map((key) => form.get(key)),
    ["refresh_token", "identity-token", "registry.test", "repository:team/api:pull"],
  );
  assert.ok(!asked[0]?.url.href.includes("identity-token"));
});

test("a challenge that cannot be answered is refused, not guessed at", async () => {
  for (const header of ["Negotiate", "Bearer service=x", 'Bearer realm="not a url"']) {
    const { host } = await startFaulty(status(401, { "www-authenticate": header }));
    await assert.rejects(clientOf(null).digest(`${host}/api`, "v1"), {
      reason: "registry_auth",
      message: `${host} asks for an unknown kind of login`,
    });
  }
  assert.deepEqual(parseChallenge('bearer  Realm="https://a/t", service="s"'), {
    kind: "bearer",
    realm: "https://a/t",
    service: "s",
    scope: null,
  });
  assert.deepEqual(parseChallenge('Basic realm="x"'), { kind: "basic" });
  assert.equal(parseChallenge(undefined), null);
});

test("a password is sent to a token service over http or https only", async () => {
  const realm = "file:///etc/passwd";
  const { host, seen } = await startFaulty(status(401, { "www-authenticate": `Bearer realm="${realm}"` }));
  await assert.rejects(clientOf(configDir({ auths: { [host]: { auth } } })).digest(`${host}/api`, "v1"), {
    message: `${host} names a token service that is not https`,
  });
  assert.equal(seen.length, 1);
});

test("logins are found under the names that Docker writes", async () => {
  const entry = { auth: Buffer.from("ana:a:b").toString("base64") };
  const ana = { kind: "password", user: "ana", password: "a:b" };
  assert.deepEqual(await credentialsFor("r.example.com", configDir({ auths: { "r.example.com": entry } })), ana);
  assert.deepEqual(await credentialsFor("r.example.com", configDir({ auths: { "https://r.example.com/v1/": entry } })), ana);
  assert.deepEqual(await credentialsFor("docker.io", configDir({ auths: { "https://index.docker.io/v1/": entry } })), ana);
  for (const nothing of [
    {},
    { auths: { "r.example.com": {} } },
    { auths: { other: entry } },
    { auths: 7 },
    "not JSON",
    "[]",
    "null",
  ]) {
    assert.equal(await credentialsFor("r.example.com", configDir(nothing)), null);
  }
  assert.equal(await credentialsFor("r.example.com", join(root, "nowhere")), null);
  assert.equal(await credentialsFor("__proto__", configDir({ auths: {} })), null);
});

/** A credential helper in a folder that is first in PATH. */
function helper(name: string, script: string): void {
  writeFileSync(join(root, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, `docker-credential-${name}`), 0o755);
}

test("credential helpers are asked on stdin, and a broken one is like no login", async () => {
  const before = process.env["PATH"];
  process.env["PATH"] = `${root}:${before}`;
  after(() => {
    process.env["PATH"] = before;
  });
  helper("good", `read host; printf '{"ServerURL":"%s","Username":"ana","Secret":"of %s %s"}' "$host" "$host" "$1"`);
  helper("token", `printf '{"Username":"<token>","Secret":"identity"}'`);
  helper("broken", "echo no such login; exit 1");
  helper("junk", "echo not json");
  helper("loud", "yes");
  const ask = (helpers: object) => credentialsFor("r.example.com", configDir(helpers));
  const ana = { kind: "password", user: "ana", password: "of r.example.com get" };
  assert.deepEqual(await ask({ credHelpers: { "r.example.com": "good" } }), ana);
  assert.deepEqual(await ask({ credsStore: "good" }), ana);
  assert.deepEqual(await ask({ credHelpers: { "r.example.com": "token" } }), { kind: "identity", token: "identity" });
  for (const name of ["broken", "junk", "loud", "missing", "../good", "good; rm -rf /", ""]) {
    assert.equal(await ask({ credHelpers: { "r.example.com": name } }), null, name);
  }
});

test("plain http is for this machine and for what is called insecure", () => {
  const registries = [{ host: "r.example.com", mirrors: ["m.example.com", "127.0.0.1:5000"], insecure: true }];
  const origins = locate("r.example.com/a/b", registries).endpoints.map(({ origin }) => origin);
  assert.deepEqual(origins, ["http://r.example.com", "https://m.example.com", "http://127.0.0.1:5000"]);
  assert.equal(endpointOf("localhost.evil.com", []).origin, "https://localhost.evil.com");
  assert.deepEqual(locate("docker.io/busybox", []), {
    endpoints: [{ host: "docker.io", origin: "https://registry-1.docker.io" }],
    path: "library/busybox",
  });
  assert.throws(() => locate("busybox", []), RangeError);
});
