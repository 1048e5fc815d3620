/** The machine's Docker engine as one agent reaches it: calls take time, fail, hang, or succeed with the answer lost. */

import type { ReasonCode } from "../../../src/core/reasons.ts";
import { fakeCommand } from "../../../src/docker/fake-command.ts";
import {
  type ContainerState,
  type CreateOrder,
  type Engine,
  EngineError,
  isOfSameOrder,
  type Prober,
} from "../../../src/host/engine.ts";
import type { Box, Happening, Machine } from "./machine.ts";
import type { Program } from "./program.ts";
import type { Random } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** What is drawn for every call. */
export type EngineWeather = {
  /** Shares of calls that change something. */
  fails: number;
  losesAnswer: number;
  /** Share of calls that only look, of which most answer at once. */
  slowLooks: number;
  slowestMs: number;
};

export type Pulls = (image: { readonly repository: string; readonly digest: string }) => {
  readonly ms: number;
  readonly program: Program | EngineError;
};

/** As long as the real adapter waits before it says that the engine hangs. */
const patienceMs = 10_000;
const heavyPatienceMs = 30_000;

export function createEngine(facts: {
  readonly machine: Machine;
  readonly life: Life;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: EngineWeather;
  readonly pulls: Pulls;
  /** Called with every call that changes a container, before it does. */
  readonly onTouch: (box: Box, method: string) => void;
}): Engine {
  const { machine, life, scheduler, random, weather } = facts;

  function boxOf(id: string, reason: ReasonCode = "engine_error"): Box {
    const box = machine.boxes.get(id);
    if (box === undefined) throw new EngineError({ reason, message: `No such container: ${id}`, gone: true });
    return box;
  }

  function touched(box: Box, method: string): Box {
    facts.onTouch(box, method);
    return box;
  }

  /** Looks are answered at once, mostly: there are many, and nothing depends on when. */
  function look<T>(work: () => T): Promise<T> {
    const isSlow = random.chance(weather.slowLooks);
    if (machine.engineUp && !isHung() && !isSlow) return Promise.resolve().then(work);
    return call({ work, ms: isSlow ? random.between(1, weather.slowestMs) : 1, patience: patienceMs, faults: false });
  }

  function change<T>(work: () => T, ms = random.between(5, 60)): Promise<T> {
    return call({ work, ms, patience: heavyPatienceMs, faults: true });
  }

  function isHung(): boolean {
    return machine.engineHungUntil > scheduler.now();
  }

  function call<T>({ work, ms, patience, faults }: { work: () => T; ms: number; patience: number; faults: boolean }): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const startsAt = Math.max(scheduler.now() + ms, isHung() ? machine.engineHungUntil + random.between(1, 500) : 0);
    const gaveUpAt = scheduler.now() + patience;
    if (startsAt > gaveUpAt) {
      const stuck = new EngineError({ reason: "engine_stuck", message: `the engine has not answered for ${patience / 1000} s` });
      scheduler.at(gaveUpAt, life, () => reject(stuck));
    }
    // The engine does its work whether or not the agent lives to hear of it.
    scheduler.at(startsAt, machine.power, () => {
      const answer = outcome(work, faults);
      if (startsAt <= gaveUpAt && life.alive) answer.then(resolve, reject);
      else answer.catch(() => {});
    });
    return promise;
  }

  async function outcome<T>(work: () => T, faults: boolean): Promise<T> {
    if (!machine.engineUp) throw new EngineError({ reason: "engine_down", message: "the engine does not answer" });
    if (faults && random.chance(weather.fails))
      throw new EngineError({ reason: "engine_error", message: "the engine answered 500" });
    const result = work();
    if (faults && random.chance(weather.losesAnswer)) {
      throw new EngineError({ reason: "engine_down", message: "the connection to the engine was cut" });
    }
    return result;
  }

  function insert(
    state: Pick<ContainerState, "name" | "labels" | "environment" | "stopSignal" | "stopGraceMs">,
    from: { imageRef: string; port: number },
  ): string {
    if (machine.diskFull) throw new EngineError({ reason: "disk_full", message: "no space left on device" });
    const holder = [...machine.boxes.values()].find((b) => b.state.name === state.name);
    if (holder !== undefined && (holder.state.status !== "created" || !isOfSameOrder(holder.state.labels, state.labels))) {
      throw new EngineError({
        reason: "create_failed",
        message: `The container name "${state.name}" is already in use`,
        conflict: true,
      });
    }
    if (holder !== undefined) machine.remove(touched(holder, "create"), "agent");
    const id = `${machine.name}-c${machine.bootCount}${random.between(100_000, 999_999)}`;
    const { name, labels, environment, stopSignal, stopGraceMs } = state;
    const fresh = { pid: null, startedAt: null, restarts: 0, exitCode: 0, oomKilled: false, error: "", health: null };
    const whole: ContainerState = {
      name,
      labels,
      environment,
      stopSignal,
      stopGraceMs,
      ...fresh,
      id,
      status: "created",
      restartPolicy: "no",
    };
    machine.insert({ state: whole, ...from, by: "agent" });
    return id;
  }

  function create(order: CreateOrder): string {
    if (!machine.images.has(order.imageRef)) {
      throw new EngineError({ reason: "create_failed", message: `No such image: ${order.imageRef}`, gone: true });
    }
    const { stopGraceMs, stopSignal, environment } = order.spec;
    const all = [...order.environment, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
    const state = { name: order.name, labels: order.labels, environment: all, stopGraceMs, stopSignal: stopSignal ?? "SIGTERM" };
    return insert(state, { imageRef: order.imageRef, port: portOf(order) });
  }

  function stop(container: ContainerState): Promise<{ readonly killed: boolean }> {
    const box = machine.boxes.get(container.id);
    if (box === undefined) return change(() => ({ killed: false }));
    const takesMs =
      box.run === null
        ? 1
        : box.program.ignoresTerm
          ? container.stopGraceMs
          : Math.min(box.program.stopMs, container.stopGraceMs);
    const killed = box.run !== null && takesMs >= container.stopGraceMs;
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly killed: boolean }>();
    change(() => {
      touched(box, "stop");
      box.stoppedByHand = true;
      scheduler.after(takesMs, machine.power, () => {
        if (box.stoppedByHand && box.run !== null) machine.end(box, killed ? 137 : 143, "agent");
        else if (box.state.status === "restarting") machine.end(box, 143, "agent");
        if (life.alive) resolve({ killed });
      });
    }).catch(reject);
    return promise;
  }

  function pull({ repository, digest, signal }: { repository: string; digest: string; signal: AbortSignal }): Promise<string> {
    const { ms, program } = facts.pulls({ repository, digest });
    return call({
      ms,
      patience: 15 * 60_000,
      faults: true,
      work() {
        if (signal.aborted) throw new EngineError({ reason: "pull_failed", message: "the pull was stopped" });
        if (machine.diskFull) throw new EngineError({ reason: "disk_full", message: "no space left on device" });
        if (program instanceof EngineError) throw program;
        machine.images.set(`${repository}@${digest}`, program);
        return `${repository}@${digest}`;
      },
    });
  }

  return {
    info: () => look(() => ({ liveRestore: machine.liveRestore, platform: "linux/amd64" })),
    list: (key) =>
      look(() => {
        const all: ContainerState[] = [];
        for (const { state } of machine.boxes.values()) {
          const { "gantry.service": service, "gantry.environment": environment } = state.labels;
          if (service !== undefined && (key === undefined || (service === key.service && environment === key.environment)))
            all.push(state);
        }
        return all;
      }),
    mounts: async () => [],
    inspect: (id) => look(() => machine.boxes.get(id)?.state ?? null),
    findImage: ({ repositories, digest }) =>
      look(() => {
        const exact = repositories.map((r) => `${r}@${digest}`).find((ref) => machine.images.has(ref));
        return exact ?? [...machine.images.keys()].find((ref) => ref.endsWith(`@${digest}`)) ?? null;
      }),
    pull,
    removeImage: (ref) =>
      change(() => ![...machine.boxes.values()].some((box) => box.imageRef === ref) && machine.images.delete(ref)),
    freeBytes: async () => null,
    create: (order) => change(() => create(order)),
    clone: ({ id, name, labels }) =>
      change(() => {
        const box = boxOf(id, "create_failed");
        return insert({ ...box.state, name, labels }, { imageRef: box.imageRef, port: box.port });
      }),
    start: (id) =>
      change(
        () => {
          const box = touched(boxOf(id, "start_failed"), "start");
          const { startError } = box.program;
          if (startError !== null) throw new EngineError({ reason: "start_failed", message: startError });
          if (box.run === null) machine.start(box, "agent");
        },
        random.between(100, 500),
      ),
    setRestartPolicy: (id, policy) =>
      change(() => machine.setPolicy(touched(boxOf(id, "promote_failed"), "policy"), policy, "agent")),
    stop,
    remove: (id) =>
      change(() => {
        const box = machine.boxes.get(id);
        if (box !== undefined) machine.remove(touched(box, "remove"), "agent");
      }),
    exec: ({ id, command, timeoutMs }) => {
      const { ms, result } = fakeCommand(command);
      const work = () => {
        if (boxOf(id, "exited").run === null)
          throw new EngineError({ reason: "exited", message: `Container ${id} is not running`, conflict: true });
        return ms > timeoutMs ? { exitCode: null, output: "" } : result;
      };
      return call({ work, ms: Math.min(ms, timeoutMs), patience: patienceMs, faults: false });
    },
    usage: ({ id }) =>
      look(() => {
        const box = machine.boxes.get(id);
        if (box?.run == null) return null;
        const cpuMs = (scheduler.now() - box.run.since) * (box.program.cores ?? 0.01);
        return { cpuMs, memoryBytes: 50 * 1024 * 1024, memoryLimitBytes: null, network: null };
      }),
    logTail: (id, lines) => look(() => boxOf(id).program.logs.slice(-lines)),
    logs: ({ id, lines, since, onLine }) =>
      look(() => {
        const { program, state } = boxOf(id);
        // It says everything as it starts.
        const at = state.startedAt ?? 0;
        if (since !== null && at <= since) return;
        for (const text of program.logs.slice(-lines)) onLine({ at, text });
      }),
    watch: (listener) => watch({ machine, life, scheduler, random, listener }),
  };
}

/** Ports of the services of the simulation stand in their health check. */
function portOf(order: CreateOrder): number {
  return Number(/:(\d+)\//.exec(order.labels["gantry.health"] ?? "")?.[1] ?? 80);
}

function watch(facts: {
  machine: Machine;
  life: Life;
  scheduler: Scheduler;
  random: Random;
  listener: Parameters<Engine["watch"]>[0];
}): { stop(): void } {
  const { machine, life, scheduler, random, listener } = facts;
  let open = true;
  function onHappening({ box, what }: Happening): void {
    if (what !== "started" && what !== "ended" && what !== "removed") return;
    const { labels, id } = box.state;
    const service = labels["gantry.service"];
    if (service === undefined) return;
    const event = {
      containerId: id,
      service,
      environment: labels["gantry.environment"] ?? "",
      host: labels["gantry.host"] ?? null,
    };
    scheduler.after(random.between(0, 20), life, () => {
      if (open && machine.engineUp) listener.onEvent(event);
    });
  }
  function end(): void {
    if (!open) return;
    stop();
    scheduler.after(1, life, () => listener.onEnd());
  }
  function stop(): void {
    open = false;
    machine.listeners.delete(onHappening);
    machine.engineEnds.delete(end);
  }
  machine.listeners.add(onHappening);
  machine.engineEnds.add(end);
  return { stop };
}

export function createProber(facts: { machine: Machine; life: Life; scheduler: Scheduler; random: Random }): Prober {
  const { machine, life, scheduler, random } = facts;
  return {
    ask(probe) {
      const port = probe.kind === "tcp" ? probe.port : Number(/:(\d+)\//.exec(probe.url)?.[1] ?? 80);
      const box = machine.holder(port);
      const ok = machine.stranger === port || (box !== null && machine.isHealthy(box));
      if (ok) return Promise.resolve({ ok, detail: "answered 200" });
      const detail = box === null ? "nothing listens there" : "answered 503";
      const { promise, resolve } = Promise.withResolvers<{ ok: boolean; detail: string }>();
      scheduler.after(random.between(150, 700), life, () => resolve({ ok, detail }));
      return promise;
    },
    async holder({ port, pid }) {
      if (machine.stranger === port) return { by: "other", detail: `port ${port} is held by nginx (pid 77)` };
      const box = machine.holder(port);
      if (box === null) return { by: "nobody" };
      return box.state.pid === pid ? { by: "container" } : { by: "other", detail: `port ${port} is held by ${box.state.name}` };
    },
  };
}
