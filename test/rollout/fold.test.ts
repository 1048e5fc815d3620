/** A log that cannot be replayed is named by its event; nothing of it is skipped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fold } from "../../src/core/fold.ts";
import type { LaterEvent, RolloutEvent } from "../../src/core/rollout-state.ts";
import { aRequest, bo, noon, rolling } from "../kit/rollouts.ts";

const request = aRequest({ approvalsRequired: 0 });
const present = { type: "image_present", at: noon, host: "prod-1" } as const;

test("a whole log gives its state", () => {
  const rollout = rolling();
  rollout.swapped("prod-1");
  rollout.soaked();
  rollout.failed("prod-2");
  rollout.back("prod-1", "prod-2", "prod-3");
  assert.deepEqual(fold([request, ...rollout.events]), { state: rollout.state });
});

for (const [what, events, fault] of [
  ["an empty log", [], { seq: 1, type: "requested", why: "the log is empty" }],
  ["a log without its beginning", [present], { seq: 1, type: "image_present", why: "a log begins with its request" }],
  ["a second request", [request, request], { seq: 2, type: "requested", why: "a log has one request" }],
  [
    "an event that moves nothing",
    [request, present, present],
    { seq: 3, type: "image_present", why: "it moves nothing in phase rolling" },
  ],
  [
    "an act that is refused",
    [request, { type: "approved", at: noon, by: bo }],
    { seq: 2, type: "approved", why: "it is refused (already_decided) in phase queued" },
  ],
  [
    "an event of another version",
    [request, { type: "teleported", at: noon } as unknown as LaterEvent],
    { seq: 2, type: "teleported", why: "this version does not know such an event" },
  ],
] satisfies [string, RolloutEvent[], object][]) {
  test(`${what} is named`, () => assert.deepEqual(fold(events), { fault }));
}

test("a damaged event is named, and nothing is thrown", () => {
  const damaged = fold([{ ...request, hosts: null } as unknown as RolloutEvent]);
  assert.ok("fault" in damaged && damaged.fault.seq === 1 && damaged.fault.type === "requested");
  const missing = fold([request, null as unknown as RolloutEvent]);
  assert.ok("fault" in missing && missing.fault.seq === 2);
});
