/** `x-gantry.health`: what it means, and what is said of it when it means nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Health } from "../../src/core/release.ts";
import { folderOf, goodGantry, sayOf, saysOfService, withGantry } from "./files.ts";

function healthOf(written: string): Health {
  const { loaded, lines } = sayOf(folderOf({ "gantry.yml": goodGantry, "services/api.yml": withGantry(`health: ${written}`) }));
  assert.ok(loaded.ok, `${written}: ${lines.join("\n")}`);
  const [service] = loaded.config.services;
  assert.ok(service !== undefined);
  return service.spec.health;
}

const url = "http://127.0.0.1:8080/healthz";

test("a file of before means what it meant, to the letter: the hash of its release stays", () => {
  assert.equal(
    JSON.stringify(healthOf(`{ http: '${url}', interval: 200ms, deadline: 90s }`)),
    JSON.stringify({ intervalMs: 200, deadlineMs: 90_000, probe: { kind: "http", url } }),
  );
  assert.deepEqual(healthOf(url), { probe: { kind: "http", url }, intervalMs: 1000, deadlineMs: 60_000 });
});

test("an HTTP check says what a good answer is", () => {
  const probes: readonly (readonly [string, object])[] = [
    ["method: HEAD", { method: "HEAD" }],
    ["method: GET", {}],
    ["status: 204", { status: [[204, 204]] }],
    [
      "status: [200, 300-399]",
      {
        status: [
          [200, 200],
          [300, 399],
        ],
      },
    ],
    ["body: ready", { body: { contains: "ready" } }],
    ["body: { equals: OK }", { body: { equals: "OK" } }],
    ["header: X-Ready", { header: { "X-Ready": null } }],
    ["header: [A, B]", { header: { A: null, B: null } }],
    ["header: { X-Ready: 'yes' }", { header: { "X-Ready": "yes" } }],
    ["send: { Host: api.example.com }", { send: { Host: "api.example.com" } }],
    ["echo: body", { echo: "body" }],
    ["echo: { header: X-Release }", { echo: { header: "X-Release" } }],
    ["timeout: 500ms", { timeoutMs: 500 }],
  ];
  for (const [text, more] of probes)
    assert.deepEqual(healthOf(`{ http: '${url}', ${text} }`).probe, { kind: "http", url, ...more }, text);
});

test("a command is a line or a list of words, and may name the port that its container must hold", () => {
  const probe = { kind: "container", command: ["/bin/check", "-q"] };
  assert.deepEqual(healthOf("{ command: /bin/check -q }").probe, probe);
  assert.deepEqual(healthOf("{ command: [/bin/check, -q], port: 8080, timeout: 5s }").probe, {
    ...probe,
    port: 8080,
    timeoutMs: 5000,
  });
  assert.deepEqual(healthOf("{ container: true, port: 8080 }").probe, { kind: "container", port: 8080 });
});

test("the pace of starting and the patience of serving are the service's own", () => {
  assert.deepEqual(healthOf("{ tcp: 80, startPeriod: 10s, startInterval: 20ms, threshold: 3, failures: 5 }"), {
    probe: { kind: "tcp", host: "127.0.0.1", port: 80 },
    intervalMs: 1000,
    deadlineMs: 60_000,
    startPeriodMs: 10_000,
    startIntervalMs: 20,
    threshold: 3,
    failures: 5,
  });
});

test("what cannot be meant is said, with what to write", async (t) => {
  const http = `http: '${url}'`;
  const cases: readonly (readonly [string, string])[] = [
    ["{ status: 204 }", "status without http; write http: with the address to ask, or remove it"],
    ["{ tcp: 80, echo: body }", "echo without http; write http: with the address to ask, or remove it"],
    ["{ tcp: 80, port: 80 }", "port without command or container; remove it: http and tcp name their port in their address"],
    ["{ container: true, timeout: 1s }", "timeout without http, tcp or command; write it under the container's healthcheck"],
    ["{ tcp: 80, command: x }", "more than one health check; keep one of http, tcp, command and container"],
    [`{ ${http}, status: 2xx }`, '"2xx" is not a status; write one such as 200, or a range such as 200-299'],
    [`{ ${http}, status: 299-200 }`, '"299-200" is not a status; write one such as 200, or a range such as 200-299'],
    [`{ ${http}, status: [] }`, "an empty list; write a list, or leave the key out"],
    [`{ ${http}, method: POST }`, '"POST" is not one of GET, HEAD; write one of GET, HEAD'],
    [`{ ${http}, method: HEAD, body: ok }`, "an answer to HEAD has no body; remove method: HEAD, or look at a header"],
    [`{ ${http}, body: '' }`, "an empty text, which stands in every body; write a word that only a good answer has"],
    [`{ ${http}, body: {} }`, "not one of contains and equals; write one of the two"],
    [`{ ${http}, echo: {} }`, "echo without header; write echo: { header: X-Release }, or echo: body"],
    [`{ ${http}, echo: head }`, '"head" is not one of body; write one of body'],
    [`{ ${http}, header: "a b" }`, "\"a b\" is not a header's name; write a header's name, such as X-Release"],
    [`{ ${http}, send: { "X: y": z } }`, "\"X: y\" is not a header's name; write a header's name, such as X-Release"],
    [`{ ${http}, send: { X: "a\\r\\nb" } }`, '"a\\r\\nb" is not a text; write printable ASCII in one line'],
    [
      `{ ${http}, send: { Content-Length: 5 } }`,
      "the header Content-Length cannot be set; remove it: Gantry sends what it needs",
    ],
    ["{ command: [] }", 'not a command; write a program and its words, such as ["/bin/check", "--fast"]'],
    [
      "{ command: curl x | grep ok }",
      '| means something only to a shell, and there is none; write ["sh", "-c", "…"], or put it between quotes',
    ],
    [
      "{ tcp: 80, startPeriod: 60s }",
      "startPeriod does not end before the deadline of 1m; write a longer deadline, or a shorter startPeriod",
    ],
    [
      "{ tcp: 80, startInterval: 30s, threshold: 3 }",
      "3 answers 30s apart do not fit into the deadline of 1m; write a longer deadline",
    ],
    ["{ tcp: 80, threshold: 0 }", "0 is out of bounds; write a whole number from 1 to 100"],
    ["{ tcp: 80, timeout: 0s }", "0s is too short; write a duration from 50ms to 1m"],
  ];
  for (const [written, said] of cases)
    await t.test(written, () => {
      const lines = saysOfService(withGantry(`health: ${written}`)).map((line) => line.replace(/^\d+:\d+ /, ""));
      assert.deepEqual(lines, [said]);
    });
});
