import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, test } from "node:test";
import { createLogins } from "../../../src/registry/logins.ts";
import { signed, type Unsigned } from "../../../src/registry/sigv4.ts";
import { type Handler, startFaulty, status } from "./faulty.ts";

const host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const keys = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const noInstance = { AWS_EC2_METADATA_DISABLED: "true" };
const root = mkdtempSync(join(tmpdir(), "gantry-ecr-"));
after(() => rmSync(root, { recursive: true, force: true }));

describe("a signature", () => {
  const place = {
    keys: { accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey: keys.AWS_SECRET_ACCESS_KEY, sessionToken: null },
    region: "us-east-1",
    service: "service",
    at: new Date("2015-08-30T12:36:00Z"),
  };
  const url = new URL("https://example.amazonaws.com/");
  const form = { "content-type": "application/x-www-form-urlencoded" };
  // The names are those of the published test suite of Signature Version 4.
  const vectors: readonly (readonly [string, Unsigned, string])[] = [
    [
      "get-vanilla",
      { method: "GET", url, headers: {}, body: "" },
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ],
    [
      "post-vanilla",
      { method: "POST", url, headers: {}, body: "" },
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ],
    [
      "post-x-www-form-urlencoded",
      { method: "POST", url, headers: form, body: "Param1=value1" },
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ],
  ];
  for (const [name, request, signature] of vectors) {
    test(`is the published one: ${name}`, () => {
      const { authorization = "" } = signed(request, place);
      assert.match(authorization, new RegExp(`Signature=${signature}$`));
      assert.match(authorization, /Credential=AKIDEXAMPLE\/20150830\/us-east-1\/service\/aws4_request, SignedHeaders=/);
    });
  }

  test("covers the token of temporary keys", () => {
    const headers = signed(
      { method: "GET", url, headers: {}, body: "" },
      { ...place, keys: { ...place.keys, sessionToken: "session" } },
    );
    assert.equal(headers["x-amz-security-token"], "session");
    assert.match(headers["authorization"] ?? "", /SignedHeaders=host;x-amz-date;x-amz-security-token,/);
  });
});

describe("a login for Amazon's registry", () => {
  let now = Date.parse("2026-11-22T12:00:00Z");
  const twelveHours = 12 * 3_600;
  type Asked = { headers: Record<string, unknown>; body: string };

  /** The token API, as far as it is asked here. */
  async function tokenApi(then?: Handler) {
    const asked: Asked[] = [];
    const server = await startFaulty((request, response) => {
      void text(request).then((body) => {
        asked.push({ headers: request.headers, body });
        if (then !== undefined) return then(request, response);
        const authorizationToken = Buffer.from(`AWS:token-${asked.length}`).toString("base64");
        const data = { authorizationToken, expiresAt: now / 1_000 + twelveHours, proxyEndpoint: `https://${host}` };
        response.writeHead(200).end(JSON.stringify({ authorizationData: [data] }));
      });
    });
    return { asked, url: `http://${server.host}` };
  }

  function loginsOf(env: Record<string, string>, configDir: string | null = null) {
    const logins = createLogins({ configDir, env: { ...noInstance, ...env }, now: () => new Date(now) });
    after(() => logins.close());
    return logins;
  }

  const password = (n: number) => ({
    login: { kind: "password", user: "AWS", password: `token-${n}` },
    source: "the ECR token API",
  });

  test("is fetched with a signed request, and held until shortly before it ends", async () => {
    const { asked, url } = await tokenApi();
    const logins = loginsOf({ ...keys, AWS_ENDPOINT_URL_ECR: url });
    assert.deepEqual(await logins.find(host), password(1));
    now += (twelveHours - 20 * 60) * 1_000;
    assert.deepEqual(await logins.find(host), password(1));
    now += 10 * 60_000;
    assert.deepEqual(await logins.find(host), password(2));
    assert.equal(asked[0]?.headers["x-amz-target"], "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
    assert.match(
      String(asked[0]?.headers["authorization"]),
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261122\/eu-central-1\/ecr\//,
    );
    assert.deepEqual(JSON.parse(asked[0]?.body ?? ""), { registryIds: ["123456789012"] });
  });

  test("is fetched once for many pulls at once", async () => {
    const { asked, url } = await tokenApi();
    const logins = loginsOf({ ...keys, AWS_ENDPOINT_URL_ECR: url });
    await Promise.all(["a", "b", "c"].map(() => logins.find(host)));
    assert.equal(asked.length, 1);
  });

  test("is for its hosts only: the keys go nowhere else", async () => {
    const { asked, url } = await tokenApi();
    const logins = loginsOf({ ...keys, AWS_ENDPOINT_URL_ECR: url });
    for (const other of ["registry.example.com", `${host}.evil.com`, `evil.com/${host}`, "dkr.ecr.eu-central-1.amazonaws.com"])
      assert.equal(await logins.find(other), null, other);
    assert.equal(asked.length, 0);
  });

  test("is none when the keys are refused, and nobody asks again at once", async () => {
    const { asked, url } = await tokenApi(status(400));
    const logins = loginsOf({ ...keys, AWS_ENDPOINT_URL_ECR: url });
    assert.equal(await logins.find(host), null);
    assert.equal(await logins.find(host), null);
    assert.equal(asked.length, 1);
    now += 61_000;
    await logins.find(host);
    assert.equal(asked.length, 2);
  });

  test("takes keys from the container's endpoint, and from the instance's", async () => {
    const { asked, url } = await tokenApi();
    const answer = JSON.stringify({ AccessKeyId: "ASIAROLE", SecretAccessKey: "secret", Token: "session" });
    const endpoint = await startFaulty((request, response) => {
      const { headers, method, url = "" } = request;
      const isKnown = headers["x-aws-ec2-metadata-token"] === "imds-token" || headers.authorization === "Bearer t";
      if (method === "PUT") response.writeHead(200).end("imds-token");
      else if (!isKnown) response.writeHead(401).end();
      else response.writeHead(200).end(url.endsWith("/security-credentials/") ? "deploy-role" : answer);
    });
    const container = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${endpoint.host}/keys`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "Bearer t",
    };
    const instance = { AWS_EC2_METADATA_DISABLED: "false", AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${endpoint.host}` };
    for (const env of [container, instance]) {
      const found = await loginsOf({ ...env, AWS_ENDPOINT_URL_ECR: url }).find(host);
      assert.equal(found?.source, "the ECR token API");
      assert.equal(asked.at(-1)?.headers["x-amz-security-token"], "session");
    }
  });

  test("counts more than an old one in config.json, which is there for want of a better one", async () => {
    const auth = Buffer.from("AWS:of-yesterday").toString("base64");
    writeFileSync(join(root, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
    const { url } = await tokenApi();
    assert.deepEqual(await loginsOf({ ...keys, AWS_ENDPOINT_URL_ECR: url }, root).find(host), password(1));
    const without = await loginsOf({ AWS_ENDPOINT_URL_ECR: url }, root).find(host);
    assert.equal(without?.source, join(root, "config.json"));
  });
});
