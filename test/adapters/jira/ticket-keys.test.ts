import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ticketKeysIn } from "../../../src/core/tickets.ts";

const projects = ["API", "plat"];

function keysIn(...texts: string[]): string[] {
  return ticketKeysIn(texts, projects);
}

test("keys are found wherever people write them", () => {
  const places = {
    "API-12: faster login": ["API-12"],
    "fix login (API-12, PLAT-3)": ["API-12", "PLAT-3"],
    "Merge branch 'feature/API-12-faster-login'": ["API-12"],
    "fix-API-12": ["API-12"],
    "see https://acme.example.com/browse/API-12?focus=1": ["API-12"],
    "Closes API-12.": ["API-12"],
    "[API-12] API-13;API-14": ["API-12", "API-13", "API-14"],
    "api-12 faster login": ["API-12"],
    "feature/plat-3": ["PLAT-3"],
  };
  for (const [text, keys] of Object.entries(places)) assert.deepEqual(keysIn(text), keys, text);
});

test("what only looks like a key is none", () => {
  const lookalikes = [
    "OTHER-12: not our project",
    "API-0",
    "API-012",
    "UTF-8 and SHA-256",
    "XAPI-12",
    "MY_API-12",
    "9API-12",
    "_API-12",
    `${"a".repeat(20)}API-12`,
    "API-12ab34f",
    "api-1234567 (the image of a commit)",
    "upgrade api-1.2.3",
    "API-1.2",
    "my-api-12 is a host",
    "API - 12",
    "API-",
    "deadbeef-12",
    "API-1234567890",
  ];
  for (const text of lookalikes) assert.deepEqual(keysIn(text), [], text);
});

test("with the project allowed, UTF-8 is a ticket like any other", () => {
  assert.deepEqual(ticketKeysIn(["UTF-8"], ["UTF"]), ["UTF-8"]);
});

test("each key counts once, in order of appearance, up to the limit", () => {
  assert.deepEqual(keysIn("API-2 api-1", "API-1 API-2 API-3"), ["API-2", "API-1", "API-3"]);
  const many = Array.from({ length: 50 }, (_, index) => `API-${index + 1}`);
  assert.equal(ticketKeysIn(many, projects).length, 20);
  assert.deepEqual(ticketKeysIn(many, projects, 2), ["API-1", "API-2"]);
  assert.deepEqual(ticketKeysIn(many, []), []);
});

test("whatever the text, what comes out is a key of an allowed project", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("API-", "api-12", "plat-3", "-", "API-12", "_", "0", ".1"),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      for (const key of keysIn(pieces.join(""))) assert.match(key, /^(API|PLAT)-[1-9]\d{0,8}$/);
    }),
  );
});
