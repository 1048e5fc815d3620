/** Every way from one phase to another, why it is taken, and a rollout that takes it. The diagram in the documentation is made of it. */
import type { Phase } from "../../src/core/rollout-state.ts";
import { ana, aRequest, bo, noon, rolling, Told } from "../kit/rollouts.ts";

export type Way = {
  readonly from: Phase | "[*]";
  readonly to: Phase;
  readonly when: string;
  /** A rollout in `from`, and what leads it to `to`. */
  readonly example: () => { readonly rollout: Told | null; readonly then: (rollout: Told) => unknown };
};

const cancel = (r: Told) => r.hear({ type: "cancelled", by: ana, why: null, blame: false });
const reject = (r: Told) => r.hear({ type: "rejected", by: bo, why: "no" });
const turn = (r: Told) => {
  const { from, back, planHash, policy, approvalsRequired, batches, hosts } = aRequest();
  return r.hear({ type: "turn_came", from, back, planHash, policy, approvalsRequired, batches, hosts });
};
const leave = (r: Told) => r.hear({ type: "host_left", host: "one" });
const adopt = (r: Told) => r.tell({ type: "adopted", at: noon, by: bo, detail: "reality was adopted" });

const asked = (change: Parameters<typeof aRequest>[0] = {}) => new Told(aRequest(change));
const one = (change: Parameters<typeof aRequest>[0] = {}) => rolling({ hostNames: ["one"], ...change });
const soaking = (change: Parameters<typeof aRequest>[0] = {}) => {
  const rollout = rolling(change);
  rollout.swapped(...Object.keys(rollout.status()));
  return rollout;
};
const restoring = () => {
  const rollout = one();
  cancel(rollout);
  return rollout;
};
const rollback = { kind: "rollback", approvalsRequired: 0, release: 41, from: 42 } as const;
const way = (rollout: Told | null, then: (rollout: Told) => unknown) => ({ rollout, then });

export const ways: readonly Way[] = [
  {
    from: "[*]",
    to: "in_line",
    when: "the environment is busy or locked",
    example: () => way(null, () => asked({ inLine: true })),
  },
  { from: "[*]", to: "awaiting_approval", when: "asked for", example: () => way(null, () => asked()) },
  { from: "[*]", to: "queued", when: "nobody needs to approve", example: () => way(null, () => asked({ approvalsRequired: 0 })) },
  { from: "[*]", to: "cancelled", when: "there is nothing to do", example: () => way(null, () => asked({ hostNames: [] })) },
  {
    from: "in_line",
    to: "awaiting_approval",
    when: "its turn, to be approved",
    example: () => way(asked({ inLine: true }), turn),
  },
  {
    ...{ from: "in_line", to: "queued", when: "its turn, with approvals of that plan" },
    example: () => way(asked({ inLine: true }), (r) => [r.approved(), turn(r)]),
  },
  { from: "in_line", to: "rejected", when: "", example: () => way(asked({ inLine: true }), reject) },
  { from: "in_line", to: "cancelled", when: "left, or thrown out", example: () => way(asked({ inLine: true }), cancel) },
  { from: "awaiting_approval", to: "queued", when: "enough approvals", example: () => way(asked(), (r) => r.approved()) },
  { from: "awaiting_approval", to: "rejected", when: "", example: () => way(asked(), reject) },
  {
    from: "awaiting_approval",
    to: "expired",
    when: "nobody decided",
    example: () => way(asked(), (r) => r.hear({ type: "expired" })),
  },
  { from: "awaiting_approval", to: "cancelled", when: "a person, or the plan changed", example: () => way(asked(), cancel) },
  {
    ...{ from: "queued", to: "rolling", when: "the first batch has the image and room" },
    example: () => way(asked({ approvalsRequired: 0 }), (r) => r.images()),
  },
  {
    ...{ from: "queued", to: "restoring", when: "failed, with nothing to put back" },
    example: () => way(asked({ approvalsRequired: 0 }), (r) => r.stalled()),
  },
  { from: "queued", to: "cancelled", when: "", example: () => way(asked({ approvalsRequired: 0 }), cancel) },
  {
    from: "rolling",
    to: "soaking",
    when: "no host of the batch swaps or waits any more",
    example: () => way(one(), (r) => r.swapped("one")),
  },
  { from: "rolling", to: "restoring", when: "failed, or aborted", example: () => way(one(), cancel) },
  {
    ...{ from: "rolling", to: "succeeded", when: "a rollback does not soak" },
    example: () => way(asked({ ...rollback, hostNames: ["one"] }), (r) => r.swapped("one")),
  },
  {
    ...{ from: "rolling", to: "stuck", when: "a rollback could not reach a host" },
    example: () => way(asked({ ...rollback, hostNames: ["one"] }), (r) => r.failed("one")),
  },
  {
    ...{ from: "rolling", to: "incomplete", when: "nobody new to prove" },
    example: () => {
      const hosts = [
        { host: "one", from: 41, unchanged: false },
        { host: "two", from: 42, unchanged: true },
      ];
      const goOn = (r: Told) => r.hear({ type: "continued", by: bo, why: "its disk is being replaced" });
      return way(one({ hosts, policy: { onFailure: "pause" } }), (r) => [r.failed("one"), goOn(r)]);
    },
  },
  { from: "rolling", to: "cancelled", when: "its last host left", example: () => way(one(), leave) },
  {
    ...{ from: "soaking", to: "rolling", when: "the next batch, or a retry" },
    example: () => way(soaking(), (r) => r.soaked()),
  },
  { from: "soaking", to: "succeeded", when: "the whole soaked", example: () => way(soaking({ canary: 3 }), (r) => r.soaked()) },
  {
    ...{ from: "soaking", to: "incomplete", when: "the whole soaked, but for hosts that may fail" },
    example: () => way(soaking({ canary: 3, policy: { maxFailed: { hosts: 1 } } }), (r) => [r.unwell("prod-1"), r.soaked()]),
  },
  { from: "soaking", to: "restoring", when: "failed, or aborted", example: () => way(soaking(), cancel) },
  { from: "soaking", to: "cancelled", when: "its last host left", example: () => way(soaking({ hostNames: ["one"] }), leave) },
  {
    from: "restoring",
    to: "restored",
    when: "every touched host is back",
    example: () => way(restoring(), (r) => r.back("one")),
  },
  {
    from: "restoring",
    to: "stuck",
    when: "one cannot be put back",
    example: () => way(restoring(), (r) => r.overdue("one", true)),
  },
  { from: "restoring", to: "cancelled", when: "reality was adopted", example: () => way(restoring(), adopt) },
];

/** Phases that may begin and end in one event, when there is nothing to wait for in them. */
const passing: readonly Phase[] = ["queued", "rolling", "restoring"];

/** True when the table leads from the one to the other, through passing phases at most. */
export function isWay(from: Phase | "[*]", to: Phase): boolean {
  const next = ways.filter((w) => w.from === from);
  return next.some((w) => w.to === to || (passing.includes(w.to) && w.to !== from && isWay(w.to, to)));
}

export function diagram(): string {
  const lines = ways.map(({ from, to, when }) => `    ${from} --> ${to}${when === "" ? "" : `: ${when}`}`);
  const ends = [...new Set(ways.map((w) => w.to))].filter((to) => !ways.some((w) => w.from === to));
  return ["```mermaid", "stateDiagram-v2", ...lines, ...ends.map((end) => `    ${end} --> [*]`), "```"].join("\n");
}
