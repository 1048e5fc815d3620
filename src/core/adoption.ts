/**
 * `gantry adopt`: what is found on the hosts is taken for what should be. Whatever was under way ends as it is, and nobody
 * is sent back; the record of the adoption (a rollout of kind `adopt`) ends at once and says what is live from now on.
 */
import { type HostState, hasEnded, type LaterEvent, type RolloutState, type Step } from "./rollout-state.ts";

type Adopted = Extract<LaterEvent, { type: "adopted" }>;

export function adopted(state: RolloutState, event: Adopted): Step {
  if (hasEnded(state)) return { kind: "ignored" };
  const at = event.at;
  const calm = {
    pauses: [],
    held: null,
    owed: null,
    soakEndsAt: null,
    progressBy: null,
    since: at,
    endedAt: at,
    endedBy: event.by,
  };
  if (state.kind !== "adopt") {
    const hosts = state.hosts.map((h) => leftAlone(h, at));
    const end = { phase: "cancelled", reason: "cancelled", detail: event.detail, hosts } as const;
    return { kind: "moved", state: { ...state, ...calm, ...end }, effects: [] };
  }
  const others = event.others ?? [];
  const hosts = state.hosts.map((h): HostState => {
    const other = others.find((o) => o.host === h.host);
    if (other === undefined) return { ...h, status: "unchanged", from: state.release };
    const detail = other.release === null ? "nothing runs here" : `r${other.release} runs here`;
    return { ...h, status: "skipped", from: other.release, reason: "left_incomplete", detail, endedAt: at };
  });
  const isWhole = others.length === 0;
  const end = { phase: isWhole ? "succeeded" : "incomplete", reason: isWhole ? null : "left_incomplete" } as const;
  return { kind: "moved", state: { ...state, ...calm, ...end, detail: event.detail, hosts }, effects: [] };
}

/** Nobody waits for a host in mid-swap any more: its agent finishes by itself. */
function leftAlone(host: HostState, at: number): HostState {
  const underWay = host.status === "swapping" || host.status === "returning" || host.status === "restoring";
  return underWay ? { ...host, status: "skipped", detail: "left as it was found", endedAt: at } : host;
}
