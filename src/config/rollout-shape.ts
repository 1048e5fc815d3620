/** The shape of `rollout`: how a release goes over the hosts of an environment. What it means is in rollout-policy.ts. */

import type { Spread } from "../core/plan.ts";
import { refusedGantryKeys } from "./compose-refused.ts";
import { amount, duration, oneOf, text } from "./scalars.ts";
import { byKind, field, listOf, located, type RecordOf, record, refined, type Shape } from "./shape.ts";

const dayMs = 24 * 3_600_000;
const labelName = text({
  expected: "the name of a host label",
  pattern: /^[a-zA-Z0-9][\w./-]{0,62}$/,
  fix: "write the label's name, such as zone",
});

const spreadFields = {
  label: field(located(labelName), "The label that hosts are told apart by."),
  order: field(
    oneOf(["apart", "in-turn"]),
    "`apart`: never two hosts of one value in a batch (the default). `in-turn`: one value after the other.",
  ),
};

const spread: Shape<Spread> = byKind({
  expected: "the name of a host label, such as zone",
  text: refined(labelName, (label) => ({ value: { label, order: "apart" as const } })),
  map: refined(
    record({ expected: "a map with label and order", fields: spreadFields }),
    ({ label, order }, spot, report): { readonly value: Spread } | null => {
      if (label === undefined) {
        report(spot, { what: "spread without a label", fix: "write { label: zone, order: apart }" });
        return null;
      }
      return { value: { label: label.value, order: order === "in-turn" ? "in_turn" : "apart" } };
    },
  ),
});

const soakTime = duration({ minMs: 0, maxMs: dayMs });
type Soak = { readonly batchMs: number | undefined; readonly endMs: number | undefined };

const soak: Shape<Soak> = byKind({
  expected: "a duration such as 30s, or { batch: 30s, end: 10m }",
  text: refined(soakTime, (ms) => ({ value: { batchMs: ms, endMs: ms } })),
  map: refined(
    record({
      expected: "a map with batch and end",
      fields: {
        batch: field(soakTime, "How long a batch must stay healthy before the next."),
        end: field(soakTime, "How long all hosts must stay healthy before the release is called good."),
      },
    }),
    ({ batch, end }) => ({ value: { batchMs: batch, endMs: end } }),
  ),
});

const watchTime = duration({ minMs: 0, maxMs: dayMs });
const whenUnwell: Shape<"raise" | "rollback"> = oneOf(["raise", "rollback"]);
type Watch = { readonly forMs: number | undefined; readonly onUnwell: "raise" | "rollback" | undefined };

const watch: Shape<Watch> = byKind({
  expected: "a duration such as 10m, or { for: 10m, onUnwell: rollback }",
  text: refined(watchTime, (forMs) => ({ value: { forMs, onUnwell: undefined } })),
  map: refined(
    record({
      expected: "a map with for and onUnwell",
      fields: {
        for: field(watchTime, "How long the containers are watched after the end. 0s: not at all."),
        onUnwell: field(
          whenUnwell,
          "`raise`: the card is raised again with a button to go back (the default). `rollback`: it goes back by itself.",
        ),
      },
    }),
    (fields) => ({ value: { forMs: fields.for, onUnwell: fields.onUnwell } }),
  ),
});

const batch = byKind({
  expected: "an amount such as 25%, or a list such as [1, 10%, 25%, 100%]",
  text: amount({ minHosts: 1 }),
  list: listOf(amount({ minHosts: 1 }), { expected: "a list such as [1, 10%, 25%, 100%]", nonEmpty: true }),
});

const whenFailed: Shape<"pause" | "restore" | "rollback"> = oneOf(["pause", "restore", "rollback"]);
const whenUnreachable: Shape<"wait" | "skip" | "fail"> = oneOf(["wait", "skip", "fail"]);

const rolloutFields = {
  canary: field(located(amount({ minHosts: 0 })), "Size of the small first batch; 0 for none. Default 1."),
  batch: field(
    located(batch),
    "Hosts swapped together: a number, a share, or a list that says how much of the fleet has the release after each batch ([1, 10%, 25%, 100%]). Default 25%.",
  ),
  soak: field(
    soak,
    "How long a batch must stay healthy before the next, and the whole before the release is called good: one duration for both, or { batch, end }. Default 30s.",
  ),
  maxFailed: field(
    amount({ minHosts: 0 }),
    "Hosts that may fail before the rollout has failed; a share rounds down, also to none. A first batch without any healthy host has failed whatever this says. Default 0.",
  ),
  maxUnavailable: field(
    located(amount({ minHosts: 1 })),
    "Hosts that may be out of service at once, whatever put them out; shares are of all its hosts. Default: as many as its largest batch.",
  ),
  spread: field(
    spread,
    "A host label: never two hosts of one value in a batch; or { label, order: in-turn }: one value after the other. Default: none.",
  ),
  deadline: field(
    located(duration({ minMs: 10_000, maxMs: 7 * dayMs })),
    "Without any progress for this long the rollout has failed. Default 15m.",
  ),
  perHostDeadline: field(
    located(duration({ minMs: 1000, maxMs: dayMs })),
    "One host's swap must be done by then. Default 2m, or more when the health deadline needs it.",
  ),
  onFailure: field(
    whenFailed,
    "When more hosts failed than maxFailed: `pause` for a person, `restore` what each touched host served, or `rollback` touched hosts to the newest good release. Default: pause where approvals are needed, else rollback.",
  ),
  unreachable: field(
    whenUnreachable,
    "A host that nobody hears of: `wait` for it, `skip` it and end incomplete, or let it count as failed (`fail`). Hosts that are left out are named when the first batch begins, and still count against maxUnavailable. Default wait.",
  ),
  rollbackBatch: field(amount({ minHosts: 1 }), "Hosts that go back at once. Default 50%."),
  watch: field(
    watch,
    "How long the containers are watched after the end, and what happens when they do not stay well: a duration, or { for, onUnwell: raise | rollback }. Default 10m, raise.",
  ),
};

export const rollout = record({
  expected: "a map with canary, batch and soak",
  refused: {
    ...refusedGantryKeys,
    hostDeadline: { what: "hostDeadline is called perHostDeadline", fix: "write perHostDeadline" },
  },
  fields: rolloutFields,
});

export type RawRollout = RecordOf<typeof rolloutFields>;
