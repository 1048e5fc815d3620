import assert from "node:assert/strict";
import type { StoredRollout } from "../../../src/app/store.ts";
import { begin, step } from "../../../src/core/rollout.ts";
import { aRequest, bo, noon } from "../../kit/rollouts.ts";
import { storeRollout } from "../../kit/stores.ts";
import type { Tells } from "./contract.ts";

export function rollouts(tells: Tells): void {
  tells("at most one active rollout per service and environment, whatever the code above does", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    assert.throws(() => storeRollout(store, aRequest({ number: 2 })), /UNIQUE constraint failed|already active/);
    storeRollout(store, aRequest({ number: 2, environment: "staging" }));
    assert.deepEqual(
      store.rollouts.allActive().map((r) => r.number),
      [1, 2],
    );
  });

  tells("a change that was made from an old reading is refused: no lost update", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const stored = store.rollouts.find(1);
    assert.ok(stored !== null);
    const event = { type: "approved", at: noon, by: bo } as const;
    const next = step(stored.state, event);
    assert.ok(next.kind === "moved");
    store.rollouts.append({ number: 1, version: stored.version, event, state: next.state });
    assert.throws(() => store.rollouts.append({ number: 1, version: stored.version, event, state: next.state }), /lost update/);
    assert.equal(store.rollouts.events(1).length, 2, "the refused one left no event behind");
  });

  tells("folding the stored events gives the stored snapshot", (store) => {
    storeRollout(store, aRequest({ number: 1, approvalsRequired: 0 }));
    for (const host of ["prod-1", "prod-2", "prod-3"]) {
      const stored = store.rollouts.find(1);
      assert.ok(stored !== null);
      const event = { type: "image_present", at: noon, host } as const;
      const next = step(stored.state, event);
      if (next.kind === "moved") store.rollouts.append({ number: 1, version: stored.version, event, state: next.state });
    }
    const [first, ...later] = store.rollouts.events(1);
    assert.ok(first?.type === "requested");
    let { state } = begin(first);
    for (const event of later) {
      assert.ok(event.type !== "requested");
      const next = step(state, event);
      assert.ok(next.kind === "moved");
      state = next.state;
    }
    assert.deepEqual(store.rollouts.find(1)?.state, state);
  });

  tells("what throws in a transaction leaves nothing behind, not even a number or an entry of the history", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const head = store.history.head();
    assert.throws(
      () =>
        store.transact(() => {
          storeRollout(store, aRequest({ number: 2, environment: "staging" }));
          throw new Error("and then the disk was full");
        }),
      /disk was full/,
    );
    assert.equal(store.rollouts.find(2), null);
    assert.equal(store.rollouts.nextNumber(), 2);
    assert.deepEqual(store.history.head(), head);
  });

  tells("a request finds what it made, or what it acted on", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    assert.equal(store.rollouts.byRequest("request-1")?.number, 1);
    assert.equal(store.rollouts.byRequest("rollback-7"), null);
    store.rollouts.noteRequest("rollback-7", 1);
    assert.equal(store.rollouts.byRequest("rollback-7")?.number, 1);
  });

  tells("a plan that was made anew replaces the old one and changes nothing else", (store) => {
    storeRollout(store, aRequest({ number: 1, inLine: true }));
    // Plan and change may be read from the row only when somebody asks: a copy has to ask for them.
    const whole = (row: StoredRollout | null) => ({ ...row, plan: row?.plan, change: row?.change });
    const before = store.rollouts.find(1);
    assert.ok(before !== null);
    store.rollouts.setPlan(1, { ...before.plan, from: 7 }, "feedfeedfeedfeed");
    assert.deepEqual(whole(store.rollouts.find(1)), { ...whole(before), plan: { ...before.plan, from: 7 } });
  });

  tells("cards, changes and deployments are noted beside the rollout", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    store.rollouts.setCard(1, { channel: "C1", ts: "1.2" });
    store.rollouts.setDeployment(1, "77");
    const { channel, cardTs, deployment } = store.rollouts.find(1) ?? {};
    assert.deepEqual({ channel, cardTs, deployment }, { channel: "C1", cardTs: "1.2", deployment: "77" });
    store.rollouts.setCard(1, null);
    assert.deepEqual([store.rollouts.find(1)?.channel, store.rollouts.find(1)?.cardTs], ["C1", null], "posted anew there");
  });
}
