/**
 * What can go wrong on a host, on its engine and on the network between, what Gantry must do then, and which tests show it.
 * A row is covered by tests that carry its id in their names: test/policy/catalogue.test.ts holds the two against each other, and
 * docs/explanation/faults.md is this table for readers.
 */
export type FaultRow = {
  readonly id: string;
  readonly fault: string;
  /** What must happen, in a sentence or two. */
  readonly wanted: string;
  /** Test files in which the id stands in the name of a test or suite. The first shows most of it. */
  readonly tests: readonly string[];
  /** What of the row no test shows yet, and why. */
  readonly missing?: string;
};

const people = "test/lab/people.test.ts";
const network = "test/lab/network.test.ts";
const power = "test/lab/power.test.ts";
const socket = "test/lab/docker-socket.test.ts";
const pulls = "test/docker/pull-faults.test.ts";
const swap = "test/host/real-swap.test.ts";
const disks = "test/faults/host-disks.test.ts";
const still = "test/faults/host-stands-still.test.ts";

export const catalogue: readonly FaultRow[] = [
  {
    id: "AG1",
    fault: "The agent is killed in the middle of a swap, before or after any step",
    wanted:
      "Never two containers run. The agent that comes after it reads Docker's labels, and ends the swap or puts the old one back.",
    tests: ["test/host/real-kill.test.ts"],
  },
  {
    id: "AG2",
    fault: "The machine goes down in the middle of a swap, and boots",
    wanted:
      "Restart policies bring up one container at most. What was proven serves; otherwise the old one does, and the reason is `interrupted`.",
    tests: [power, "test/host/real-kill.test.ts"],
  },
  {
    id: "AG3",
    fault: "Somebody gives a container the restart policy `always`, which brings stopped ones back",
    wanted:
      "Gantry never sets it, and puts the policy back at once, of the container that serves and of the one that is kept; what came up is ended.",
    tests: [people],
  },
  {
    id: "AG4",
    fault: "The engine is killed",
    wanted:
      "With live-restore containers serve on under the same pid; without it the agent says so, and has the service run again. What happened meanwhile is looked up, not awaited.",
    tests: [power, swap],
  },
  {
    id: "AG5",
    fault: "The engine stands still: it takes calls and answers none",
    wanted:
      "Every call has a deadline. The host is told of as stuck, nothing is begun beside what hangs, and orders are carried out once it goes on.",
    tests: [still],
  },
  {
    id: "AG6",
    fault: "Only the inspection of one container hangs",
    wanted: "Other services of the host are managed as ever, and the engine is not called stuck for it.",
    tests: [socket],
  },
  {
    id: "AG7",
    fault: "The engine's disk fills in the middle of a pull",
    wanted: "The pull fails before anything is stopped, and leaves nothing half done.",
    tests: [disks],
  },
  {
    id: "AG8",
    fault: "The new container cannot be created or started, with the old one stopped already",
    wanted: "The old container is kept until then, and is started again.",
    tests: [swap, socket],
  },
  {
    id: "AG9",
    fault: "The image is not in the primary registry",
    wanted: "The mirrors are asked in their order, for the same digest.",
    tests: [pulls],
  },
  {
    id: "AG10",
    fault: "A registry hangs, or its bytes drip",
    wanted: "A pull has a deadline for standing still and one for all of it; then it is the next mirror's turn.",
    tests: [pulls],
  },
  {
    id: "AG11",
    fault: "A registry answers 401, 429 or 500, hangs up, or sends damaged layers",
    wanted:
      "A refused login is asked for once; what may pass is tried again a little; damaged layers are refused, and the mirror serves.",
    tests: [pulls],
  },
  {
    id: "AG12",
    fault: "The tag was moved after the approval, or the registry lies about a digest",
    wanted: "Only digests are pulled. An image with another digest is refused.",
    tests: [pulls],
  },
  {
    id: "AG13",
    fault: "The image is built for another platform",
    wanted: "It is found when the plan is made, and refused by the agent at the latest.",
    tests: [pulls],
  },
  {
    id: "AG14",
    fault: "The container passes its check, and dies or crash-loops afterwards",
    wanted:
      "The host reports it with the last lines of its log; after the rollout a watch goes on, and what it sees pauses or goes back.",
    tests: [swap, "test/app/watch.test.ts"],
  },
  {
    id: "AG15",
    fault: "The old container, or a stranger, answers the new one's health check",
    wanted: "An answer counts only from the process that holds the socket, and that must be the new container's.",
    tests: [people, "test/host/prove.test.ts", "test/host/watch.test.ts"],
  },
  {
    id: "AG16",
    fault: "Another process holds the port",
    wanted:
      "The swap fails with the name of that process before the old container is stopped; no leftover stays, and the old one serves on.",
    tests: [people, swap],
  },
  {
    id: "AG17",
    fault: "A container of somebody else has the name of the new one",
    wanted: "It is left alone. The swap fails before anything is stopped, and says so.",
    tests: [people, "test/docker/contract.ts"],
  },
  {
    id: "AG18",
    fault: "The old container ignores its stop signal",
    wanted: "It is killed after its grace, and that is noted.",
    tests: [swap],
  },
  {
    id: "AG19",
    fault: "The old container cannot be ended at all",
    wanted: "Nothing is started beside it. The swap fails, the host says why, and the old one serves on.",
    tests: [socket],
  },
  {
    id: "AG20",
    fault: "The engine does what it was asked, and its answer is lost",
    wanted: "The agent looks again instead of trusting either way. The swap ends, and no orphan stays.",
    tests: [socket],
  },
  {
    id: "AG21",
    fault: "A person stops, removes or starts containers by hand",
    wanted: "What is wanted runs again: at once the first time, then ever more rarely.",
    tests: [people, "test/host/mishaps.test.ts"],
    missing: "It is not told of as drift, and no person is asked after the third repair.",
  },
  {
    id: "AG22",
    fault: "A second agent is started on the host",
    wanted: "It ends with one line that names the first. The first works on.",
    tests: [people, "test/host/agent.test.ts"],
  },
  {
    id: "AG23",
    fault: "A copied machine comes with the same identity",
    wanted: "While the first is connected the copy is refused, and touches nothing.",
    tests: [network],
    missing: "Two that take turns are not told apart yet: nobody compares the boots that they report.",
  },
  {
    id: "AG24",
    fault: "The agent, or the server, is of another age",
    wanted: "What was added since is passed over. Another protocol is refused by name on both sides, and nothing crashes.",
    tests: ["test/adapters/fleet/versions.test.ts"],
  },
  {
    id: "AG25",
    fault: "The host is cut off from the server for a while",
    wanted: "It finishes what it was told and serves on. It is missed, counts as out, and tells its outcome when it is back.",
    tests: [network],
  },
  {
    id: "AG26",
    fault: "Packets vanish in one direction, or a fifth of them in both",
    wanted: "Both ends give up a connection on which they hear nothing, and a fresh one works.",
    tests: [network],
  },
  {
    id: "AG27",
    fault: "The server gives the host up, and the swap succeeds after all",
    wanted: "The late success counts when it is of the same generation; an older one changes nothing.",
    tests: ["test/rollout/silence.test.ts", still],
  },
  {
    id: "AG28",
    fault: "The host comes back after days",
    wanted: "It is told what is wanted now, and does nothing of what was wanted and dropped meanwhile.",
    tests: [network],
  },
  {
    id: "AG29",
    fault: "The agent's state files are torn or gone",
    wanted: "What runs is read from Docker's labels. Only the key cannot be made again, and that is said.",
    tests: ["test/host/host.test.ts"],
  },
  {
    id: "AG30",
    fault: "The agent's own disk is full",
    wanted: "It begins no swap that it could not remember, reports what runs, and swaps when there is room again.",
    tests: [disks],
  },
  {
    id: "AG31",
    fault: "The host's clock is a day off, or is set meanwhile",
    wanted:
      "Reports are dated by the server, waits are counted on a clock that nobody sets, and a certificate out of its time is named as that.",
    tests: ["test/lab/clocks.test.ts", "test/adapters/fleet/fleet.test.ts"],
  },
  {
    id: "AG32",
    fault: "The agent is told to end in the middle of a swap",
    wanted: "What is proven is finished, anything else is undone, within 20 seconds. Containers outlive the agent.",
    tests: [network, "test/host/mishaps.test.ts"],
  },
  {
    id: "AG33",
    fault: "The first deploy of a service fails",
    wanted: "There is nothing to go back to: that is said, nothing is invented, and nothing is left running.",
    tests: [people],
  },
  {
    id: "AG34",
    fault: "`docker system prune -a` takes what was kept",
    wanted: "The image comes from the registry again, and the way back works.",
    tests: [people, pulls],
  },
  {
    id: "AG35",
    fault: "A health check hangs, redirects or flaps",
    wanted: "A probe has a deadline, follows nothing, and counts only so many good or bad answers in a row.",
    tests: ["test/host/prove.test.ts", "test/host/watch.test.ts"],
  },
  {
    id: "AG36",
    fault: "Thousands of agents come back at once",
    wanted: "They spread over their waits. All come in, each once, with its whole picture.",
    tests: ["test/lab/reconnect.test.ts"],
  },
];
