/** `why` on the application: a rollout, a host, a place; before, while and after. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WhyFacts } from "../../src/core/facts.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { whyMessage } from "../../src/messages/why.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { comes, fails, goes, passes, repeats, runs } from "./hosts-kit.ts";
import { editsPolicy, rollsBack } from "./line-kit.ts";

const place = { service: "api", environment: "prod" };

async function withApp(hosts: readonly string[], work: (fleet: TestApp) => Promise<void>, policy = {}): Promise<void> {
  const fleet = anApp({ hosts, policy });
  try {
    for (const host of hosts) comes(fleet, host);
    await work(fleet);
  } finally {
    fleet.stop();
  }
}

function asked(fleet: TestApp, ...about: readonly string[]): WhyFacts {
  const answer = fleet.app.gantry.why(about);
  if ("kind" in answer) throw new Error(answer.refusal.text);
  return answer;
}

function refusal(fleet: TestApp, ...about: readonly string[]): string {
  const answer = fleet.app.gantry.why(about);
  return "kind" in answer ? `${answer.refusal.reason}: ${answer.refusal.text}` : "understood";
}

function waits(facts: WhyFacts): readonly string[] {
  return facts.waits.map((wait) => `${wait.reason}: ${wait.text}`);
}

describe("why", () => {
  test("a rollout that swaps, soaks, and is over", () =>
    withApp(["a", "b"], async (fleet) => {
      await fleet.ships(aCommit(1));
      const number = await fleet.asks(aCommit(2));
      for (const host of ["a", "b"]) fleet.hasImage(host);
      assert.deepEqual(waits(asked(fleet, `#${number}`)), ["awaiting_host: a swaps to r2."]);
      fleet.reports("a");
      assert.match(waits(asked(fleet, `${number}`))[0] ?? "", /^soaking: Batch 1 of 2 must stay healthy\./);
      await runs(fleet, number);
      const over = asked(fleet, `#${number}`);
      assert.match(over.now, /^#2, deploy of r2 \(2222222\) to api prod: live\.$/);
      assert.deepEqual(waits(over), ["watching: The containers are watched."]);
      assert.ok(over.series !== null && over.series.samples.length > 0, "what the watch has seen so far");
      assert.ok(
        over.story.some(({ text }) => text === "r2 was judged good by Gantry after #2"),
        JSON.stringify(over.story),
      );
      assert.match(whyMessage(over).text, /^#2: #2, deploy of r2[\s\S]*Ends: Time\.[\s\S]*What happened:/);
    }));

  test("an engine that does not answer, since it is so and not since it was last said; another trouble is another time", () =>
    withApp(["a"], async (fleet) => {
      await fleet.ships(aCommit(1));
      const says = (ok: boolean, reason: string | null) => {
        const engine = { ok, reason, detail: null, liveRestore: true };
        fleet.desk.observed("a", { bootId: "b", agentVersion: "1", epoch: 1, engine, slots: [], images: [] });
      };
      const since = () => asked(fleet, "a").waits.filter((w) => w.reason.startsWith("engine_"))[0]?.since ?? null;
      says(true, null);
      assert.equal(since(), null);
      await fleet.clock.advance(60_000);
      const began = fleet.clock.now();
      for (let minute = 0; minute < 30; minute += 1) {
        says(false, "engine_down");
        await fleet.clock.advance(60_000);
      }
      assert.equal(since(), began);
      goes(fleet, "a");
      comes(fleet, "a");
      says(false, "engine_down");
      assert.equal(since(), began, "nobody knows that it was otherwise in between");
      await fleet.clock.advance(60_000);
      says(false, "engine_stuck");
      assert.equal(since(), fleet.clock.now());
    }));

  test("a rollout that a person paused, and one that failed", () =>
    withApp(
      ["a", "b"],
      async (fleet) => {
        await fleet.ships(aCommit(1));
        const number = await fleet.asks(aCommit(2));
        for (const host of ["a", "b"]) fleet.hasImage(host);
        await fleet.app.gantry.pause({ rollout: number, planHash: null, why: "odd", actor: ana });
        const paused = asked(fleet, `#${number}`).waits[0];
        assert.equal(paused?.text, "Paused by ana: odd. Its clocks stand still.");
        assert.equal(paused?.ends, "`/gantry resume 2`; or `/gantry abort 2` stops it and puts its hosts back.");
        await fleet.app.gantry.resume({ rollout: number, planHash: null, why: null, actor: ana });
        fails(fleet, "a");
        const failed = asked(fleet, `#${number}`);
        assert.match(failed.waits[0]?.text ?? "", /^Paused because a failed/);
        assert.match(failed.waits[0]?.ends ?? "", /retry 2.*continue 2 WHY.*rollback api prod/);
        assert.match(failed.story.map(({ text }) => text).join("\n"), /a failed \(unhealthy\): GET \/healthz: 503/);
      },
      { onFailure: "pause" },
    ));

  test("a host that is away, taken out, or does not serve well", () =>
    withApp(["a", "b"], async (fleet) => {
      await fleet.ships(aCommit(1));
      assert.equal(asked(fleet, "a").now, "a is connected. api prod: wants r1, serves r1 (ok).");
      assert.deepEqual(asked(fleet, "a").waits, []);
      goes(fleet, "a");
      await passes(fleet, 2000);
      const away = asked(fleet, "a").waits[0];
      assert.equal(away?.reason, "host_lost");
      assert.ok((away?.since ?? 0) > 0 && away?.until === null);
      fleet.reports("b", { health: "failing" });
      assert.match(waits(asked(fleet, "b"))[0] ?? "", /^unhealthy: api prod on b: r1 does not serve well \(failing\)/);
      await fleet.app.gantry.cordon({ host: "b", why: "new disk", actor: eva });
      assert.match(waits(asked(fleet, "b"))[0] ?? "", /^cordoned: It gets nothing new: cordoned by eva: new disk\./);
    }));

  test("a place: the lock, what is under way, who waits in line", () =>
    withApp(["a"], async (fleet) => {
      await fleet.ships(aCommit(1));
      assert.match(asked(fleet, "api", "prod").now, /^r1 is live \(judged good by Gantry\)\. Nothing is under way\.$/);
      await fleet.app.gantry.lock({ ...place, why: "sale", forMs: 3_600_000, actor: eva });
      const origin = { key: "wait-1", channel: null };
      const ask = { ...place, ref: aCommit(2), allowBad: false, wait: true, why: null, actor: ana, origin };
      assert.equal((await fleet.app.gantry.deploy(ask)).kind, "opened");
      const facts = asked(fleet, "api", "prod");
      assert.match(facts.waits[0]?.text ?? "", /^api prod is locked by eva: sale\./);
      assert.ok(waits(facts).some((line) => line.startsWith("in_line: #2: Waits in line, place 1.")));
      assert.ok(facts.story.some(({ text }) => text === "#1 deploy of r1 by ana: live"));
    }));

  test("a frozen server: that first, whatever was asked", () =>
    withApp(["a"], async (fleet) => {
      await fleet.ships(aCommit(1));
      fleet.store.freeze.set({ reason: "server_behind", at: fleet.clock.now(), host: "a", detail: "epoch 9" });
      for (const about of [["#1"], ["a"], ["api", "prod"]]) {
        assert.equal(asked(fleet, ...about).waits[0]?.reason, "server_behind", about.join(" "));
      }
    }));

  test("a host that is behind what is live: what keeps it from it", () =>
    withApp(
      ["a", "b", "c"],
      async (fleet) => {
        await fleet.ships(aCommit(1));
        goes(fleet, "c");
        const number = await fleet.asks(aCommit(2));
        for (const host of ["a", "b"]) fleet.hasImage(host);
        for (let turn = 0; turn < 40 && fleet.state(number).endedAt === null; turn += 1) {
          for (const host of ["a", "b"]) fleet.reports(host);
          await passes(fleet, 1000);
        }
        assert.equal(fleet.state(number).phase, "incomplete");
        editsPolicy(fleet, { maxUnavailable: { hosts: 1 } });
        fleet.reports("a", { health: "failing" });
        await passes(fleet, 90_000);
        const unwell = asked(fleet, "a");
        const since = unwell.waits.find((wait) => wait.reason === "unhealthy")?.since ?? 0;
        assert.ok(unwell.at - since >= 90_000, `not well for ${unwell.at - since} ms`);
        fleet.connected.add("c");
        comes(fleet, "c");
        repeats(fleet, "c");
        await passes(fleet, 2000);
        const told = waits(asked(fleet, "c"));
        assert.deepEqual(told, [
          "over_budget: api prod on c: still serves r1, r2 is live. To swap it would put too many out of service at once: a is out, 1 may be.",
        ]);
        assert.ok(waits(asked(fleet, "api", "prod")).some((line) => line.startsWith("over_budget: api prod on c:")));
        await fleet.app.gantry.cordon({ host: "c", why: "new disk", actor: eva });
        fleet.store.verdicts.add({
          ...place,
          ...{ release: 1, verdict: "bad", reason: "rolled_back", detail: null, rollout: 1, at: fleet.clock.now(), by: null },
        });
        assert.match(waits(asked(fleet, "c")).join("\n"), /bad_release: .*r1 was judged bad; the host is cordoned by eva/);
      },
      { unreachable: "skip", maxUnavailable: { hosts: 2 } },
    ));

  test("a host that left its environment and has its container still", () =>
    withApp(["a", "b"], async (fleet) => {
      await fleet.ships(aCommit(1));
      fleet.store.hosts.put({ name: "a", labels: { env: "other" }, publicKey: "a", at: fleet.clock.now() });
      const told = asked(fleet, "a").waits;
      assert.deepEqual(
        told.map((wait) => `${wait.reason}: ${wait.text}`),
        ["left_over: a does not belong to api prod any more, and has r1 still. No rollout and no rollback reaches it there."],
      );
      assert.deepEqual(waits(asked(fleet, "b")), []);
      const environments = fleet.app.gantry.status({ service: "api", environment: "prod" });
      const { text } = statusMessage({ environments, now: fleet.clock.now() });
      assert.match(text, /not a host of it any more, with a container of it still: `a` \(left_over\)/);
    }));

  test("a soak whose time is over waits for a host that is silent", () =>
    withApp(
      ["a", "b"],
      async (fleet) => {
        await fleet.ships(aCommit(1));
        const number = await fleet.asks(aCommit(2));
        for (const host of ["a", "b"]) fleet.hasImage(host);
        fleet.reports("a");
        goes(fleet, "a");
        await passes(fleet, 60_000);
        const [wait] = asked(fleet, `#${number}`).waits;
        assert.equal(wait?.reason, "awaiting_host");
        assert.match(wait?.text ?? "", /its soak time is over, and a \(no connection\) must still say that it is well\./);
        assert.ok((wait?.until ?? 0) > fleet.clock.now(), "the end of patience is still to come");
        const skipped = await fleet.app.gantry.skipSoak({ rollout: number, planHash: null, why: null, actor: ana });
        assert.ok(skipped.kind === "refused");
        assert.match(skipped.refusal.text, /^The soak time of #2 is over already/);
      },
      { unreachable: "wait" },
    ));

  test("what nobody knows is refused with a suggestion", () =>
    withApp(["prod-1"], async (fleet) => {
      assert.equal(refusal(fleet, "#99"), "unknown_rollout: There is no rollout #99.");
      assert.equal(refusal(fleet, "prod-7"), "unknown_host: There is no host `prod-7`. Did you mean `prod-1`?");
      assert.equal(refusal(fleet, "api"), "missing_word: Which environment of api? There is `prod`.");
      assert.match(refusal(fleet, "api", "moon"), /^unknown_environment: api has no environment `moon`/);
      assert.match(refusal(fleet, "apo", "prod"), /^unknown_service/);
    }));
});

describe("what has ended and left hosts behind", () => {
  const left = (fleet: TestApp, ...about: readonly string[]) =>
    waits(asked(fleet, ...about)).filter((wait) => /person is needed|do not have/.test(wait));

  test("a stuck rollback needs a person only where nobody has come along: b and c return and serve what they should", () =>
    withApp(["a", "b", "c"], async (fleet) => {
      await fleet.ships(aCommit(1));
      await fleet.ships(aCommit(2));
      await rollsBack(fleet);
      fleet.reports("a");
      goes(fleet, "b");
      goes(fleet, "c");
      for (let turn = 0; turn < 200 && fleet.state(3).endedAt === null; turn += 1) await passes(fleet, 5000);
      assert.equal(fleet.state(3).phase, "stuck");
      assert.match(left(fleet, "#3").join("\n"), /A person is needed on b \(.*\), c \(/);
      comes(fleet, "b");
      fleet.reports("b");
      await passes(fleet, 2000);
      assert.match(left(fleet, "#3").join("\n"), /A person is needed on c \(/);
      comes(fleet, "c");
      fleet.reports("c");
      await passes(fleet, 2000);
      assert.deepEqual([left(fleet, "#3"), left(fleet, "api", "prod")], [[], []]);
      fleet.reports("c", { health: "failing" });
      assert.match(left(fleet, "#3").join("\n"), /A person is needed on c \(/);
    }));

  test("an incomplete rollout leaves out the host that has it by now", () =>
    withApp(
      ["a", "b"],
      async (fleet) => {
        await fleet.ships(aCommit(1));
        const number = await fleet.asks(aCommit(2));
        for (const host of ["a", "b"]) fleet.hasImage(host);
        for (let turn = 0; turn < 60 && fleet.state(number).endedAt === null; turn += 1) {
          const swapping = fleet.state(number).hosts.filter((h) => h.status === "swapping");
          for (const { host } of swapping) host === "b" ? fails(fleet, "b", "disk_full") : fleet.reports(host);
          await passes(fleet, 1000);
        }
        assert.equal(fleet.state(number).phase, "incomplete");
        assert.equal(left(fleet, `#${number}`)[0], "left_incomplete: These hosts do not have r2: b (disk_full).");
        fleet.reports("b");
        assert.deepEqual([left(fleet, `#${number}`), left(fleet, "api", "prod")], [[], []]);
      },
      { maxFailed: { hosts: 1 } },
    ));
});
