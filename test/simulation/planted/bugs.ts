import { bugsOfMachines } from "./of-machines.ts";
import { bugsOfProof } from "./of-proof.ts";

/** Bugs that the simulation must find: source texts that its loader replaces. Each stands in its file exactly once. */
export type PlantedBug = {
  readonly name: string;
  readonly is: string;
  /** More than one where several layers keep the same promise, each of them alone. */
  readonly edits: readonly { readonly file: string; readonly text: string; readonly instead: string }[];
  /** The first seed that shows it, as it was found; the test begins there. */
  readonly shownBy: number;
};

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "no_fsync",
    is: "commits do not wait for the disk",
    edits: [
      {
        file: "test/simulation/world/memory-store/store.ts",
        text: "const waitsForDisk = true;",
        instead: "const waitsForDisk = false;",
      },
    ],
    shownBy: 1,
  },
  {
    name: "lost_hosts_not_counted",
    is: "hosts that nobody hears of do not count as out of service",
    edits: [
      {
        file: "src/core/rollout-batches.ts",
        text: "new Set([...fitness.unwell, ...fitness.away]);",
        instead: "new Set([...fitness.unwell]);",
      },
    ],
    shownBy: 43,
  },
  {
    name: "unwell_not_counted",
    is: "hosts that serve badly do not count as out of service",
    edits: [
      {
        file: "src/core/rollout-batches.ts",
        text: "new Set([...fitness.unwell, ...fitness.away]);",
        instead: "new Set([...fitness.away]);",
      },
    ],
    shownBy: 89,
  },
  {
    name: "budget_off_by_one",
    is: "one host more than allowed is taken out of service",
    edits: [
      {
        file: "src/core/rollout-batches.ts",
        text: "Math.max(0, state.budget - out.size)",
        instead: "Math.max(0, state.budget + 1 - out.size)",
      },
    ],
    shownBy: 43,
  },
  {
    name: "stale_generation_accepted",
    is: "an agent takes orders older than those it has obeyed: by generation, and by the history that comes with them",
    edits: [
      { file: "src/host/slot-worker.ts", text: "if (desired.generation < known) return false;", instead: "" },
      {
        file: "src/host/obedience.ts",
        text: "if (says === undefined || heard === undefined || !isOlder(says, heard)) return null;",
        instead: "return null;",
      },
      {
        file: "src/host/obedience.ts",
        text: "slot.generation > (news.get(slotName(slot))?.generation ?? 0)",
        instead: "slot.generation < 0",
      },
    ],
    shownBy: 42,
  },
  {
    name: "lower_epoch_accepted",
    is: "an agent obeys whatever it is told, of whatever epoch",
    edits: [
      { file: "src/host/obedience.ts", text: "if (picture.epoch < orders.epoch) {", instead: "if (picture.epoch < 0) {" },
      { file: "src/host/slot-worker.ts", text: "if (desired.generation < known) return false;", instead: "" },
      {
        file: "src/host/obedience.ts",
        text: "if (says === undefined || heard === undefined || !isOlder(says, heard)) return null;",
        instead: "return null;",
      },
      {
        file: "src/host/obedience.ts",
        text: "slot.generation > (news.get(slotName(slot))?.generation ?? 0)",
        instead: "slot.generation < 0",
      },
    ],
    shownBy: 42,
  },
  {
    name: "no_dedupe",
    is: "a delivery that came before counts as new",
    edits: [
      {
        file: "src/app/write-desk.ts",
        text: 'resolve(fresh[index] === true ? "new" : "duplicate")',
        instead: 'resolve("new")',
      },
    ],
    shownBy: 2,
  },
  {
    name: "two_agents",
    is: "a second agent takes the place of a living one",
    edits: [
      {
        file: "test/simulation/world/hub.ts",
        text: "const stays = answers && byHost.get(introduction.host) === rival;",
        instead: "const stays = false;",
      },
    ],
    shownBy: 149,
  },
  {
    name: "stale_button",
    is: "a button of another plan counts",
    edits: [
      {
        file: "src/app/decisions.ts",
        text: "if (planHash !== null && planHash !== stored.state.planHash) return staleClick(number);",
        instead: "",
      },
    ],
    shownBy: 35,
  },
  {
    name: "approve_by_requester",
    is: "who asked may approve",
    edits: [
      {
        file: "src/app/decisions.ts",
        text: "if (approvals.notRequester && isSame(state.requester, actor)) {",
        instead: "if (approvals.notRequester && isSame(state.requester, actor) && state.number < 0) {",
      },
      {
        file: "src/app/decisions.ts",
        text: "if (!notRequester || cannotApprove(requester, actor) === null) return null;",
        instead: "if (cannotApprove(requester, actor) !== null || number > 0) return null;",
      },
    ],
    shownBy: 4,
  },
  {
    name: "one_approval_is_enough",
    is: "a rollout goes ahead with its first approval",
    edits: [
      {
        file: "src/core/rollout-verbs.ts",
        text: "next.state.approvals.length < approvalsRequired) return moved(next);",
        instead: "next.state.approvals.length < 1) return moved(next);",
      },
    ],
    shownBy: 5,
  },
  {
    name: "start_first_on_one_port",
    is: "the new container is started beside the old one",
    edits: [
      {
        file: "src/core/slot-forward.ts",
        text: 'const isBeside = candidate.gate === "closed" || mayShare(candidate, old);',
        instead: "const isBeside = true;",
      },
    ],
    shownBy: 3,
  },
  {
    name: "restart_policy_always",
    is: "what was stopped comes back with a reboot",
    edits: [
      {
        file: "src/host/slot-steps.ts",
        text: 'setRestartPolicy(id, "unless-stopped");',
        instead: 'setRestartPolicy(id, "always" as "no");',
      },
    ],
    shownBy: 3,
  },
  {
    name: "unproven_is_promoted",
    is: "a container counts as healthy without being asked",
    edits: [
      {
        file: "src/host/prove.ts",
        text: "if (!answer.ok) return failed(look, answer.detail);",
        instead: "",
      },
    ],
    shownBy: 3,
  },
  {
    name: "journal_not_awaited",
    is: "a failed generation is forgotten with the process and tried again",
    edits: [
      {
        file: "src/host/slot-memory.ts",
        text: "return memory.entry.generation === generation ? memory.entry.outcome : null;",
        instead: "return null;",
      },
    ],
    shownBy: 1,
  },
  {
    name: "queue_ships_bad",
    is: "what was judged bad while it waited in line is shipped",
    edits: [
      {
        file: "src/app/line.ts",
        text: "const gate = judgedSince(store, place, stored) ?? planGates(",
        instead: "const gate = planGates(",
      },
    ],
    shownBy: 435,
  },
  {
    name: "late_report_ignored",
    is: "a success that comes late does not count",
    edits: [
      {
        file: "src/core/rollout-hosts.ts",
        text: '(known.status === "swapping" || isLate(known))',
        instead: '(known.status === "swapping")',
      },
    ],
    shownBy: 752,
  },
  {
    name: "any_generation_counts",
    is: "a report about an older goal counts for the present one",
    edits: [
      {
        file: "src/app/reports.ts",
        text: "slot.generation !== wanted.generation) return events;",
        instead: "slot.generation > wanted.generation) return events;",
      },
    ],
    shownBy: 559,
  },
  {
    name: "timer_lost_on_restart",
    is: "timers do not outlive the process",
    edits: [
      {
        file: "src/app/timers.ts",
        text: "      grant(clock.now());\n      serve();",
        instead: "for (const { rollout, name } of store.timers.due(1e15)) store.timers.clear(rollout, name);",
      },
    ],
    shownBy: 148,
  },
  {
    name: "open_commands_forgotten",
    is: "what was accepted before a crash is not taken up",
    edits: [{ file: "src/app/door.ts", text: "let leftOver = store.inbox.open();", instead: "let leftOver: InboxItem[] = [];" }],
    shownBy: 1,
  },
  {
    name: "told_before_recorded",
    is: "people are told what came of their command before it is on the disk",
    edits: [
      {
        file: "src/app/door.ts",
        text: "await settled(item, await act(delivery));\n    if",
        instead: "await act(delivery);\n    if",
      },
    ],
    shownBy: 1,
  },
  {
    name: "rollback_to_bad",
    is: "a rollback may go to a release that was judged bad",
    edits: [
      {
        file: "src/app/rollbacks.ts",
        text: 'if (verdict?.verdict === "good") return null;',
        instead: "return null;",
      },
    ],
    shownBy: 27,
  },
  {
    name: "pause_lets_next_host_start",
    is: "a paused rollout starts the next host",
    edits: [
      {
        file: "src/core/rollout-forward.ts",
        text: "if (isPaused(m.state) || (m.state.phase",
        instead: "if ((m.state.phase",
      },
    ],
    shownBy: 13,
  },
  {
    name: "retry_touches_all",
    is: "retry swaps healthy hosts again",
    edits: [
      {
        file: "src/core/rollout-verbs.ts",
        text: 'if (h.status !== "failed") return h;',
        instead: 'if (h.status !== "failed" && h.status !== "healthy") return h;',
      },
    ],
    shownBy: 157,
  },
  {
    name: "outbox_never_retries",
    is: "what could not be said is not tried again by itself",
    edits: [
      {
        file: "src/app/outbox.ts",
        text: "wake(store.outbox.nextAt(now));",
        instead: "wake(null);",
      },
    ],
    shownBy: 430,
  },
  {
    name: "fence_deaf",
    is: "a server that was set back does not notice agents that know more",
    edits: [
      {
        file: "src/app/fence.ts",
        text: "if (head !== null && head.seq > mine.seq) {",
        instead: "if (head !== null && head.seq < 0) {",
      },
      { file: "src/app/fence.ts", text: "if (head !== null && head.seq > 0 &&", instead: "if (head !== null && head.seq < 0 &&" },
      {
        file: "src/app/fence.ts",
        text: "toldOf(host, says).find((slot) => slot.generation > generationOf(host, slot));",
        instead: "toldOf(host, says).find((slot) => slot.generation < 0);",
      },
    ],
    shownBy: 41,
  },
  {
    name: "frozen_server_talks",
    is: "a frozen server still tells agents what to do",
    edits: [
      { file: "src/app/fence.ts", text: "if (store.freeze.current() !== null) return false;", instead: "" },
      {
        file: "src/app/fence.ts",
        text: "    if (frozen !== null) return !(accuserIsGone(frozen) && withdraw(frozen, null));\n",
        instead: "",
      },
    ],
    shownBy: 40,
  },
  ...bugsOfMachines,
  ...bugsOfProof,
];
