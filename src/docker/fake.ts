/**
 * A container engine in memory, with the host around it: images, restart policies, one network in which a port has one
 * owner, registries that can be down, and faults on demand. Passes the same contract as the real one.
 */
import type { Clock } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { SlotKey } from "../core/slot.ts";
import type { ContainerUsage } from "../core/usage.ts";
import {
  type Answer,
  type ContainerState,
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineLine,
  type ExecResult,
  isOfSameOrder,
  type NetworkProbe,
  type Prober,
} from "../host/engine.ts";
import { fakeCommand } from "./fake-command.ts";
import { createFakeOutputs } from "./fake-output.ts";
import { createFakeRegistries, type FakeRegistries } from "./fake-registries.ts";

/** How the program in an image behaves. */
export type FakeProgram = {
  readonly port?: number;
  /** From start to the first good answer; never, when null. */
  readonly healthyAfterMs?: number | null;
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  readonly ignoresTerm?: boolean;
  readonly startError?: string;
  readonly logs?: readonly string[];
  /** Cores that it keeps busy, and memory that it holds. */
  readonly cores?: number;
  readonly memoryBytes?: number;
};

type Running = { readonly since: number; readonly hasPort: boolean; readonly cancelExit: () => void };

type Box = {
  state: ContainerState;
  readonly program: FakeProgram;
  /** Host paths. */
  readonly mounts: readonly string[];
  running: Running | null;
  stoppedByHand: boolean;
};

export type FakeEngine = Engine & {
  readonly prober: Prober;
  readonly registries: FakeRegistries;
  /** Every call that changes something, as `start gantry-api.prod-g2`. */
  readonly calls: string[];
  /** A line more of a container's output. */
  print(id: string, line: string): void;
  /** How many ask for the output of containers now. */
  followers(): number;
  /** The next call of this method fails so; with `after` it does its work first, and only its answer is lost. */
  failNext(method: keyof Engine, error: EngineError, when?: "before" | "after"): void;
  /** Every call fails with engine_down until it is up again; containers go on. */
  setDown(down: boolean): void;
  setLiveRestore(on: boolean): void;
  /** Free space where images are kept; null, as at first: not known. */
  setFreeBytes(bytes: number | null): void;
  /** Everything stops, and what the restart policies say comes up again. */
  powerCut(): void;
  /** The process in a container ends by itself. */
  crash(id: string, exitCode: number): void;
  /** Another process of the host takes a port and answers well on it; null gives it back. */
  setStranger(port: number | null): void;
  /** Containers that run at this moment, newest first. */
  running(): readonly ContainerState[];
};

export function createFakeEngine(facts: { clock: Clock }): FakeEngine {
  const { clock } = facts;
  const registries = createFakeRegistries();
  const boxes = new Map<string, Box>();
  const images = new Map<string, FakeProgram>();
  const faults = new Map<keyof Engine, { error: EngineError; when: "before" | "after" }[]>();
  const listeners = new Set<{ onEvent(event: EngineEvent): void; onEnd(): void }>();
  const calls: string[] = [];
  const outputs = createFakeOutputs();
  let isDown = false;
  let liveRestore = true;
  let freeBytes: number | null = null;
  let stranger: number | null = null;
  let counter = 0;

  async function call<T>(method: keyof Engine, work: () => T | Promise<T>, words = ""): Promise<T> {
    // Like a real call, it answers later than it was made.
    await Promise.resolve();
    if (isDown) throw new EngineError({ reason: "engine_down", message: "the engine does not answer" });
    const fault = faults.get(method)?.shift();
    if (fault?.when === "before") throw fault.error;
    if (words !== "") calls.push(words);
    const result = await work();
    if (fault !== undefined) throw fault.error;
    return result;
  }

  function boxOf(id: string, reason: ReasonCode = "engine_error"): Box {
    const found = boxes.get(id);
    if (found === undefined) throw new EngineError({ reason, message: `No such container: ${id}`, gone: true });
    return found;
  }

  /** What its program prints at its start, and what it was made to print since. */
  function outputOf({ state, program }: Box): readonly EngineLine[] {
    const first = (program.logs ?? []).map((text) => ({ at: state.startedAt, text }));
    return [...first, ...outputs.of(state.id)];
  }

  function nameOf(id: string): string {
    return boxes.get(id)?.state.name ?? id;
  }

  function tell(box: Box): void {
    const { labels, id } = box.state;
    const [service = "", environment = ""] = [labels["gantry.service"], labels["gantry.environment"]];
    const event = { containerId: id, service, environment, host: labels["gantry.host"] ?? null };
    queueMicrotask(() => {
      if (!isDown) for (const listener of listeners) listener.onEvent(event);
    });
  }

  function insert(
    state: Pick<ContainerState, "name" | "labels" | "environment" | "stopSignal" | "stopGraceMs">,
    made: Pick<Box, "program" | "mounts">,
  ): string {
    const holder = [...boxes.values()].find((b) => b.state.name === state.name);
    if (holder !== undefined && (holder.state.status !== "created" || !isOfSameOrder(holder.state.labels, state.labels))) {
      throw new EngineError({
        reason: "create_failed",
        message: `The container name "${state.name}" is already in use`,
        conflict: true,
      });
    }
    if (holder !== undefined) boxes.delete(holder.state.id);
    counter += 1;
    const id = `c${String(counter).padStart(11, "0")}`;
    const fresh = { pid: null, startedAt: null, restarts: 0, exitCode: 0, oomKilled: false, error: "", health: null };
    const whole: ContainerState = { ...state, ...fresh, id, status: "created", restartPolicy: "no" };
    boxes.set(id, { ...made, state: whole, running: null, stoppedByHand: false });
    return id;
  }

  function cloneOf(box: Box, facts: Pick<ContainerState, "name" | "labels">): string {
    return insert({ ...box.state, ...facts }, box);
  }

  function run(box: Box, isRestart: boolean): void {
    const { program } = box;
    if (program.startError !== undefined) {
      throw new EngineError({ reason: "start_failed", message: program.startError });
    }
    counter += 1;
    // A second start is told from the first by its time, as in Docker, which counts nanoseconds.
    const since = Math.max(clock.now(), (box.state.startedAt ?? 0) + 1);
    const portFree =
      stranger !== portOf(program) &&
      ![...boxes.values()].some((b) => b.running?.hasPort && portOf(b.program) === portOf(program));
    const restarts = isRestart ? box.state.restarts + 1 : 0;
    box.state = { ...box.state, status: "running", pid: 1_000 + counter, startedAt: since, restarts, exitCode: null };
    const exitAfterMs = portFree ? program.exitAfterMs : 1;
    const cancelExit =
      exitAfterMs === undefined ? () => undefined : clock.wakeAt(since + exitAfterMs, () => ended(box, program.exitCode ?? 1));
    box.running = { since, hasPort: portFree, cancelExit };
    box.stoppedByHand = false;
    tell(box);
  }

  function ended(box: Box, exitCode: number): void {
    box.running?.cancelExit();
    box.running = null;
    outputs.ended(box.state.id);
    box.state = { ...box.state, status: "ended", pid: null, exitCode };
    tell(box);
    if (box.state.restartPolicy !== "unless-stopped" || box.stoppedByHand) return;
    box.state = { ...box.state, status: "restarting" };
    clock.wakeAt(clock.now() + 5, () => {
      if (box.state.status === "restarting" && boxes.get(box.state.id) === box) run(box, true);
    });
  }

  function stop({ id, stopGraceMs }: ContainerState): Promise<{ killed: boolean }> {
    const box = boxes.get(id);
    if (box === undefined) return Promise.resolve({ killed: false });
    box.stoppedByHand = true;
    if (!box.program.ignoresTerm || box.running === null) {
      if (box.running !== null || box.state.status === "restarting") ended(box, 143);
      return Promise.resolve({ killed: false });
    }
    return new Promise((resolve) => {
      clock.wakeAt(clock.now() + stopGraceMs, () => {
        ended(box, 137);
        resolve({ killed: true });
      });
    });
  }

  async function exec({ id, command, timeoutMs }: Parameters<Engine["exec"]>[0]): Promise<ExecResult> {
    const box = boxOf(id, "exited");
    if (box.running === null)
      throw new EngineError({ reason: "exited", message: `Container ${id} is not running`, conflict: true });
    const { ms, result } = fakeCommand(command);
    await new Promise<void>((resolve) => clock.wakeAt(clock.now() + Math.min(ms, timeoutMs), resolve));
    return ms > timeoutMs ? { exitCode: null, output: "" } : result;
  }

  function usage(box: Box | undefined): ContainerUsage | null {
    if (box?.running == null) return null;
    const { cores = 0.01, memoryBytes = 50 * 1024 * 1024 } = box.program;
    return { cpuMs: (clock.now() - box.running.since) * cores, memoryBytes, memoryLimitBytes: null, network: null };
  }

  async function pull(image: { repository: string; digest: string; signal: AbortSignal }): Promise<string> {
    const program = await registries.fetch(image);
    const ref = `${image.repository}@${image.digest}`;
    images.set(ref, program);
    return ref;
  }

  function removeImage(ref: string): boolean {
    const isUsed = [...boxes.values()].some((box) => box.program === images.get(ref));
    return !isUsed && images.delete(ref);
  }

  function findImage(image: { repositories: readonly string[]; digest: string }): string | null {
    const exact = image.repositories.map((r) => `${r}@${image.digest}`).find((ref) => images.has(ref));
    return exact ?? [...images.keys()].find((ref) => ref.endsWith(`@${image.digest}`)) ?? null;
  }

  const fake: FakeEngine = {
    registries,
    calls,
    prober: createFakeProber({ clock, boxes, stranger: () => stranger }),
    info: () => call("info", () => ({ liveRestore, platform: "linux/amd64" })),
    list: (key?: SlotKey) => call("list", () => [...boxes.values()].map((b) => b.state).filter((s) => isOf(s, key))),
    mounts: () => call("mounts", () => [...boxes.values()].flatMap((b) => b.mounts)),
    inspect: (id) => call("inspect", () => boxes.get(id)?.state ?? null),
    findImage: (image) => call("findImage", () => findImage(image)),
    pull: (image) => call("pull", () => pull(image), `pull ${image.repository}`),
    removeImage: (ref) => call("removeImage", () => removeImage(ref), `remove ${ref}`),
    freeBytes: async () => freeBytes,
    create: (order) =>
      call(
        "create",
        () => {
          const program = images.get(order.imageRef);
          if (program === undefined)
            throw new EngineError({ reason: "create_failed", message: `No such image: ${order.imageRef}`, gone: true });
          const { stopGraceMs, stopSignal, environment } = order.spec;
          const set = [...order.environment, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
          const mounts = [...order.spec.volumes.map((v) => v.source), ...(order.gate === undefined ? [] : [order.gate])];
          return insert(
            { name: order.name, labels: order.labels, environment: set, stopGraceMs, stopSignal: stopSignal ?? "SIGTERM" },
            { program, mounts },
          );
        },
        `create ${order.name}`,
      ),
    clone: ({ id, name, labels }) => call("clone", () => cloneOf(boxOf(id, "create_failed"), { name, labels }), `clone ${name}`),
    start: (id) =>
      call(
        "start",
        () => {
          const box = boxOf(id, "start_failed");
          if (box.running === null) run(box, false);
        },
        `start ${nameOf(id)}`,
      ),
    setRestartPolicy: (id, restartPolicy) =>
      call(
        "setRestartPolicy",
        () => {
          const box = boxOf(id, "promote_failed");
          box.state = { ...box.state, restartPolicy };
        },
        `policy ${restartPolicy} ${nameOf(id)}`,
      ),
    stop: (container) => call("stop", () => stop(container), `stop ${nameOf(container.id)}`),
    remove: (id) =>
      call(
        "remove",
        () => {
          const box = boxes.get(id);
          box?.running?.cancelExit();
          boxes.delete(id);
          outputs.ended(id);
          if (box !== undefined) tell(box);
        },
        `remove ${nameOf(id)}`,
      ),
    exec: (order) => call("exec", () => exec(order)),
    usage: ({ id }) => call("usage", () => usage(boxes.get(id))),
    logTail: (id, lines) =>
      call("logTail", () =>
        outputOf(boxOf(id))
          .slice(-lines)
          .map((line) => line.text),
      ),
    logs: (order) =>
      call("logs", () =>
        outputs.show(
          order,
          () => outputOf(boxOf(order.id)),
          () => boxes.get(order.id)?.running != null,
        ),
      ),
    print(id, line) {
      outputs.print(id, { at: clock.now(), text: line });
    },
    followers: outputs.followers,
    watch(listener) {
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    failNext(method, error, when = "before") {
      faults.set(method, [...(faults.get(method) ?? []), { error, when }]);
    },
    setDown(down) {
      isDown = down;
      if (!down) return;
      for (const listener of [...listeners]) {
        listeners.delete(listener);
        listener.onEnd();
      }
    },
    setFreeBytes(bytes) {
      freeBytes = bytes;
    },
    setLiveRestore(on) {
      liveRestore = on;
    },
    powerCut() {
      for (const box of boxes.values()) {
        box.running?.cancelExit();
        box.running = null;
        if (box.state.status === "running" || box.state.status === "restarting") {
          box.state = { ...box.state, status: "ended", pid: null, exitCode: 137 };
        }
      }
      for (const box of boxes.values()) {
        if (box.state.status === "ended" && box.state.restartPolicy === "unless-stopped" && !box.stoppedByHand) run(box, false);
      }
    },
    crash: (id, exitCode) => ended(boxOf(id), exitCode),
    setStranger(port) {
      stranger = port;
    },
    running: () => [...boxes.values()].filter((b) => b.running !== null).map((b) => b.state),
  };
  return fake;
}

function isOf(state: ContainerState, key: SlotKey | undefined): boolean {
  if (key === undefined) return state.labels["gantry.service"] !== undefined;
  return state.labels["gantry.service"] === key.service && state.labels["gantry.environment"] === key.environment;
}

function portOf(program: FakeProgram): number {
  return program.port ?? 8080;
}

function createFakeProber(facts: { clock: Clock; boxes: ReadonlyMap<string, Box>; stranger: () => number | null }): Prober {
  const { clock, boxes, stranger } = facts;
  const holderOf = (port: number) => [...boxes.values()].find((b) => b.running?.hasPort && portOf(b.program) === port);

  function answer(probe: NetworkProbe): Answer {
    const port = probe.kind === "tcp" ? probe.port : Number(new URL(probe.url).port || 80);
    if (stranger() === port) return { ok: true, detail: "a stranger answered" };
    const box = holderOf(port);
    if (box === undefined) return { ok: false, detail: "nothing listens there" };
    const after = box.program.healthyAfterMs === undefined ? 0 : box.program.healthyAfterMs;
    const isHealthy = after !== null && box.running !== null && clock.now() - box.running.since >= after;
    return { ok: isHealthy, detail: `answered ${isHealthy ? 200 : 503}` };
  }

  return {
    ask: async (probe) => answer(probe),
    holder: async ({ port, pid }) => {
      if (stranger() === port) return { by: "other", detail: `port ${port} is held by nginx (pid 77)` };
      const box = holderOf(port);
      if (box === undefined) return { by: "nobody" };
      if (box.state.pid === pid) return { by: "container" };
      return { by: "other", detail: `port ${port} is held by ${box.state.name}` };
    },
  };
}
