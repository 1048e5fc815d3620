/** The next step of a slot with several containers: a migration, then metrics, then the released one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Attempt,
  freshAttempt,
  type Goal,
  nextStep,
  type SeenContainer,
  type SlotView,
  type Step,
  type WantedMember,
} from "../../src/core/slot-step.ts";

const ok = { ok: true, tookMs: 1 } as const;
const failed = { ok: false, tookMs: 1, reason: "unhealthy", detail: "", logTail: [], after: "restored" } as const;
const failure = { reason: "unhealthy", detail: "503", logTail: [] };

type Parts = { readonly migrate: number; readonly metrics: number; readonly api: number };

/** A release, by which version of each container it has. */
function goal(generation: number, { migrate, metrics, api }: Parts, more: Partial<Goal> = {}): Goal {
  const member = (name: string | null, version: number, condition: WantedMember["condition"]): WantedMember => {
    return { name, digest: `d${version}`, specHash: `s${version}`, condition };
  };
  const members = [member("migrate", migrate, "completed"), member("metrics", metrics, "healthy"), member(null, api, "healthy")];
  return { generation, release: { number: generation, members }, ...more };
}

const positions: Readonly<Record<string, number>> = { migrate: 0, metrics: 1 };

/** `metrics 2`: the container that generation 2 made of version 2. */
function container(what: string, more: Partial<SeenContainer> = {}): SeenContainer {
  const [name = "", text = ""] = what.split(" ");
  const version = Number(text);
  const isOneShot = name === "migrate";
  return {
    id: what,
    member: name === "api" ? null : name,
    role: "live",
    generation: version,
    labelled: version,
    release: version,
    digest: `d${version}`,
    specHash: `s${version}`,
    status: isOneShot ? "ended" : "running",
    promoted: !isOneShot,
    isOneShot,
    exitCode: isOneShot ? 0 : null,
    position: positions[name] ?? 2,
    replaces: null,
    ending: null,
    ...more,
  };
}

type More = Partial<Omit<SlotView, "attempt">> & { attempt?: Partial<Attempt> };

function view(goal: Goal, containers: readonly SeenContainer[], more: More = {}): SlotView {
  const attempt = { ...freshAttempt, ...more.attempt };
  return { goal, containers, settled: null, mayRepair: true, mayTidy: true, ...more, attempt };
}

const first = goal(1, { migrate: 1, metrics: 1, api: 1 });
const onlyMetrics = goal(2, { migrate: 1, metrics: 2, api: 1 });
const onlyApi = goal(2, { migrate: 1, metrics: 1, api: 2 });
const all = goal(2, { migrate: 2, metrics: 2, api: 2 });

const had = [container("migrate 1"), container("metrics 1"), container("api 1")];
const [, metrics1, api1] = had as [SeenContainer, SeenContainer, SeenContainer];

/** The candidate that replaces the one before. */
function candidate(what: string, more: Partial<SeenContainer> = {}): SeenContainer {
  const [name] = what.split(" ");
  return container(what, { status: "created", promoted: false, exitCode: null, replaces: `${name} 1`, ...more });
}
const made = [candidate("migrate 2"), candidate("metrics 2"), candidate("api 2")];
const migrated = container("migrate 2");
const stopped = (one: SeenContainer): SeenContainer => ({ ...one, status: "ended" });

type Row = readonly [string, SlotView, Step];
function rows(table: readonly Row[]): void {
  for (const [name, given, wanted] of table) it(name, () => assert.deepEqual(nextStep(given), wanted));
}

describe("a first deploy with a migration", () => {
  const none = (name: string) => candidate(`${name} 1`, { replaces: null });
  rows([
    ["pulls all that it needs", view(first, []), { kind: "pull", members: ["migrate", "metrics", null] }],
    [
      "creates them in start order",
      view(first, [none("migrate")], { attempt: { imagePresent: true } }),
      { kind: "create", member: "metrics", replaces: null },
    ],
    [
      "runs the migration first",
      view(first, [none("migrate"), none("metrics"), none("api")]),
      { kind: "start", id: "migrate 1", which: "new" },
    ],
    [
      "waits for its end",
      view(first, [{ ...none("migrate"), status: "running" }, none("metrics"), none("api")]),
      { kind: "check", id: "migrate 1", which: "new" },
    ],
    [
      "starts metrics once it has ended well",
      view(first, [container("migrate 1"), none("metrics"), none("api")]),
      { kind: "start", id: "metrics 1", which: "new" },
    ],
    [
      "promotes metrics before the released one is touched",
      view(first, [container("migrate 1"), container("metrics 1", { promoted: false }), none("api")], {
        attempt: { verified: ["metrics 1"] },
      }),
      { kind: "promote", id: "metrics 1", which: "new" },
    ],
    [
      "starts the released one last",
      view(first, [container("migrate 1"), metrics1, none("api")]),
      { kind: "start", id: "api 1", which: "new" },
    ],
    ["settles when all serve", view(first, had), { kind: "settle", ok: true, adopt: null }],
    ["and rests", view(first, had, { settled: ok }), { kind: "rest" }],
  ]);
});

describe("a release that changes one container", () => {
  rows([
    ["pulls only metrics", view(onlyMetrics, had), { kind: "pull", members: ["metrics"] }],
    [
      "creates only metrics",
      view(onlyMetrics, had, { attempt: { imagePresent: true } }),
      { kind: "create", member: "metrics", replaces: "metrics 1" },
    ],
    ["stops only metrics", view(onlyMetrics, [...had, candidate("metrics 2")]), { kind: "stop", id: "metrics 1", which: "old" }],
    [
      "sees that the released one serves, which it does not touch",
      view(onlyMetrics, [container("migrate 1"), stopped(metrics1), container("metrics 2"), api1]),
      { kind: "check", id: "api 1", which: "new" },
    ],
    [
      "and takes it over",
      view(onlyMetrics, [container("migrate 1"), stopped(metrics1), container("metrics 2"), api1], {
        attempt: { verified: ["api 1"] },
      }),
      { kind: "settle", ok: true, adopt: "api 1" },
    ],
    ["or only the released one", view(onlyApi, had), { kind: "pull", members: [null] }],
    [
      "for which it sees that metrics are well first",
      view(onlyApi, [...had, candidate("api 2")]),
      { kind: "check", id: "metrics 1", which: "new" },
    ],
    [
      "before it stops the old one",
      view(onlyApi, [...had, candidate("api 2")], { attempt: { verified: ["metrics 1"] } }),
      { kind: "stop", id: "api 1", which: "old" },
    ],
    [
      "metrics that are down are started for it",
      view(onlyApi, [container("migrate 1"), stopped(metrics1), api1, candidate("api 2")]),
      { kind: "start", id: "metrics 1", which: "new" },
    ],
    [
      "a migration that ran is not run again, nor by a restart",
      view(goal(2, { migrate: 1, metrics: 1, api: 1 }, { fresh: true }), had),
      { kind: "pull", members: ["metrics", null] },
    ],
  ]);
});

describe("a swap of all of them", () => {
  rows([
    [
      "runs the migration while everything serves",
      view(all, [...had, ...made]),
      { kind: "start", id: "migrate 2", which: "new" },
    ],
    [
      "and stops nothing before all are made",
      view(all, [...had, migrated, candidate("metrics 2")], { attempt: { imagePresent: true } }),
      { kind: "create", member: null, replaces: "api 1" },
    ],
    [
      "then metrics give way",
      view(all, [...had, migrated, candidate("metrics 2"), candidate("api 2")]),
      { kind: "stop", id: "metrics 1", which: "old" },
    ],
    [
      "keeps each that it replaced",
      view(
        all,
        [...had.map(stopped), container("migrate 2", { replaces: "migrate 1" }), container("metrics 2"), container("api 2")],
        {
          settled: ok,
        },
      ),
      { kind: "keep", id: "migrate 1" },
    ],
  ]);
});

describe("a swap of several that fails", () => {
  const fails = { attempt: { failure } };
  const swapped = [container("migrate 2"), container("metrics 2", { replaces: "metrics 1" })];
  rows([
    [
      "a migration that fails leaves everything as it was",
      view(all, [...had, candidate("migrate 2", { status: "ended", exitCode: 1 }), ...made.slice(1)], fails),
      { kind: "settle", ok: false, after: "restored" },
    ],
    [
      "one that a new agent finds failed says how",
      view(all, [...had, candidate("migrate 2", { status: "ended", exitCode: 1 }), ...made.slice(1)]),
      { kind: "check", id: "migrate 2", which: "new" },
    ],
    [
      "one that was killed was interrupted",
      view(all, [...had, candidate("migrate 2", { status: "ended", exitCode: 137, ending: "exit code 137" }), ...made.slice(1)]),
      { kind: "fail", reason: "interrupted", detail: "it did not run to its end (exit code 137)", id: "migrate 2" },
    ],
    [
      "the released one goes back first",
      view(all, [...had.map(stopped), ...swapped, candidate("api 2", { status: "running" })], fails),
      { kind: "stop", id: "api 2", which: "candidate" },
    ],
    [
      "and serves before metrics go back",
      view(all, [...had.map(stopped), ...swapped, candidate("api 2", { status: "ended" })], fails),
      { kind: "start", id: "api 1", which: "old" },
    ],
    [
      "then the new metrics stop, though they were promoted",
      view(all, [stopped(metrics1), api1, ...swapped, candidate("api 2", { status: "ended" })], fails),
      { kind: "stop", id: "metrics 2", which: "candidate" },
    ],
    [
      "the old ones show that they are well once all are back, in start order",
      view(all, [metrics1, api1, migrated, stopped(container("metrics 2")), candidate("api 2", { status: "ended" })], {
        attempt: { failure, startedOld: ["api 1", "metrics 1"] },
      }),
      { kind: "check", id: "metrics 1", which: "old" },
    ],
    [
      "it is down when metrics do not come back",
      view(all, [stopped(metrics1), api1, migrated, stopped(container("metrics 2"))], {
        attempt: { failure, oldBroken: ["metrics 1"] },
      }),
      { kind: "settle", ok: false, after: "down" },
    ],
    [
      "unwell metrics bring back only metrics",
      view(onlyMetrics, [container("migrate 1"), stopped(metrics1), candidate("metrics 2", { status: "ended" }), api1], fails),
      { kind: "start", id: "metrics 1", which: "old" },
    ],
    [
      "a first deploy that fails leaves nothing running",
      view(first, [container("migrate 1"), metrics1, container("api 1", { status: "ended", promoted: false })], fails),
      { kind: "stop", id: "metrics 1", which: "candidate" },
    ],
    [
      "and calls the host empty",
      view(first, [container("migrate 1"), stopped(metrics1), container("api 1", { status: "ended", promoted: false })], fails),
      { kind: "settle", ok: false, after: "empty" },
    ],
    [
      "what failed goes, the migration that ran with it, so that it runs again with the next try",
      view(all, [...had, container("migrate 2")], { settled: failed }),
      { kind: "remove", id: "migrate 2" },
    ],
  ]);
});

describe("members that a release does not have any more", () => {
  const without: Goal = { generation: 2, release: { number: 2, members: (onlyApi.release?.members ?? []).slice(2) } };
  const api2 = container("api 2", { replaces: "api 1" });
  rows([
    [
      "serve until the swap is settled",
      view(without, [metrics1, stopped(api1), container("api 2", { promoted: false })], { attempt: { verified: ["api 2"] } }),
      { kind: "promote", id: "api 2", which: "new" },
    ],
    [
      "then stop",
      view(without, [metrics1, stopped(api1), api2], { settled: ok }),
      { kind: "stop", id: "metrics 1", which: "leftover" },
    ],
    ["and are kept to go back to", view(without, [stopped(metrics1), api2], { settled: ok }), { kind: "keep", id: "metrics 1" }],
    [
      "once",
      view(without, [stopped(metrics1), container("metrics 1", { id: "k", role: "previous", status: "created" }), api2], {
        settled: ok,
      }),
      { kind: "remove", id: "metrics 1" },
    ],
    [
      "or serve on when it failed",
      view(without, [stopped(metrics1), api1], { settled: failed }),
      { kind: "start", id: "metrics 1", which: "repair" },
    ],
  ]);
});

describe("a slot with several containers, afterwards", () => {
  const nothing: Goal = { generation: 2, release: null };
  const lacking = [container("migrate 1"), api1];
  rows([
    ["is emptied from the last to the first", view(nothing, had), { kind: "stop", id: "api 1", which: "old" }],
    ["then metrics", view(nothing, [metrics1, stopped(api1)]), { kind: "stop", id: "metrics 1", which: "old" }],
    [
      "starts metrics that somebody stopped",
      view(first, [container("migrate 1"), stopped(metrics1), api1], { settled: ok }),
      { kind: "start", id: "metrics 1", which: "repair" },
    ],
    [
      "never a one-shot",
      view(first, [container("migrate 1", { exitCode: 1 }), metrics1, api1], { settled: ok }),
      { kind: "rest" },
    ],
    ["nor makes one again", view(first, [metrics1, api1], { settled: ok }), { kind: "rest" }],
    ["makes metrics again that somebody removed", view(first, lacking, { settled: ok }), { kind: "pull", members: ["metrics"] }],
    [
      "beside the released one, which serves on",
      view(first, lacking, { settled: ok, attempt: { imagePresent: true } }),
      { kind: "create", member: "metrics", replaces: null },
    ],
    ["but not in haste", view(first, lacking, { settled: ok, mayRepair: false }), { kind: "rest" }],
    ["makes the released one again from the top", view(first, had.slice(0, 2), { settled: ok }), { kind: "redo" }],
  ]);
});
