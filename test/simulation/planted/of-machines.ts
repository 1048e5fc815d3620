/** Planted bugs about what a machine gives its processes: time, a place for one agent, and containers of others. */
import type { PlantedBug } from "./bugs.ts";

export const bugsOfMachines: readonly PlantedBug[] = [
  {
    name: "stale_orders_kept",
    is: "the orders that an agent showed before the last adoption count for the next one",
    edits: [
      { file: "src/app/fence.ts", text: "orders: says.orders ?? [],", instead: "orders: says.orders ?? known?.orders ?? []," },
      {
        file: "src/app/adopt.ts",
        text: "said !== null && said.generation < newestOf(seen) ? null : said;",
        instead: "said;",
      },
    ],
    shownBy: 50,
  },
  {
    name: "clock_step_taken",
    is: "a time of day that somebody sets moves the ends of soaks",
    edits: [{ file: "src/app/steady-time.ts", text: "const followedShare = 0.05;", instead: "const followedShare = 1e9;" }],
    shownBy: 47,
  },
  {
    name: "time_forgotten_on_restart",
    is: "a time of day that was set counts from the next start on",
    edits: [
      {
        file: "src/app/steady-time.ts",
        text: "if (mark === null) return now.wall;",
        instead: "if (mark === null || mark.time > 0) return now.wall;",
      },
    ],
    shownBy: 399,
  },
  {
    name: "copied_agent_works",
    is: "a second agent on a copied state directory works beside the first",
    edits: [
      {
        file: "src/host/seat.ts",
        text: "const { name, publicKey, engine } = host;",
        instead: "const { name, publicKey, engine } = host; if (name !== '') return [];",
      },
    ],
    shownBy: 149,
  },
  {
    name: "others_containers_touched",
    is: "an agent takes containers of another host for its own",
    edits: [
      {
        file: "src/host/own-engine.ts",
        text: "owner === undefined || owner === null || owner === host;",
        instead: "owner !== '';",
      },
    ],
    shownBy: 109,
  },
];
