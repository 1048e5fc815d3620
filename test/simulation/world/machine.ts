/**
 * A host as it really is: its Docker engine, what runs in it, who holds which port, its disk. Agents come and go on it. What
 * reboots and restart policies do is as measured on Docker 20.10 (a policy `unless-stopped` comes back after a power cut unless it
 * was stopped by hand; `always` comes back in any case; `no` never does).
 */
import type { ContainerState } from "../../../src/host/engine.ts";
import { type Program, programOn } from "./program.ts";
import type { Random } from "./random.ts";
import { type Life, newLife, type Scheduler } from "./scheduler.ts";

export type Run = { readonly since: number; readonly hasPort: boolean; cancelExit: () => void };

export type Box = {
  state: ContainerState;
  readonly imageRef: string;
  readonly program: Program;
  readonly port: number;
  run: Run | null;
  stoppedByHand: boolean;
  /** Ends in a row shortly after a start: Docker waits longer each time. */
  quickEnds: number;
};

/** What happened to a container, for oracles and for the engine's own event stream. */
export type Happening = {
  readonly what: "created" | "started" | "ending" | "ended" | "removed" | "policy";
  readonly box: Box;
  readonly by: string;
};

export type Machine = {
  readonly name: string;
  readonly boxes: Map<string, Box>;
  readonly images: Map<string, Program>;
  /** The power: everything on the machine ends with it. */
  power: Life;
  engineUp: boolean;
  /** The engine takes calls and answers none until then. */
  engineHungUntil: number;
  liveRestore: boolean;
  bootCount: number;
  /** When something happened to a container here last. */
  changedAt: number;
  /** A process of somebody else on a port. */
  stranger: number | null;
  diskFull: boolean;
  readonly listeners: Set<(happening: Happening) => void>;
  readonly engineEnds: Set<() => void>;
  insert(facts: { readonly state: ContainerState; readonly imageRef: string; readonly port: number; readonly by: string }): Box;
  start(box: Box, by: string): void;
  /** Its process ends. */
  end(box: Box, exitCode: number, by: string): void;
  remove(box: Box, by: string): void;
  setPolicy(box: Box, policy: string, by: string): void;
  /** Who answers on the port, if anybody. */
  holder(port: number): Box | null;
  isHealthy(box: Box): boolean;
  /** Until when its present run answers well: now, or the moment at which it became sick; null when it never has. */
  wellUntil(box: Box): number | null;
  setEngine(up: boolean): void;
  /** Everything stops at once, agents too; nothing comes back before `powerOn`. */
  powerOff(): void;
  powerOn(): void;
  /** Begins as an image of another machine: its containers and pictures are there, and what its policies say comes up. */
  copyFrom(other: Machine): void;
};

const restartPauseMs = 100;
const quickEndMs = 10_000;

export function createMachine(facts: {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly onHappening: (machine: Machine, happening: Happening) => void;
  readonly wallNow: () => number;
}): Machine {
  const { scheduler, random } = facts;
  let pids = 1_000;

  function tell(what: Happening["what"], box: Box, by: string): void {
    const happening = { what, box, by };
    machine.changedAt = scheduler.now();
    facts.onHappening(machine, happening);
    for (const listener of [...machine.listeners]) listener(happening);
  }

  function holder(port: number): Box | null {
    for (const box of machine.boxes.values()) if (box.run?.hasPort && box.port === port) return box;
    return null;
  }

  function start(box: Box, by: string, isRestart = false): void {
    const { program } = box;
    pids += 1;
    const now = scheduler.now();
    // A second start is told from the first by its time, as in Docker, which counts nanoseconds.
    const startedAt = Math.max(facts.wallNow(), (box.state.startedAt ?? 0) + 1);
    const hasPort = machine.stranger !== box.port && holder(box.port) === null;
    const restarts = isRestart ? box.state.restarts + 1 : 0;
    box.state = { ...box.state, status: "running", pid: pids, startedAt, restarts, exitCode: null, error: "" };
    const exitAfterMs = hasPort ? program.exitAfterMs : 1;
    box.run = { since: now, hasPort, cancelExit: () => {} };
    if (exitAfterMs !== null)
      box.run.cancelExit = scheduler.after(exitAfterMs, machine.power, () => end(box, program.exitCode, "itself"));
    box.stoppedByHand = false;
    tell("started", box, by);
  }

  function end(box: Box, exitCode: number, by: string): void {
    if (box.run === null && box.state.status !== "restarting") return;
    tell("ending", box, by);
    const lastedMs = scheduler.now() - (box.run?.since ?? 0);
    box.quickEnds = lastedMs < quickEndMs ? box.quickEnds + 1 : 0;
    box.run?.cancelExit();
    box.run = null;
    const { restartPolicy } = box.state;
    const comesBack = restartPolicy !== "no" && !box.stoppedByHand && machine.engineUp && by !== "power";
    box.state = { ...box.state, status: comesBack ? "restarting" : "ended", pid: null, exitCode };
    if (comesBack) {
      const pauseMs = Math.min(60_000, restartPauseMs * 2 ** Math.min(box.quickEnds, 10));
      scheduler.after(pauseMs, machine.power, () => {
        if (
          box.state.status === "restarting" &&
          !box.stoppedByHand &&
          machine.boxes.get(box.state.id) === box &&
          machine.engineUp
        )
          start(box, "docker", true);
      });
    }
    tell("ended", box, by);
  }

  function comesUpAtBoot(box: Box): boolean {
    if (box.run !== null) return false;
    if (box.state.restartPolicy === "always") return box.state.startedAt !== null;
    return box.state.restartPolicy === "unless-stopped" && box.state.startedAt !== null && !box.stoppedByHand;
  }

  function setEngine(up: boolean): void {
    machine.engineUp = up;
    if (!up) {
      for (const ends of [...machine.engineEnds]) ends();
      if (!machine.liveRestore) for (const box of machine.boxes.values()) if (box.run !== null) end(box, 137, "engine");
      return;
    }
    for (const box of machine.boxes.values()) {
      if (box.state.status === "restarting") box.state = { ...box.state, status: "ended" };
      if (comesUpAtBoot(box)) start(box, "docker");
    }
  }

  const machine: Machine = {
    name: facts.name,
    boxes: new Map(),
    images: new Map(),
    power: newLife(`${facts.name} power`),
    engineUp: true,
    engineHungUntil: 0,
    liveRestore: random.chance(0.8),
    bootCount: 1,
    changedAt: 0,
    stranger: null,
    diskFull: false,
    listeners: new Set(),
    engineEnds: new Set(),
    insert({ state, imageRef, port, by }) {
      const luck = random.next();
      const program = machine.images.get(imageRef);
      if (program === undefined) throw new Error(`no image ${imageRef}`);
      const box: Box = {
        state,
        imageRef,
        program: programOn(program, luck),
        port,
        run: null,
        stoppedByHand: false,
        quickEnds: 0,
      };
      machine.boxes.set(state.id, box);
      tell("created", box, by);
      return box;
    },
    start: (box, by) => start(box, by),
    end,
    remove(box, by) {
      if (box.run !== null) tell("ending", box, by);
      box.run?.cancelExit();
      box.run = null;
      machine.boxes.delete(box.state.id);
      tell("removed", box, by);
    },
    setPolicy(box, restartPolicy, by) {
      box.state = { ...box.state, restartPolicy };
      tell("policy", box, by);
    },
    holder,
    isHealthy({ run, program }) {
      if (run === null || !run.hasPort || program.healthyAfterMs === null) return false;
      const upMs = scheduler.now() - run.since;
      return upMs >= program.healthyAfterMs && (program.sickAfterMs === null || upMs < program.sickAfterMs);
    },
    wellUntil({ run, program }) {
      if (run === null || !run.hasPort || program.healthyAfterMs === null) return null;
      const upMs = scheduler.now() - run.since;
      if (upMs < program.healthyAfterMs) return null;
      return run.since + Math.min(upMs, program.sickAfterMs ?? upMs);
    },
    setEngine,
    powerOff() {
      machine.power.alive = false;
      machine.engineUp = false;
      for (const box of machine.boxes.values()) end(box, 137, "power");
      for (const ends of [...machine.engineEnds]) ends();
      machine.listeners.clear();
      machine.engineEnds.clear();
    },
    copyFrom(other) {
      for (const [ref, program] of other.images) machine.images.set(ref, program);
      for (const box of other.boxes.values()) {
        const isOver = box.state.status === "running" || box.state.status === "restarting";
        const state: ContainerState = isOver ? { ...box.state, status: "ended", pid: null, exitCode: 137 } : box.state;
        machine.boxes.set(state.id, { ...box, state, run: null });
      }
      setEngine(true);
    },
    powerOn() {
      machine.power = newLife(`${facts.name} power`);
      machine.bootCount += 1;
      machine.engineHungUntil = 0;
      setEngine(true);
    },
  };
  return machine;
}
