/** What else may be asked of a container than that it serves: that it runs, or that it has ended, and well. */

import { endingOf } from "./labels.ts";
import type { Hands, Proof } from "./prove.ts";
import { pause } from "./prove.ts";

const quickMs = 2_000;

export async function proveStart({ engine }: Hands, id: string): Promise<Proof> {
  const state = await engine.inspect(id);
  if (state === null) return { ok: false, reason: "exited", detail: "the container is gone" };
  if (state.status === "running" || state.status === "restarting") return { ok: true, state, note: null };
  return { ok: false, reason: state.oomKilled ? "oom_killed" : "exited", detail: endingOf(state) };
}

/** Past `deadlineMs` it has failed, however it goes on. */
export async function proveEnd(
  { engine, clock }: Hands,
  { id, deadlineMs, signal }: { readonly id: string; readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Proof> {
  const beganAt = clock.mono();
  while (!signal.aborted) {
    const state = await engine.inspect(id);
    if (state === null) return { ok: false, reason: "exited", detail: "the container is gone" };
    if (state.status === "ended" || state.status === "created") {
      if (state.status === "ended" && state.exitCode === 0) return { ok: true, state, note: null };
      return { ok: false, reason: state.oomKilled ? "oom_killed" : "exited", detail: endingOf(state) };
    }
    const passedMs = clock.mono() - beganAt;
    if (passedMs > deadlineMs) {
      return { ok: false, reason: "unhealthy", detail: `it has not ended after ${deadlineMs / 1000} s` };
    }
    await pause(clock, passedMs < quickMs ? 20 : 200);
  }
  return { ok: false, reason: "interrupted", detail: "a newer order came, or the agent was told to stop" };
}
