// What went wrong is counted, not only what went well.
import assert from "node:assert/strict";
import { first, type Journey, journey, second, unhealthy } from "../kit/journey.ts";

/** The figures that begin with one of these names, as /metrics shows them. */
async function figures(j: Pick<Journey, "page">, ...names: readonly string[]): Promise<readonly string[]> {
  const lines = (await (await j.page("/metrics")).text()).split("\n");
  return lines.filter((line) => names.some((name) => line.startsWith(name)) && !line.endsWith(" 0"));
}

journey(
  "failed swaps have their time, and each end is counted, through a restart as well",
  async ({ ana, eva, clock, ...j }) => {
    await j.makeLive("staging", first);
    await ana.says(`/deploy api staging ${unhealthy}`);
    await j.card("Failed, put back");
    assert.deepEqual(await figures(j, "gantry_swap_seconds_count", "gantry_rollouts_ended_total"), [
      'gantry_rollouts_ended_total{phase="succeeded"} 1',
      'gantry_rollouts_ended_total{phase="restored"} 1',
      'gantry_swap_seconds_count{result="ok"} 1',
      'gantry_swap_seconds_count{result="failed"} 1',
    ]);
    const [sum] = await figures(j, 'gantry_swap_seconds_sum{result="failed"}');
    assert.ok(Number(sum?.split(" ").at(-1)) >= 1, `${sum}: the deadline of the health check is a second`);
    await j.makeLive("staging", second);
    j.host("staging-1").vanishes();
    await eva.says("/rollback api staging --now");
    await clock.passes(61_000);
    await j.card("Stuck, needs a person", 4);
    await eva.says("/gantry status");
    await j.told(eva, /#4 rollback of r1 is stuck, needs a person: .*staging-1/);
    await j.stopServer();
    await j.startServer();
    assert.deepEqual(await figures(j, "gantry_rollouts_ended_total"), [
      'gantry_rollouts_ended_total{phase="succeeded"} 2',
      'gantry_rollouts_ended_total{phase="restored"} 1',
      'gantry_rollouts_ended_total{phase="stuck"} 1',
    ]);
  },
  { prod: 0 },
);
