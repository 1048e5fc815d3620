/** What a rollback would do, before anybody presses the button. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RollbackPreview } from "../../src/core/facts.ts";
import type { Message } from "../../src/messages/message.ts";
import { rollbackPreview } from "../../src/messages/rollback-preview.ts";
import { assertShowable, shapeOf } from "./check.ts";
import { noon, r41, r42 } from "./facts.ts";

function reads(message: Message, lines: readonly string[]): void {
  assertShowable(message);
  assert.deepEqual(message.text.split("\n"), lines);
}

describe("a preview of a rollback", () => {
  const preview: RollbackPreview = {
    service: "api",
    environment: "prod",
    from: r42,
    live: r42,
    to: r41,
    planHash: "feedbeef",
    hosts: ["web-1", "web-2", "web-3"],
    readiness: { ready: 3, total: 3, expectedMs: 4_000 },
    stops: null,
    touched: [],
    rest: [],
    judged: [42],
  };

  test("reads", () => {
    reads(rollbackPreview(preview), [
      "api prod: roll back to r41 (9d8e7f6)?",
      "Live now: r42 (3f9c1e2).",
      "3 hosts: web-1, web-2, web-3. Rollback to r41: ready on 3 of 3 hosts, about 4 s.",
      "r42 is judged bad here.",
      "To do it: press Roll back, or type `/rollback api prod r41 --now`.",
    ]);
    assert.deepEqual(shapeOf(rollbackPreview(preview)), [
      "header",
      "section of 4 fields",
      "section",
      "actions verb:rollback verb:cancel",
      "context of 1",
    ]);
  });

  test("of a first deploy goes back to nothing", () => {
    const stops = { rollout: 1, phase: "rolling" };
    const first = { from: r41, live: null, to: null, touched: ["web-1"], judged: [41] };
    reads(rollbackPreview({ ...preview, ...first, stops }), [
      "api prod: stop it, and empty the hosts again?",
      "Nothing is live there now. Being rolled out: r41 (9d8e7f6).",
      "Nothing was live there before.",
      "This stops rollout #1 (rolling): web-1, which it has touched, goes back to nothing: emptied again.",
      "r41 is judged bad here.",
      "To do it: press Roll back, or type `/rollback api prod --now`.",
    ]);
  });

  test("of one under way tells what is live from what is being rolled out, and where the two steps go", () => {
    const stops = { rollout: 143, phase: "soaking" };
    const r40 = { ...r41, number: 40 };
    const message = rollbackPreview({ ...preview, live: r41, stops, touched: ["web-1", "web-2"] });
    reads(message, [
      "api prod: roll back to r41 (9d8e7f6)?",
      "Live now: r41 (9d8e7f6). Being rolled out: r42 (3f9c1e2).",
      "Rollback to r41: ready on 3 of 3 hosts, about 4 s.",
      "This stops rollout #143 (soaking). First web-1, web-2, which it has touched, go back to r41. No other host changes.",
      "r42 is judged bad here.",
      "To do it: press Roll back, or type `/rollback api prod r41 --now`.",
    ]);
    const both = { live: r41, to: r40, touched: ["web-1", "web-2"], rest: ["web-3"], judged: [42, 41] };
    const lines = rollbackPreview({ ...preview, ...both, stops }).text.split("\n");
    assert.deepEqual(lines.slice(3, 5), [
      "This stops rollout #143 (soaking). First web-1, web-2, which it has touched, go back to r40. Then the others follow to r40: web-3.",
      "r42 and r41 are judged bad here.",
    ]);
  });

  test("of what got stuck tells it from what is live", () => {
    const lines = rollbackPreview({ ...preview, live: { ...r41, number: 40 } }).text.split("\n");
    assert.equal(lines[1], "Live now: r40 (9d8e7f6). To be left: r42 (3f9c1e2).");
  });

  test("names the hosts that it passes by, with what they serve on", () => {
    const intent = { kind: "cordoned", by: { kind: "slack", id: "U0BO", name: "bo" }, at: noon, why: null } as const;
    const lines = rollbackPreview(preview, [{ host: "web-9", intent, release: 42 }]).text.split("\n");
    assert.match(lines[4] ?? "", /^Not reached, and serving on what they have: web-9 \(r42, cordoned by bo\)\./);
  });

  test("of one that has touched no host says that what serves stays", () => {
    const message = rollbackPreview({ ...preview, hosts: [], stops: { rollout: 143, phase: "queued" } });
    reads(message, [
      "api prod: stop #143?",
      "#143 (r42) has touched no host: it is cancelled, and nothing is judged. r41 (9d8e7f6) serves on. To leave r41 itself, roll back again.",
      "To do it: press Roll back, or type `/rollback api prod --now`.",
    ]);
  });
});
