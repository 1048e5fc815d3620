import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type Attempt,
  freshAttempt,
  type Goal,
  nextStep,
  type SeenContainer,
  type SlotView,
  type Step,
} from "../../src/core/slot-step.ts";

const ok = { ok: true, tookMs: 1 } as const;
const failed = { ok: false, tookMs: 1, reason: "unhealthy", detail: "", logTail: [] } as const;
const failure = { reason: "unhealthy", detail: "503", logTail: [] };

type Story = {
  /** What goes wrong at each turn: 0 pull, 1 create, 2 start, 3 health, 4 exit, 5 a policy; else nothing. */
  readonly faults: readonly number[];
  /** Releases that are ordered one after another; 0 for none. */
  readonly orders: readonly number[];
  /** Turns before which the agent is killed and started again. */
  readonly crashes: readonly number[];
  readonly lostJournal: boolean;
  /** How each release changes places, in turn. */
  readonly ways: readonly Way[];
  /** The next order is there when the agent comes back from a crash. */
  readonly hasty: boolean;
};

type Way = "plain" | "gate" | "proxy" | "reuse-port";

/** A host in the small. */
type World = {
  readonly ways: readonly Way[];
  /** Where the proxy sends requests: it outlives the agent. */
  pointsAt: string | null;
  containers: SeenContainer[];
  attempt: Attempt;
  settled: SlotView["settled"];
  goal: Goal;
  healthyEver: string[];
  made: number;
  /** What an emptying has removed, before a newer order cut it short. */
  emptied: string[];
};

function play(story: Story): World {
  const orders = [...story.orders];
  const world: World = {
    ways: story.ways,
    pointsAt: null,
    containers: [],
    attempt: freshAttempt,
    settled: null,
    goal: { generation: 1, release: release(orders.shift() ?? 1) },
    healthyEver: [],
    made: 0,
    emptied: [],
  };
  for (let turn = 0; turn < 400; turn += 1) {
    const fault = story.faults[turn % story.faults.length] ?? 99;
    if (story.crashes.includes(turn)) {
      world.attempt = { ...freshAttempt, resume: fault % 2 === 0 ? "forward" : "back" };
      if (story.lostJournal) world.settled = null;
      if (story.hasty) takeOrder(world, orders);
    }
    const step = nextStep({ ...world, mayRepair: true, mayTidy: true });
    if (step.kind !== "rest") {
      take(world, step, fault);
      areApart(world, step);
      continue;
    }
    if (!takeOrder(world, orders)) return world;
  }
  throw new Error(`does not come to rest: ${JSON.stringify(world)}`);
}

/** At most one has its command running, but for those that may share; nobody waits for a proxy that points at nothing. */
function areApart(world: World, step: Step): void {
  const up = world.containers.filter((c) => c.status === "running" && c.gate !== "closed");
  const [first, second, third] = up;
  const mayBoth = first?.shares !== undefined && first.shares === second?.shares;
  const say = `after ${JSON.stringify(step)}: ${JSON.stringify(world)}`;
  assert.ok(third === undefined && (second === undefined || mayBoth), `two serve ${say}`);
  if (step.kind === "stop" && step.id === world.pointsAt)
    assert.ok(!up.some((c) => c.shares === "proxy" && c.promoted), `requests go nowhere ${say}`);
}

function takeOrder(world: World, orders: number[]): boolean {
  const order = orders.shift();
  if (order === undefined) return false;
  world.goal = { generation: world.goal.generation + 1, release: release(order) };
  world.attempt = freshAttempt;
  world.settled = null;
  return true;
}

function take(world: World, step: Step, fault: number): void {
  const note = (more: Partial<Attempt>) => {
    world.attempt = { ...world.attempt, ...more };
  };
  const change = (id: string, more: Partial<SeenContainer>) => {
    world.containers = world.containers.map((c) => (c.id === id ? { ...c, ...more } : c));
  };
  switch (step.kind) {
    case "rest":
    case "hold":
      throw new Error("held without cause");
    case "pull":
      note(fault === 0 ? { failure } : { imagePresent: true });
      break;
    case "create":
      if (fault === 1) note({ failure });
      else note({ resume: "forward" });
      if (fault !== 1) world.containers = [...world.containers, candidate(world, step.replaces)];
      break;
    case "stop":
      // Somebody may have changed its policy meanwhile.
      change(step.id, { status: "ended", ...(fault === 5 ? { promoted: false } : {}) });
      if (step.which === "old") note({ stoppedOld: [...world.attempt.stoppedOld, step.id] });
      break;
    case "start":
      if (fault === 2 && step.which === "new") note({ failure, failed: step.id });
      else {
        change(step.id, { status: "running" });
        note(step.which === "old" ? { startedOld: [step.id] } : { startedNew: [step.id] });
      }
      break;
    case "open":
      // On the disk before anything else of it.
      change(step.id, { gate: "open" });
      note(fault === 6 ? { failure, failed: step.id } : { opened: [...world.attempt.opened, step.id] });
      break;
    case "point":
      if (fault === 7 && step.which === "new") note({ failure });
      else {
        world.pointsAt = step.id;
        note({ pointedAt: step.id });
      }
      break;
    case "check":
      if (step.which === "new" && (fault === 3 || fault === 4)) {
        if (fault === 4) change(step.id, { status: "ended" });
        note({ failure, failed: step.id });
      } else {
        note({ verified: [...world.attempt.verified, step.id] });
        world.healthyEver.push(step.id);
      }
      break;
    case "promote":
      change(step.id, { promoted: true });
      break;
    case "fail":
      note({ failure });
      break;
    case "settle":
      world.settled = step.ok ? ok : { ...failed, after: step.after };
      if (step.ok && step.adopt !== null) change(step.adopt, { generation: world.goal.generation });
      break;
    case "keep":
      world.containers = [...world.containers, voucherOf(world, step.id)];
      break;
    case "remove":
      if (world.goal.release === null) world.emptied.push(step.id);
      world.containers = world.containers.filter((c) => c.id !== step.id);
      break;
    case "disarm":
      throw new Error("nobody arms a voucher here");
    case "redo":
      world.settled = null;
      world.attempt = freshAttempt;
  }
}

function candidate(world: World, replaces: string | null): SeenContainer {
  const { generation, release: wanted } = world.goal;
  world.made += 1;
  return {
    id: `c${generation}-${world.made}`,
    member: null,
    role: "live",
    generation,
    labelled: generation,
    release: wanted?.number ?? 0,
    digest: wanted?.members[0]?.digest ?? "",
    specHash: wanted?.members[0]?.specHash ?? "",
    status: "created",
    promoted: false,
    isOneShot: false,
    exitCode: null,
    position: 0,
    replaces,
    ending: null,
    ...wayOf(world, replaces),
  };
}

function wayOf(world: World, replaces: string | null): Partial<SeenContainer> {
  const way = world.ways[(world.goal.release?.number ?? 0) % world.ways.length] ?? "plain";
  if (way === "plain") return {};
  if (way === "gate") return replaces === null ? {} : { gate: "closed" };
  return { shares: way };
}

function voucherOf(world: World, id: string): SeenContainer {
  const source = world.containers.find((c) => c.id === id) as SeenContainer;
  return { ...source, id: `k-${id}`, role: "previous", generation: source.labelled, status: "created", promoted: false };
}

function release(number: number): Goal["release"] {
  if (number === 0) return null;
  return { number, members: [{ name: null, digest: `d${number}`, specHash: `s${number}`, condition: "healthy" }] };
}

/** What must be true of every host at rest. */
function isWhole(world: World): void {
  const lives = world.containers.filter((c) => c.role === "live");
  // Where nothing could be made to serve, what has run before stays: one of it may be what people go back to.
  const nothingServes = world.settled?.ok === false && world.settled.after === "down";
  if (nothingServes && lives.every((c) => c.status === "ended" && !c.promoted)) return;
  assert.ok(lives.length <= 1, `leftovers: ${JSON.stringify(lives)}`);
  assert.ok(world.containers.filter((c) => c.role === "previous").length <= 1, "one voucher");
  for (const live of lives) {
    assert.equal(live.status, "running");
    assert.notEqual(live.gate, "closed");
    if (live.shares === "proxy") assert.equal(world.pointsAt, live.id, "requests go to what serves");
    assert.ok(live.promoted, "what serves comes back after a reboot");
    assert.ok(world.healthyEver.includes(live.id), "nothing serves that was never healthy");
    // An emptying that was cut short may leave the voucher of what ran before.
    const kept = world.containers.filter((c) => c.role === "previous").map((c) => c.id);
    if (live.replaces !== null && !world.emptied.includes(live.replaces))
      assert.deepEqual(kept, [`k-${live.replaces}`], "what it replaced is kept");
  }
  if (world.settled?.ok === false && world.settled.after === "restored") assert.equal(lives.length, 1);
  if (world.settled?.ok !== true) return;
  if (world.goal.release === null) assert.deepEqual(world.containers, []);
  else assert.equal(lives[0]?.release, world.goal.release.number);
}

describe("any number of swaps, faults and crashes", () => {
  const stories: fc.Arbitrary<Story> = fc.record({
    faults: fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 40 }),
    orders: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 }),
    crashes: fc.array(fc.nat({ max: 60 }), { maxLength: 6 }),
    lostJournal: fc.boolean(),
    ways: fc.array(fc.constantFrom<Way>("plain", "gate", "proxy", "reuse-port"), { minLength: 1, maxLength: 4 }),
    hasty: fc.boolean(),
  });

  it("come to rest with at most one running at any moment, and nothing left behind", () => {
    const ends = { served: 0, restored: 0, empty: 0 };
    fc.assert(
      fc.property(stories, (story) => {
        const world = play(story);
        isWhole(world);
        const { settled } = world;
        if (settled?.ok) ends.served += 1;
        else if (settled !== null) ends[settled.after === "empty" ? "empty" : "restored"] += 1;
      }),
      { numRuns: 3_000 },
    );
    assert.ok(ends.served > 500 && ends.restored > 100 && ends.empty > 50, `the stories are too tame: ${JSON.stringify(ends)}`);
  });
});
