/** Between the agent and a healthy engine something swallows calls, loses answers, or answers 500. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type SocketProxy, startSocketProxy } from "../../src/rehearsal/fleet/socket-proxy.ts";
import { eventually } from "../kit/eventually.ts";
import { failureOf, labStand, succeeded } from "./kit/stand.ts";

const one = "1a4c9e2";
const two = "3f2a1c9";

describe("an agent whose calls to the engine go astray", () => {
  let proxy: SocketProxy;
  const stand = labStand(["prod-1"], {
    callMs: 1_500,
    async engineOf({ dockerSocket }) {
      proxy = await startSocketProxy(dockerSocket);
      return proxy.socket;
    },
  });
  after(() => proxy?.stop());
  let serving = "";

  async function serves(commit: string, changes?: Parameters<typeof stand.next>[1]): Promise<void> {
    succeeded(await stand.host().carryOut(stand.next(commit, changes), 30_000));
    serving = commit;
    await stand.answers(commit);
  }

  it("AG6: one container's inspect hangs; the other service is swapped all the same, and the hanging one serves on", async () => {
    await serves(one);
    const container = { environment: { PORT: "8081" } };
    const probe = { kind: "http", url: "http://127.0.0.1:8081/healthz" } as const;
    const web = { ...stand.next(one, { container, health: { probe } }), service: "web" };
    stand.host().tell(web);
    await stand.host().desk.seen("prod-1", (p) => p.slots.some((s) => s.service === "web" && s.outcome?.ok === true));
    const id = await stand.host().lab.docker("ps", "-q", "--no-trunc", "--filter", "label=gantry.service=web");
    const lift = proxy.spoil({ call: new RegExp(`^GET /containers/${id}/json`), how: "stall" });
    await serves(two);
    assert.match((await stand.host().lab.fetch("http://PLACE:8081/".replace("PLACE", stand.host().lab.address))).body, /^api/);
    const { engine } = stand.host().desk.pictureOf("prod-1") ?? {};
    assert.equal(engine?.ok, true, "the engine is not called stuck for one container");
    lift();
    stand.host().tell({ ...web, generation: 1_000, release: null });
    await stand.host().desk.seen("prod-1", (p) => p.slots.some((s) => s.generation === 1_000 && s.outcome?.ok === true));
  });

  for (const [what, call] of [
    ["create", /^POST \/containers\/create/],
    ["start", /^POST \/containers\/\w+\/start/],
    ["stop", /^POST \/containers\/\w+\/(stop|kill)/],
    ["update", /^POST \/containers\/\w+\/update/],
    ["remove", /^DELETE \/containers\/\w+/],
  ] as const) {
    it(`AG20: the answer to a ${what} is lost, though it was done; the swap ends, and no orphan stays`, async () => {
      const before = proxy.spoilt.length;
      const lift = proxy.spoil({ call, how: "drop", times: 1 });
      const commit = serving === one ? two : one;
      await serves(commit);
      await eventually(() => assert.equal(proxy.spoilt.length, before + 1, "the answer was lost"));
      lift();
      await eventually(async () => {
        const containers = await stand.host().containers();
        assert.equal(containers.length, 2, containers.join(", "));
        assert.match(containers[0] ?? "", /^live r\d+ running$/);
        assert.match(containers[1] ?? "", /^previous r\d+ created$/);
      }, 20_000);
    });
  }

  it("AG8: the engine answers 500 to the start of the new one; the old one serves again", async () => {
    const lift = proxy.spoil({ call: /^POST \/containers\/\w+\/start/, how: "refuse", times: 1 });
    const failure = failureOf(await stand.host().carryOut(stand.next(serving === one ? two : one), 30_000));
    lift();
    assert.equal(failure.reason, "start_failed");
    assert.equal(failure.after, "restored");
    await stand.answers(serving);
  });

  const endings = /^POST \/containers\/\w+\/(stop|kill)/;

  it("AG19: the engine refuses to end the old one; nothing is started beside it, and the host says why", async () => {
    const lift = proxy.spoil({ call: endings, how: "refuse" });
    const failure = failureOf(await stand.host().carryOut(stand.next(serving === one ? two : one), 30_000));
    lift();
    assert.equal(failure.reason, "stop_failed", JSON.stringify(failure));
    assert.equal(failure.after, "restored");
    await stand.answers(serving);
  });

  it("AG19: the engine never answers that it has ended the old one; after some tries the host says that, and can swap once it is over", async () => {
    const lift = proxy.spoil({ call: endings, how: "stall" });
    const commit = serving === one ? two : one;
    const failure = failureOf(await stand.host().carryOut(stand.next(commit), 60_000));
    assert.deepEqual([failure.reason, failure.after], ["stop_failed", "restored"], JSON.stringify(failure));
    await stand.answers(serving);
    lift();
    await serves(commit);
  });
});
