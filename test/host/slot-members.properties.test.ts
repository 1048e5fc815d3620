/** Random slots of several containers, with random releases, faults, crashes and power cuts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Attempt,
  freshAttempt,
  type Goal,
  type MemberName,
  nextStep,
  type SeenContainer,
  type SlotView,
  type Step,
  type WantedMember,
} from "../../src/core/slot-step.ts";

const ok = { ok: true, tookMs: 1 } as const;
const failed = { ok: false, tookMs: 1, reason: "unhealthy", detail: "", logTail: [] } as const;
const failure = { reason: "unhealthy", detail: "503", logTail: [] };

/** Of each supporting container: its version, or that the release has none; of which kind it is, and on which side it starts. */
type Order = {
  readonly released: number;
  readonly supporting: Readonly<Record<"a" | "b" | "job", number>>;
  readonly after: boolean;
  readonly fresh: boolean;
  readonly empty: boolean;
};

type Story = {
  /** What goes wrong at each turn: 0 pull, 1 create, 2 start, 3 health, 4 exit; else nothing. */
  readonly faults: readonly number[];
  readonly orders: readonly Order[];
  /** Turns before which the agent is killed and started again. */
  readonly crashes: readonly number[];
  readonly powerCuts: boolean;
  readonly lostJournal: boolean;
  /** The next order is there when the agent comes back from a crash. */
  readonly hasty: boolean;
};

type World = {
  containers: SeenContainer[];
  attempt: Attempt;
  settled: SlotView["settled"];
  goal: Goal;
  made: number;
  /** What served when the goal was taken up; null when that was in the middle of a swap. */
  before: readonly string[] | null;
};

function play(story: Story): World {
  const orders = [...story.orders];
  const world: World = {
    containers: [],
    attempt: freshAttempt,
    settled: null,
    goal: { generation: 0, release: null },
    made: 0,
    before: [],
  };
  takeOrder(world, orders, []);
  for (let turn = 0; turn < 1_500; turn += 1) {
    const fault = story.faults[turn % story.faults.length] ?? 99;
    if (story.crashes.includes(turn)) {
      if (story.powerCuts) cutPower(world);
      world.attempt = { ...freshAttempt, resume: fault % 2 === 0 && !story.powerCuts ? "forward" : "back" };
      if (story.lostJournal) world.settled = null;
      if (story.hasty) takeOrder(world, orders, null);
    }
    const step = nextStep({ ...world, mayRepair: true, mayTidy: true });
    if (step.kind === "rest") {
      isWhole(world);
      if (!takeOrder(world, orders, serving(world))) return world;
      continue;
    }
    isAllowed(world, step);
    take(world, step, fault);
    noTwo(world, step);
  }
  throw new Error(`does not come to rest: ${JSON.stringify(world)}`);
}

function takeOrder(world: World, orders: Order[], before: readonly string[] | null): boolean {
  const order = orders.shift();
  if (order === undefined) return false;
  const generation = world.goal.generation + 1;
  const fresh = order.fresh ? { fresh: true } : {};
  world.goal = { generation, release: order.empty ? null : { number: generation, members: membersOf(order) }, ...fresh };
  world.attempt = freshAttempt;
  world.settled = null;
  world.before = before;
  return true;
}

function membersOf({ released, supporting, after }: Order): WantedMember[] {
  const member = (name: MemberName, version: number, condition: WantedMember["condition"]) => {
    return { name, digest: `d${version}`, specHash: `s${version}`, condition };
  };
  const others = [
    ...(supporting.job === 0 ? [] : [member("job", supporting.job, "completed")]),
    ...(supporting.a === 0 ? [] : [member("a", supporting.a, "healthy")]),
  ];
  const b = supporting.b === 0 ? [] : [member("b", supporting.b, "started")];
  const own = member(null, released, "healthy");
  return after ? [...others, own, ...b] : [...others, ...b, own];
}

/** What was running comes back if its policy says so; one-shots and candidates end. */
function cutPower(world: World): void {
  world.containers = world.containers.map((c) =>
    c.status === "running" && !c.promoted ? { ...c, status: "ended", exitCode: 137 } : c,
  );
}

function serving(world: World): string[] {
  return world.containers
    .filter((c) => c.status === "running")
    .map((c) => c.id)
    .sort();
}

function noTwo(world: World, step: Step): void {
  const running = world.containers.filter((c) => c.status === "running").map((c) => c.member);
  assert.equal(
    new Set(running).size,
    running.length,
    `two of one member after ${JSON.stringify(step)}: ${JSON.stringify(world)}`,
  );
}

function isAllowed({ containers, goal, settled }: World, step: Step): void {
  if (step.kind === "start" && step.which !== "new") {
    assert.ok(containers.find((c) => c.id === step.id)?.isOneShot === false, "a one-shot runs once");
  }
  if (step.kind !== "stop" || step.which !== "old" || goal.release === null) return;
  assert.equal(settled, null);
  for (const wanted of goal.release.members) {
    const isThere = containers.some((c) => c.role === "live" && c.member === wanted.name && c.digest === wanted.digest);
    assert.ok(isThere, `stops something before ${wanted.name} is made: ${JSON.stringify(containers)}`);
  }
  const stopped = containers.find((c) => c.id === step.id);
  const at = goal.release.members.findIndex((m) => m.name === stopped?.member);
  for (const { name, digest } of goal.release.members.slice(0, at)) {
    const ready = containers.some(
      (c) => c.member === name && c.digest === digest && (c.isOneShot ? c.exitCode === 0 : c.status === "running"),
    );
    assert.ok(ready, `stops ${stopped?.id} before ${name} is ready`);
  }
}

function take(world: World, step: Step, fault: number): void {
  const note = (more: Partial<Attempt>) => {
    world.attempt = { ...world.attempt, ...more };
  };
  const add = (list: "stoppedOld" | "startedOld" | "startedNew" | "verified", id: string) =>
    note({ [list]: [...world.attempt[list], id] });
  const change = (id: string, more: Partial<SeenContainer>) => {
    world.containers = world.containers.map((c) => (c.id === id ? { ...c, ...more } : c));
  };
  switch (step.kind) {
    case "rest":
    case "hold":
      throw new Error("held without cause");
    case "pull":
      if (fault === 0 && world.settled === null) note({ failure });
      else note({ imagePresent: true });
      break;
    case "create":
      if (fault === 1 && world.settled === null) note({ failure });
      else {
        note({ resume: "forward" });
        world.containers = [...world.containers, candidate(world, step)];
      }
      break;
    case "stop":
      change(step.id, { status: "ended", exitCode: 143 });
      if (step.which === "old") add("stoppedOld", step.id);
      break;
    case "start":
      if (fault === 2 && step.which === "new") note({ failure, failed: step.id });
      else {
        change(step.id, { status: "running", exitCode: null });
        if (step.which !== "repair") add(step.which === "old" ? "startedOld" : "startedNew", step.id);
      }
      break;
    case "check":
      check(world, step, fault);
      break;
    case "promote":
      assert.ok(world.containers.find((c) => c.id === step.id)?.isOneShot === false, "a one-shot never comes back by itself");
      change(step.id, { promoted: true });
      break;
    case "fail":
      note({ failure });
      break;
    case "settle":
      world.settled = step.ok ? ok : { ...failed, after: step.after };
      if (step.ok && step.adopt !== null)
        change(step.adopt, { generation: world.goal.generation, release: world.goal.release?.number ?? 0 });
      break;
    case "keep":
      world.containers = [...world.containers, voucherOf(world, step.id)];
      break;
    case "remove":
      world.containers = world.containers.filter((c) => c.id !== step.id);
      break;
    case "disarm":
    case "open":
    case "point":
      throw new Error("not in these stories");
    case "redo":
      world.settled = null;
      world.attempt = freshAttempt;
      break;
  }

  function check(_world: World, { id, which }: Extract<Step, { kind: "check" }>, fault: number): void {
    const one = world.containers.find((c) => c.id === id) as SeenContainer;
    const fails = which === "new" && (fault === 3 || fault === 4);
    if (one.isOneShot) change(id, { status: "ended", exitCode: fails ? 1 : 0 });
    else if (fails && fault === 4) change(id, { status: "ended", exitCode: 1 });
    if (fails) note({ failure, failed: id });
    else add("verified", id);
  }
}

function candidate(world: World, { member, replaces }: Extract<Step, { kind: "create" }>): SeenContainer {
  const { generation, release } = world.goal;
  const members = release?.members ?? [];
  const at = members.findIndex((m) => m.name === member);
  const wanted = members[at] as WantedMember;
  world.made += 1;
  return {
    id: `${member ?? "released"}-g${generation}-${world.made}`,
    member,
    role: "live",
    generation,
    labelled: generation,
    release: release?.number ?? 0,
    digest: wanted.digest,
    specHash: wanted.specHash,
    status: "created",
    promoted: false,
    isOneShot: wanted.condition === "completed",
    exitCode: null,
    position: at,
    replaces,
    ending: null,
  };
}

function voucherOf(world: World, id: string): SeenContainer {
  const source = world.containers.find((c) => c.id === id) as SeenContainer;
  assert.ok(!source.id.startsWith("k-"), "a voucher of a voucher");
  return { ...source, id: `k-${id}`, role: "previous", generation: source.labelled, status: "created", promoted: false };
}

/** What must be true of every host at rest. */
function isWhole(world: World): void {
  const { containers, goal, settled, before } = world;
  const story = () => JSON.stringify(world);
  assert.notEqual(settled, null, `rests without an end: ${story()}`);
  const lives = containers.filter((c) => c.role === "live");
  for (const name of new Set(containers.map((c) => c.member))) {
    const kept = containers.filter((c) => c.role === "previous" && c.member === name);
    assert.ok(kept.length <= 1, `one voucher for ${name}: ${story()}`);
  }
  if (settled?.ok !== true) {
    // What could not be made to serve stays for people. What served before the swap serves again.
    if (settled?.ok === false && settled.after === "restored" && before !== null)
      assert.deepEqual(serving(world), before, story());
    return;
  }
  const members = goal.release?.members ?? [];
  if (goal.release === null) assert.deepEqual(containers, []);
  assert.equal(lives.length, members.length, `leftovers: ${story()}`);
  for (const { name, digest, condition } of members) {
    const live = lives.find((c) => c.member === name);
    assert.equal(live?.digest, digest, story());
    if (condition === "completed") assert.deepEqual([live?.status, live?.exitCode], ["ended", 0]);
    else assert.deepEqual([live?.status, live?.promoted], ["running", true], story());
  }
}

describe("any number of swaps of several containers, with faults, crashes and power cuts", () => {
  const version = fc.nat({ max: 2 });
  const order: fc.Arbitrary<Order> = fc.record({
    released: fc.integer({ min: 1, max: 3 }),
    supporting: fc.record({ a: version, b: version, job: version }),
    after: fc.boolean(),
    fresh: fc.nat({ max: 5 }).map((n) => n === 0),
    empty: fc.nat({ max: 9 }).map((n) => n === 0),
  });
  const stories: fc.Arbitrary<Story> = fc.record({
    faults: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 40 }),
    orders: fc.array(order, { minLength: 1, maxLength: 6 }),
    crashes: fc.array(fc.nat({ max: 120 }), { maxLength: 6 }),
    powerCuts: fc.boolean(),
    lostJournal: fc.boolean(),
    hasty: fc.boolean(),
  });

  it("come to rest with what is wanted, or with what was there, and never with two of one member", () => {
    const ends = { served: 0, restored: 0, empty: 0, down: 0 };
    fc.assert(
      fc.property(stories, (story) => {
        const { settled } = play(story);
        if (settled?.ok) ends.served += 1;
        else if (settled !== null) ends[settled.after] += 1;
      }),
      { numRuns: 3_000 },
    );
    assert.ok(ends.served > 1_000 && ends.restored > 100 && ends.empty > 50, `the stories are too tame: ${JSON.stringify(ends)}`);
  });
});
