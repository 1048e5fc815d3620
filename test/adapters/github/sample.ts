/** A small repository with every kind of ref, and helpers that the GitHub tests share. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { type Log, OutsideError } from "../../../src/app/ports.ts";
import type { ReasonCode } from "../../../src/core/reasons.ts";
import { createGitHub, type GitHub } from "../../../src/github/github.ts";
import { type RehearsalGitHub, startGitHub } from "../../../src/rehearsal/github/server.ts";

export const noLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** 40 digits that begin with these. */
export function sha(start: string): string {
  return start.padEnd(40, "0");
}

const at = Date.UTC(2026, 10, 1, 9);

export const repository = {
  fullName: "acme/api",
  commits: [
    { sha: sha("a11ce01"), title: "API-1: first light\n\nWith a body.", author: "Ana", at },
    { sha: sha("b0b0002"), title: "API-2: faster login", author: "Bo", at: at + 60_000 },
    { sha: sha("ca70003"), title: "API-3: fewer queries", author: "Cat", at: at + 120_000 },
    // A branch off the second commit.
    { sha: sha("d09004a"), title: "API-4: dark mode", author: "Dov", at: at + 180_000, parents: [sha("b0b0002")] },
    // Two that share their first nine digits.
    { sha: sha("eee00005a"), title: "API-5: one", author: "Eva", at: at + 240_000, parents: [sha("ca70003")] },
    { sha: sha("eee00005b"), title: "API-6: two", author: "Eva", at: at + 300_000, parents: [sha("eee00005a")] },
  ],
  branches: {
    main: sha("ca70003"),
    "feature/dark-mode": sha("d09004a"),
    both: sha("ca70003"),
    same: sha("b0b0002"),
    b0b0002: sha("d09004a"),
    facade1: sha("ca70003"),
  },
  tags: { facade1: sha("a11ce01"), "v1.0": sha("a11ce01"), both: sha("a11ce01"), same: sha("b0b0002") },
  annotatedTags: { "v2.0": sha("b0b0002") },
};

export type World = { readonly standIn: RehearsalGitHub; readonly github: GitHub };

/** Runs with a fresh stand-in and the real adapter in front of it. */
export async function withGitHub(run: (world: World) => Promise<void>, timeoutMs = 4_000): Promise<void> {
  const standIn = await startGitHub({ repositories: [repository] });
  try {
    const github = createGitHub({ token: standIn.token, apiUrl: standIn.url, timeoutMs, log: noLog });
    await run({ standIn, github });
  } finally {
    await standIn.stop();
  }
}

/** The OutsideError that the work must end in; it may hold no token, however deep one looks. */
export async function failure(facts: { work: Promise<unknown>; reason: ReasonCode; secret: string }): Promise<OutsideError> {
  try {
    await facts.work;
  } catch (error) {
    assert.ok(error instanceof OutsideError, `an OutsideError, not ${inspect(error)}`);
    assert.equal(error.reason, facts.reason, error.message);
    assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(facts.secret), "no token in the error");
    return error;
  }
  assert.fail("should have failed");
}
