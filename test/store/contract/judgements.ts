import assert from "node:assert/strict";
import { ana, aRequest, noon } from "../../kit/rollouts.ts";
import { aRelease, endRollout, storeRollout } from "../../kit/stores.ts";
import type { Tells } from "./contract.ts";

const key = { service: "api", environment: "prod" } as const;

export function judgements(tells: Tells): void {
  tells("the same digest and spec is the same release; another spec is a new one", (store) => {
    const first = aRelease(store, { specHash: "a" });
    assert.equal(aRelease(store, { specHash: "a" }).number, first.number);
    assert.equal(aRelease(store, { specHash: "b" }).number, first.number + 1);
  });

  tells("a release in brief is the same without its spec", (store) => {
    const { number, commit, digest } = aRelease(store, { specHash: "a" });
    assert.deepEqual(store.releases.brief("api", number), { number, commit, digest });
    assert.equal(store.releases.brief("api", number + 1), null);
    assert.equal(store.releases.brief("web", number), null);
  });

  tells("a release that is taken over keeps its number if that is free", (store) => {
    aRelease(store, { specHash: "a" });
    assert.equal(aRelease(store, { specHash: "b", number: 7 }).number, 7);
    assert.equal(aRelease(store, { specHash: "c", number: 7 }).number, 8, "another one has it");
    assert.equal(aRelease(store, { specHash: "b", number: 9 }).number, 7, "known already");
  });

  tells("the newest verdict counts; the good ones come last judged first", (store) => {
    for (const specHash of ["a", "b", "c"]) aRelease(store, { specHash });
    storeRollout(store, aRequest({ number: 1 }), { specHash: "a" });
    const judge = (release: number, verdict: "good" | "bad", by: typeof ana | null = null) =>
      store.verdicts.add({
        ...key,
        release,
        verdict,
        reason: verdict === "bad" ? "rolled_back" : null,
        detail: null,
        rollout: 1,
        at: noon,
        by,
      });
    judge(1, "good");
    judge(2, "good");
    judge(3, "good");
    judge(3, "bad", ana);
    judge(1, "good");
    const good = (limit?: number) => store.verdicts.good(key, limit).map((v) => v.release);
    assert.deepEqual(good(), [1, 2]);
    assert.deepEqual(good(1), [1]);
    const { verdict, by } = store.verdicts.newest({ ...key, release: 3 }) ?? {};
    assert.deepEqual({ verdict, by }, { verdict: "bad", by: ana });
    assert.equal(store.verdicts.newest({ ...key, release: 2 })?.by, null);
    assert.equal(store.verdicts.newest({ ...key, environment: "staging", release: 1 }), null);
  });
}

export function history(tells: Tells): void {
  tells("an empty store has no history", (store) => {
    assert.deepEqual(store.history.head(), { seq: 0, hash: "" });
    assert.equal(store.history.hashAt(1), null);
    assert.deepEqual(store.history.verify({ from: 1, limit: 10 }), { fault: null, to: 0, done: true });
  });

  tells("each release, event, verdict and act is one entry, in the order in which they were made", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    assert.equal(store.history.head().seq, 2, "a release and a request");
    const before = store.history.head();
    store.history.act({ at: noon, kind: "locked", by: ana, facts: { environment: "prod" } });
    const verdict = { ...key, release: 1, verdict: "good", reason: null, detail: null, rollout: 1, at: noon, by: null } as const;
    store.verdicts.add(verdict);
    const head = store.history.head();
    assert.equal(head.seq, 4);
    assert.match(head.hash, /^[0-9a-f]{64}$/);
    assert.equal(store.history.hashAt(4), head.hash);
    assert.equal(store.history.hashAt(2), before.hash, "an entry keeps its hash");
    assert.deepEqual(store.history.acts(5), [{ seq: 3, at: noon, kind: "locked", by: ana, facts: { environment: "prod" } }]);
  });

  tells("a walk goes over the whole chain in pieces and finds nothing wrong", (store) => {
    for (const number of [1, 2, 3]) {
      storeRollout(store, aRequest({ number }));
      endRollout(store, { number, phase: "succeeded", at: noon });
    }
    const { seq } = store.history.head();
    let from = 1;
    for (;;) {
      const { fault, to, done } = store.history.verify({ from, limit: 2 });
      assert.equal(fault, null);
      assert.ok(to >= from && to <= from + 1);
      from = to + 1;
      if (done) break;
    }
    assert.equal(from, seq + 1);
  });

  tells("an end that somebody remembers and that is not there is a fault", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const { seq } = store.history.head();
    assert.equal(store.history.verify({ from: seq + 1, limit: 10 }).fault, null, "nothing came after it");
    assert.equal(store.history.verify({ from: seq + 4, limit: 10 }).fault?.seq, seq + 3);
  });
}
