import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { OutsideError } from "../../../src/app/ports.ts";
import type { ReasonCode } from "../../../src/core/reasons.ts";
import { createJira, type Jira } from "../../../src/jira/jira.ts";
import { type RehearsalJira, startJira, tooManyRequests } from "../../../src/rehearsal/jira/server.ts";
import type { Fault } from "../../../src/rehearsal/web/faults.ts";

const tickets = [
  { key: "API-1", summary: "First light", status: "Done" },
  { key: "API-2", summary: "Faster login", status: "In Review" },
  { key: "PLAT-7", summary: "Newer kernel", status: "To Do" },
  ...Array.from({ length: 12 }, (_, index) => ({ key: `BULK-${index + 1}`, summary: `Number ${index + 1}`, status: "Open" })),
];

type World = { readonly jira: Jira; readonly standIn: RehearsalJira };

async function withJira(run: (world: World) => Promise<void>, timeoutMs = 3_000): Promise<void> {
  const standIn = await startJira({ tickets });
  try {
    const { url, email, token } = standIn;
    await run({ standIn, jira: createJira({ url: `${url}/`, email, token, timeoutMs }) });
  } finally {
    await standIn.stop();
  }
}

async function failure(facts: { work: Promise<unknown>; reason: ReasonCode; standIn: RehearsalJira }): Promise<OutsideError> {
  const { email, token } = facts.standIn;
  try {
    await facts.work;
  } catch (error) {
    assert.ok(error instanceof OutsideError, `an OutsideError, not ${inspect(error)}`);
    assert.equal(error.reason, facts.reason, error.message);
    const seen = inspect(error, { depth: null, showHidden: true });
    for (const secret of [token, Buffer.from(`${email}:${token}`).toString("base64")])
      assert.ok(!seen.includes(secret), "no token");
    return error;
  }
  assert.fail("should have failed");
}

test("tickets are found with summary, status and a link; strangers are left out", async () => {
  await withJira(async ({ jira, standIn }) => {
    assert.deepEqual(await jira.find(["API-2", "API-99", "PLAT-7", "API-2"]), [
      { key: "API-2", summary: "Faster login", status: "In Review", url: `${standIn.url}/browse/API-2` },
      { key: "PLAT-7", summary: "Newer kernel", status: "To Do", url: `${standIn.url}/browse/PLAT-7` },
    ]);
    assert.deepEqual(await jira.find([]), []);
  });
});

test("many tickets come in the order they were asked for, each asked for once", async () => {
  await withJira(async ({ jira, standIn }) => {
    const keys = tickets.map(({ key }) => key).filter((key) => key.startsWith("BULK"));
    assert.deepEqual(
      (await jira.find(keys)).map(({ key }) => key),
      keys,
    );
    assert.equal(standIn.requests.length, keys.length);
  });
});

test("what is no ticket key never reaches Jira", async () => {
  await withJira(async ({ jira, standIn }) => {
    const climbing = ["A-1/../../../2/myself", "A%", "api-1", "API-0", "API-1?x", "API-1\n", ""];
    assert.deepEqual(await jira.find(climbing), []);
    await jira.comment({ key: "API-1/../API-2", marker: "m", text: "t" });
    assert.deepEqual(standIn.requests, []);
  });
});

const said = { key: "API-2", marker: "[gantry api #142]", text: "api r42 is live in *prod*. [gantry api #142]" };

test("a comment is written once, however often it is asked for", async () => {
  await withJira(async ({ jira, standIn }) => {
    await jira.comment(said);
    await jira.comment(said);
    assert.deepEqual(standIn.comments("API-2"), [said.text]);
  });
});

test("another marker is another comment, also when it begins alike", async () => {
  await withJira(async ({ jira, standIn }) => {
    await jira.comment({ ...said, marker: "[gantry api #1420]", text: "longer [gantry api #1420]" });
    await jira.comment(said);
    await jira.comment({ ...said, marker: "[gantry api #142 rolled back]", text: "back" });
    assert.deepEqual(standIn.comments("API-2"), [
      "longer [gantry api #1420]",
      said.text,
      "back\n\n[gantry api #142 rolled back]",
    ]);
  });
});

test("a comment is found again among many others", async () => {
  await withJira(async ({ jira, standIn }) => {
    for (let index = 0; index < 60; index += 1) await jira.comment({ key: "API-1", marker: `m${index}`, text: `m${index}` });
    await jira.comment({ key: "API-1", marker: "m3", text: "m3" });
    assert.equal(standIn.comments("API-1").length, 60);
  });
});

test("a comment whose answer was lost is not repeated", async () => {
  await withJira(async ({ jira, standIn }) => {
    standIn.faults.add({ kind: "lost-answer" }, { on: /^POST/, times: 1 });
    await failure({ work: jira.comment(said), reason: "jira_unreachable", standIn });
    await jira.comment(said);
    assert.deepEqual(standIn.comments("API-2"), [said.text]);
  });
});

test("a comment on a ticket that is gone is dropped", async () => {
  await withJira(async ({ jira, standIn }) => {
    await jira.comment({ ...said, key: "API-99" });
    assert.ok(!standIn.requests.some((line) => line.startsWith("POST")));
  });
});

test("the token's owner is named", async () => {
  await withJira(async ({ jira }) => assert.equal(await jira.whoAmI(), "user Gantry"));
});

const methods: Readonly<Record<string, (jira: Jira) => Promise<unknown>>> = {
  find: (jira) => jira.find(["API-1", "API-2"]),
  comment: (jira) => jira.comment(said),
  whoAmI: (jira) => jira.whoAmI(),
};

const body = { errorMessages: ["go away ATATT3xFfGF0rehearsal0000000000000000000000"], errors: {} };
const loginFailed = { "x-seraph-loginreason": "AUTHENTICATED_FAILED" };
const faults: readonly { readonly what: string; readonly fault: Fault; readonly reason: ReasonCode }[] = [
  { what: "it cuts the connection", fault: { kind: "down" }, reason: "jira_unreachable" },
  { what: "it never answers", fault: { kind: "silent" }, reason: "jira_unreachable" },
  { what: "it is slower than the deadline", fault: { kind: "slow", ms: 60_000 }, reason: "jira_unreachable" },
  { what: "it answers 401", fault: { kind: "answer", status: 401, body }, reason: "jira_auth" },
  { what: "it answers 403", fault: { kind: "answer", status: 403, body }, reason: "jira_auth" },
  {
    what: "it answers a wrong token with 404",
    fault: { kind: "answer", status: 404, headers: loginFailed },
    reason: "jira_auth",
  },
  { what: "it redirects", fault: { kind: "answer", status: 302, headers: { location: "/login" } }, reason: "jira_unreachable" },
  { what: "it answers 500", fault: { kind: "answer", status: 500, body }, reason: "jira_unreachable" },
  { what: "it answers 429", fault: tooManyRequests("30"), reason: "jira_unreachable" },
];

for (const { what, fault, reason } of faults) {
  test(`when ${what}, every method fails in time, with ${reason} and without the token`, async () => {
    await Promise.all(
      Object.entries(methods).map(([name, call]) =>
        withJira(async ({ jira, standIn }) => {
          standIn.faults.add(fault);
          const startedAt = performance.now();
          await failure({ work: call(jira), reason, standIn });
          assert.ok(performance.now() - startedAt < 1_500, `${name} took ${performance.now() - startedAt} ms`);
        }, 500),
      ),
    );
  });
}

test("when nobody listens, the call fails at once with jira_unreachable", async () => {
  const standIn = await startJira({ tickets });
  await standIn.stop();
  const jira = createJira({ url: standIn.url, email: standIn.email, token: standIn.token, timeoutMs: 3_000 });
  const startedAt = performance.now();
  await failure({ work: jira.find(["API-1"]), reason: "jira_unreachable", standIn });
  assert.ok(performance.now() - startedAt < 1_500);
});

test("Retry-After is told to the caller, and no request leaves until it is over", async () => {
  await withJira(async ({ jira, standIn }) => {
    standIn.faults.add(tooManyRequests("30"), { times: 1 });
    assert.equal((await failure({ work: jira.find(["API-1"]), reason: "jira_unreachable", standIn })).retryAfterMs, 30_000);
    const again = await failure({ work: jira.comment(said), reason: "jira_unreachable", standIn });
    assert.ok((again.retryAfterMs ?? 0) > 25_000);
    assert.equal(standIn.requests.length, 1);
  });
});

test("Retry-After may be a date", async () => {
  await withJira(async ({ jira, standIn }) => {
    standIn.faults.add(tooManyRequests(new Date(Date.now() + 60_000).toUTCString()));
    const { retryAfterMs } = await failure({ work: jira.whoAmI(), reason: "jira_unreachable", standIn });
    assert.ok(retryAfterMs !== null && retryAfterMs > 55_000 && retryAfterMs <= 60_000, String(retryAfterMs));
  });
});

test("a redirect is not followed, since it would take the token along", async () => {
  await withJira(async ({ jira, standIn }) => {
    standIn.faults.add({ kind: "answer", status: 302, headers: { location: "/rest/api/2/myself" } }, { times: 1 });
    assert.match((await failure({ work: jira.whoAmI(), reason: "jira_unreachable", standIn })).message, /redirects \(302\)/);
    assert.equal(standIn.requests.length, 1);
  });
});

test("a revoked token fails with jira_auth", async () => {
  await withJira(async ({ jira, standIn }) => {
    standIn.revokeToken();
    await failure({ work: jira.find(["API-1"]), reason: "jira_auth", standIn });
  });
});

test("a Jira below a path is reached there, over the protocol of its address", async () => {
  const seen: string[] = [];
  const original = globalThis.fetch;
  globalThis.fetch = async (input) => {
    seen.push(String(input));
    return Response.json({ displayName: "Gantry" });
  };
  try {
    await createJira({ url: "https://tools.example.com:8443/jira/", email: "a@example.com", token: "secret" }).whoAmI();
  } finally {
    globalThis.fetch = original;
  }
  assert.deepEqual(seen, ["https://tools.example.com:8443/jira/rest/api/2/myself"]);
  assert.throws(() => createJira({ url: "ftp://tools.example.com", email: "a", token: "b" }), TypeError);
});
