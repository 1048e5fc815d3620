/**
 * Looks at every host's containers five times a second, past the agent, and holds what it sees against two promises: never two
 * running containers of one member of a slot (I1), and never a running image that nobody approved (I5).
 */
import { existsSync, readdirSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import type { LabHost } from "../../../src/rehearsal/fleet/lab.ts";

export type Watcher = {
  /** From now on containers of this digest may run. */
  approve(digest: string): void;
  /** What people do by hand meanwhile is theirs. */
  lookingAway(work: () => Promise<void>): Promise<void>;
  /** Ends the watch. Throws with everything that was seen amiss, or when hardly anything was seen. */
  stop(): Promise<void>;
};

type Listed = { readonly Id: string; readonly Image: string; readonly Labels: Readonly<Record<string, string>> };

type Inspected = { readonly State: { readonly Pid: number } };

type Watchable = Pick<LabHost, "name" | "dockerSocket" | "dir">;

const lookEveryMs = 200;

export function watchHosts(hosts: readonly Watchable[]): Watcher {
  const approved = new Set<string>();
  const amiss = new Set<string>();
  let looks = 0;
  let looksAway = false;

  async function look(host: Watchable): Promise<void> {
    // Before the containers are: one that waited then may have been let through meanwhile, its predecessor being gone.
    const open = openGates(host.dir);
    const running = await runningOn(host.dockerSocket);
    // An engine that is away, or stands still, shows nothing.
    if (running === null || looksAway) return;
    looks += 1;
    const begun = running.filter((one) => hasBegun(one, open));
    // The engine tells of an end a moment after the process has gone, and the agent, which sees that, has opened the gate by then.
    const alive = twice(begun).length === 0 ? begun : await withProcess(host.dockerSocket, begun);
    for (const fault of [...twice(alive), ...unapproved(running, approved)]) amiss.add(`${host.name}: ${fault}`);
  }

  const timers = hosts.map((host) => {
    let looking: Promise<void> | null = null;
    return {
      timer: setInterval(() => {
        if (!looksAway)
          looking ??= look(host).finally(() => {
            looking = null;
          });
      }, lookEveryMs),
      last: () => looking,
    };
  });

  return {
    approve: (digest) => void approved.add(digest),
    async lookingAway(work) {
      looksAway = true;
      await work().finally(() => {
        looksAway = false;
      });
    },
    async stop() {
      for (const { timer } of timers) clearInterval(timer);
      await Promise.all(timers.map(({ last }) => last()));
      if (amiss.size > 0) throw new Error(`seen on the hosts:\n${[...amiss].join("\n")}`);
      if (looks < hosts.length) throw new Error(`the watcher saw the hosts ${looks} times: it proves nothing`);
    },
  };
}

/** How many containers run there whose command has begun. */
export async function begunOn(host: Pick<Watchable, "dir" | "dockerSocket">): Promise<number> {
  const open = openGates(host.dir);
  const running = (await runningOn(host.dockerSocket)) ?? [];
  return running.filter((one) => hasBegun(one, open)).length;
}

/** A container that waits at its gate does not run yet: its command has not begun. */
function hasBegun({ Labels }: Listed, open: ReadonlySet<string>): boolean {
  const gate = Labels["gantry.gate"];
  return gate === undefined || open.has(gate);
}

/** Of the agent whose state directory is the host's `agent`: gates with their mark. */
function openGates(dir: string): ReadonlySet<string> {
  const gates = join(dir, "agent", "gates");
  const names = existsSync(gates) ? readdirSync(gates) : [];
  return new Set(names.filter((name) => existsSync(join(gates, name, "open"))));
}

/** I1: by what the labels say a container is, so that a person's own containers are nobody's member. */
function twice(running: readonly Listed[]): string[] {
  const members = new Map<string, string[]>();
  for (const { Id, Labels } of running) {
    const { "gantry.service": service, "gantry.environment": environment, "gantry.member": member } = Labels;
    const key = `${service}/${environment}${member === undefined ? "" : `/${member}`}`;
    members.set(key, [...(members.get(key) ?? []), Id.slice(0, 12)]);
  }
  return [...members].filter(([, ids]) => ids.length > 1).map(([key, ids]) => `${key} runs ${ids.length} times (${ids.sort()})`);
}

/** I5: by the image that Docker names, not by our label. */
function unapproved(running: readonly Listed[], approved: ReadonlySet<string>): string[] {
  return running
    .filter(({ Image }) => !approved.has(Image.slice(Image.indexOf("@") + 1)))
    .map(({ Image, Labels }) => `${Labels["gantry.service"]} runs ${Image}, which nobody approved`);
}

async function withProcess(socketPath: string, listed: readonly Listed[]): Promise<Listed[]> {
  const pids = await Promise.all(listed.map(({ Id }) => ask<Inspected>(socketPath, `/containers/${Id}/json`)));
  return listed.filter((_, at) => existsSync(`/proc/${pids[at]?.State.Pid || "none"}`));
}

async function runningOn(socketPath: string): Promise<Listed[] | null> {
  const filters = JSON.stringify({ label: ["gantry.service"], status: ["running"] });
  return await ask<Listed[]>(socketPath, `/containers/json?filters=${encodeURIComponent(filters)}`);
}

function ask<T>(socketPath: string, path: string): Promise<T | null> {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path, agent: false, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(response.statusCode === 200 ? (JSON.parse(body) as T) : null));
      response.on("error", () => resolve(null));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(null));
  });
}
