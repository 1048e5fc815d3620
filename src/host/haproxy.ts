/**
 * HAProxy by its runtime API: the states of two servers of one backend. What is set so is lost when HAProxy restarts; it then
 * finds by its own checks which of the two answers. https://docs.haproxy.org/2.6/management.html#9.3
 */
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProxySpec } from "../core/swap.ts";
import { type Place, ProxyError, type ProxyPort } from "./proxy.ts";

/** A busy host may stand still for seconds; nothing is out of service meanwhile. */
const answerMs = 10_000;
/** From "ready" to the first good check of HAProxy's own. */
const upMs = 15_000;
const lookEveryMs = 5;

export function createHaproxy(spec: ProxySpec): ProxyPort {
  const { backend, servers } = spec;
  const nameAt = (place: Place) => `${backend}/${servers[place]}`;

  async function order(command: string): Promise<void> {
    const answer = (await ask(spec.socket, command)).trim();
    if (answer !== "") throw new ProxyError(`HAProxy answers "${answer.split("\n")[0]}" to ${command}`);
  }

  /** A row of the statistics, by the names of its columns. */
  async function row(place: Place): Promise<ReadonlyMap<string, string>> {
    const [head = "", ...rows] = (await ask(spec.socket, "show stat")).replace(/^# /, "").split("\n");
    const names = head.split(",");
    for (const line of rows) {
      const found = new Map(line.split(",").map((value, at) => [names[at] ?? "", value]));
      if (found.get("pxname") === backend && found.get("svname") === servers[place]) return found;
    }
    throw new ProxyError(`HAProxy has no server ${nameAt(place)}`);
  }

  async function point(place: Place): Promise<void> {
    await order(`set server ${nameAt(place)} state ready`);
    const until = performance.now() + upMs;
    for (;;) {
      const status = (await row(place)).get("status") ?? "";
      // "no check" is up as far as it can know.
      if (/^(UP|no check)/.test(status)) break;
      if (performance.now() > until) throw new ProxyError(`HAProxy says that ${nameAt(place)} is ${status}`);
      await sleep(lookEveryMs);
    }
    await order(`set server ${nameAt(place === 0 ? 1 : 0)} state drain`);
  }

  return {
    close: (place) => order(`set server ${nameAt(place)} state maint`),
    point,
    open: async (place) => Number((await row(place)).get("scur") ?? 0),
  };
}

function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    let answer = "";
    const fail = (why: string) => {
      socket.destroy();
      reject(new ProxyError(`HAProxy at ${path}: ${why}`));
    };
    socket.setTimeout(answerMs, () => fail(`no answer in ${answerMs / 1000} s`));
    socket.setEncoding("utf8");
    socket.on("error", (error: NodeJS.ErrnoException) =>
      fail(error.code === "ENOENT" ? "there is no such socket" : error.message),
    );
    socket.on("data", (part: string) => {
      answer += part;
    });
    socket.on("end", () => resolve(answer));
    socket.on("connect", () => socket.write(`${command}\n`));
  });
}
