/** Several people who work at the same time, on two services in two environments, and do not care that the server dies under their hands. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Person } from "../../../src/rehearsal/slack/people.ts";
import type { ProcessStage } from "./process-stage.ts";
import { services } from "./process-stage.ts";
import { waitingForApproval } from "./store-facts.ts";

export type Load = {
  /** Resolves when nobody does anything any more. */
  stop(): Promise<void>;
};

type Random = { below(limit: number): number; oneOf<T>(from: readonly T[]): T };
type Act = (random: Random) => Promise<unknown>;

export function startLoad(stage: ProcessStage, seed: number): Load {
  const { slack, commits } = stage;
  const [ana, bo, eva, zed] = [slack.as("ana"), slack.as("bo"), slack.as("eva"), slack.as("zed")];
  let stopped = false;
  let next = seed;

  const place = (random: Random) => `${random.oneOf(services)} ${random.oneOf(["staging", "prod", "prod"])}`;
  const newCommit = () => commits[next++ % commits.length]?.slice(0, 9) ?? "";
  const waiting = (random: Random) => random.oneOf(waitingForApproval(stage));

  const asks: Act = (random) => {
    if (random.below(6) > 0) return ana.says(`/deploy ${place(random)} ${newCommit()}`);
    return ana.says(`/promote ${random.oneOf(services)} prod`);
  };
  const decides: Act = (random) => {
    const number = waiting(random);
    if (number === undefined) return bo.says("/gantry status");
    if (random.below(5) === 0) return bo.says(`/gantry reject ${number} "not today"`);
    return random.below(2) === 0 ? bo.says(`/gantry approve ${number}`) : bo.clicks("Approve");
  };
  const goesBack: Act = (random) => {
    if (random.below(2) === 0) return eva.says(`/rollback ${place(random)} --now`);
    return eva.says(`/gantry history ${place(random)}`);
  };
  const watches: Act = (random) => zed.says(random.oneOf(["/gantry status", "/gantry hosts", `/gantry status ${place(random)}`]));

  async function work(person: Person, act: Act, pauseMs: number): Promise<void> {
    const random = randomOf(`${seed} ${person.name}`);
    while (!stopped) {
      // A button that is gone by now, a command that nobody took: people try again.
      await act(random).catch(() => undefined);
      await sleep(pauseMs + random.below(pauseMs));
      // Some of what is typed while nobody listens is enough.
      while (!stopped && slack.connections === 0 && random.below(20) > 0) await sleep(20);
    }
  }

  const all = [work(ana, asks, 100), work(bo, decides, 60), work(eva, goesBack, 200), work(zed, watches, 150)];
  return {
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}

/** Mulberry32. */
function randomOf(text: string): Random {
  let state = [...text].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 16_777_619), 2_166_136_261);
  function below(limit: number): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }
  return { below, oneOf: <T>(from: readonly T[]) => from[below(from.length)] as T };
}
