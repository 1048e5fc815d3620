/** An agent process on a machine: the real host code over a simulated engine, clock, disk and wire. */
import type { Log } from "../../../src/app/ports.ts";
import type { DesiredPicture } from "../../../src/core/slot.ts";
import { createHost, type Host } from "../../../src/host/host.ts";
import { createOwnEngine } from "../../../src/host/own-engine.ts";
import type { Journal } from "../../../src/host/state.ts";
import { processClock, type TimeOfDay } from "./clocks.ts";
import { createEngine, createProber, type EngineWeather, type Pulls } from "./engine.ts";
import { endWriting, type FileWeather, newFile, openFile, type SimFile } from "./files.ts";
import { createSimLink, type SimLink } from "./link.ts";
import type { Box, Machine } from "./machine.ts";
import type { End, Wire } from "./network.ts";
import type { Random } from "./random.ts";
import { type Life, newLife, type Scheduler } from "./scheduler.ts";

/** The state directory. It belongs to a machine, and may be copied. */
export type StateDir = { readonly orders: SimFile<DesiredPicture>; readonly journal: SimFile<Journal>; serverId: string | null };

export type Agent = {
  readonly host: string;
  readonly life: Life;
  readonly inside: Host;
  readonly link: SimLink;
  readonly machine: Machine;
};

export function newStateDir(): StateDir {
  return { orders: newFile(), journal: newFile(), serverId: null };
}

export function copyStateDir(dir: StateDir): StateDir {
  const file = <T>(one: SimFile<T>): SimFile<T> => ({ durable: one.durable, writing: null });
  return { orders: file(dir.orders), journal: file(dir.journal), serverId: dir.serverId };
}

export function startAgent(facts: {
  readonly host: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly dir: StateDir;
  readonly instance: string;
  readonly scheduler: Scheduler;
  readonly timeOfDay: TimeOfDay;
  readonly random: Random;
  readonly log: Log;
  readonly engineWeather: EngineWeather;
  readonly fileWeather: FileWeather;
  readonly pulls: Pulls;
  readonly onTouch: (box: Box, method: string) => void;
  readonly onOrder: (picture: DesiredPicture, refused: string | null) => void;
  readonly dial: (life: Life, end: End) => Wire | null;
}): Agent {
  const { host, machine, dir, scheduler, random, log } = facts;
  const life = newLife(`${host} agent`);
  const clock = processClock({ scheduler, timeOfDay: facts.timeOfDay, life });
  const disk = { scheduler, life, random, weather: facts.fileWeather, isFull: () => machine.diskFull };
  const engine = createEngine({
    machine,
    life,
    scheduler,
    random,
    weather: facts.engineWeather,
    pulls: facts.pulls,
    onTouch: facts.onTouch,
  });
  let link: SimLink | null = null;
  const inside = createHost({
    engine: createOwnEngine({ engine, host, log }),
    prober: createProber({ machine, life, scheduler, random }),
    clock,
    log,
    state: {
      orders: dir.orders.durable,
      journal: dir.journal.durable ?? {},
      files: { orders: openFile(dir.orders, disk), journal: openFile(dir.journal, disk) },
    },
    serverId: () => dir.serverId,
    envDir: "/nowhere",
    bootId: `${machine.name}-boot-${machine.bootCount}`,
    agentVersion: "sim",
    random: random.next,
    onChange: () => link?.changed(),
  });
  link = createSimLink({
    clock,
    random,
    dial: (end) => facts.dial(life, end),
    introduction: () => {
      const { head, epoch } = inside.observed();
      return {
        host,
        key: host,
        instance: facts.instance,
        agentVersion: "sim",
        labels: facts.labels,
        epoch,
        ...(head && { head }),
      };
    },
    observed: inside.observed,
    onDesired: (picture) => facts.onOrder(picture, inside.obey(picture)),
    onWelcome: (serverId) => {
      dir.serverId = serverId;
    },
    onServer: inside.hearServer,
  });
  return { host, life, inside, link, machine };
}

/** SIGKILL, or the power: whatever the process was about to do it never does. */
export function endAgent(agent: Agent, dir: StateDir, facts: { readonly random: Random; readonly powerCut: boolean }): void {
  if (!agent.life.alive) return;
  agent.life.alive = false;
  endWriting(dir.orders, facts);
  endWriting(dir.journal, facts);
  agent.link.wire()?.processEnded("agent", { silently: facts.powerCut });
}
