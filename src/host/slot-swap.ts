/** How containers change places: gates, held connections, and the proxy in front of two ports. The order of it all is core's. */
import type { Log } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { Health, HealthProbe } from "../core/release.ts";
import type { DesiredRelease } from "../core/slot.ts";
import type { Step } from "../core/slot-step.ts";
import type { SwapSpec } from "../core/swap.ts";
import { drained } from "./connections.ts";
import { type ContainerState, EngineError, gateTarget } from "./engine.ts";
import { type Gates, gateBroken } from "./gate/gates.ts";
import { isEngineFault } from "./images.ts";
import { marksOf, swapOf, type WantedContainer } from "./labels.ts";
import { pause } from "./prove.ts";
import type { Place, ProxyPort } from "./proxy.ts";
import { type Bench, note, noteId } from "./slot-bench.ts";
import { about, noteFailure, noteFault } from "./slot-faults.ts";
import { changeState, stateById, touch } from "./slot-memory.ts";

/** Until the old container has answered what it had when new connections began to be held. */
const holdDrainMs = 100;
const listenLookMs = 2;
/** While two share a port any answer may be the other one's: so many in a row, and the new one is among them. */
const answersOfTwo = 8;

type Wanted = { readonly release: DesiredRelease; readonly member: WantedContainer };
type ProxySwap = Extract<SwapSpec, { kind: "proxy" }>;

// ------------------------------------------------------------ gates

/** The gate that the new container waits at; null where there is none to wait for, or no gate to be had. */
export async function gateFor(
  bench: Bench,
  { release, member, name, replaces }: Wanted & { readonly name: string; readonly replaces: string | null },
): Promise<{ readonly name: string; readonly folder: string } | null> {
  const { gates } = bench.swaps;
  const kind = swapOf(release, member)?.kind ?? "hold";
  // A HEALTHCHECK of Docker's begins with the container: behind a gate it would fail.
  const asksEngine = member.health.probe.kind === "container" && member.health.probe.command === undefined;
  // The engine gives the ports that it publishes to one container, and that is the old one's until it has ended.
  const waitsForPorts = (member.container.ports ?? []).length > 0;
  const mayWait = kind === "hold" && !asksEngine && !waitsForPorts && member.condition !== "completed";
  if (gates === null || replaces === null || !mayWait || bench.memory.plainAfter !== null) return null;
  try {
    const folder = await gates.make(name);
    return folder === null ? null : { name, folder };
  } catch (thrown) {
    condemn(bench, (thrown as Error).message);
    return null;
  }
}

/**
 * The engine cannot see the gate's folder, or not run it: from now on without. False when the fault is another one: what is wrong
 * with the service itself is the swap's failure. `folder`: of the gate, where the engine may name that.
 */
export function isGatesFault(bench: Bench, thrown: unknown, folder = gateTarget): boolean {
  if (!isOwnFault(thrown) || bench.swaps.gates === null) return false;
  if (![gateTarget, folder].some((path) => thrown.message.includes(path))) return false;
  condemn(bench, thrown.message);
  return true;
}

/**
 * An engine that refuses a container may mean its gate without a word of it, as its plugins do. So it is asked once more, for the
 * container without a gate: nothing is touched yet.
 */
export function triesPlain({ memory }: Bench, thrown: unknown): boolean {
  if (!isOwnFault(thrown) || thrown.reason !== "create_failed") return false;
  memory.plainAfter = thrown.message;
  return true;
}

/** It was the gate: without one the engine did it. */
export function madePlain(bench: Bench): void {
  const { plainAfter } = bench.memory;
  if (plainAfter === null) return;
  bench.memory.plainAfter = null;
  condemn(bench, plainAfter);
}

function isOwnFault(thrown: unknown): thrown is EngineError {
  const isFault = thrown instanceof EngineError && !isEngineFault(thrown);
  return isFault && !thrown.gone && !thrown.conflict && thrown.reason !== "refused_by_host";
}

function condemn({ swaps, log, memory }: Bench, detail: string): void {
  swaps.gates?.condemn();
  log.warn({ ...memory.key, detail }, "no gates on this host: swaps in the plain order");
}

export function lookAtGates({ swaps, memory }: Bench): void {
  for (const { labels } of memory.states) {
    const gate = marksOf(labels)?.gate ?? null;
    if (gate !== null && swaps.gates?.isOpen(gate) !== false) memory.openGates.add(gate);
  }
}

/** The candidate runs beside the old one: at its gate, or on another port. */
export async function startBeside(bench: Bench, id: string): Promise<void> {
  const { memory, engine, limit, clock } = bench;
  const marks = marksOf(stateById(memory, id)?.labels ?? {});
  const isGated = marks !== null && marks.gate !== null;
  if (!isGated) touch(memory);
  memory.breaksAtStart = bench.engineBreaks();
  try {
    if (marks?.swap?.kind === "proxy" && !(await proxyOrder(bench, id, (proxy) => proxy.close(marks.place)))) return;
    await limit(() => engine.start(id));
    changeState(memory, id, { status: "running", startedAt: clock.now() });
    noteId(bench, "startedNew", id);
    if (!isGated) return;
    const state = await engine.inspect(id);
    if (state !== null) changeState(memory, id, state);
    if (state?.status !== "ended" || state.exitCode !== gateBroken) return;
    throw new EngineError({ reason: "start_failed", message: `${gateTarget}: it ended with exit code ${gateBroken}` });
  } catch (thrown) {
    if (isEngineFault(thrown)) throw thrown;
    if (!isGated || !isGatesFault(bench, thrown)) return await noteFault(bench, thrown, about(memory, id));
    await engine.remove(id);
    await forget(bench, id);
  }
}

/**
 * The folder of a gate that lets through is made again where it is gone, with a moved or lost state directory: without it the
 * engine never starts the container again. True when that was done.
 */
export async function mendGate(facts: { gates: Gates | null; log: Log }, state: ContainerState): Promise<boolean> {
  const { gates, log } = facts;
  const gate = marksOf(state.labels)?.gate ?? null;
  if (gate === null || gates === null || state.restartPolicy !== "unless-stopped") return false;
  const { name: container } = state;
  try {
    if (!(await gates.mend(gate))) return false;
    log.warn({ container }, "its gate was gone, with which it could not have started again: made it anew");
    return true;
  } catch (thrown) {
    log.error({ container, detail: (thrown as Error).message }, "its gate is gone, and cannot be made anew");
    return false;
  }
}

export async function openGate(bench: Bench, id: string): Promise<void> {
  const { memory, swaps } = bench;
  const gate = marksOf(stateById(memory, id)?.labels ?? {})?.gate ?? null;
  touch(memory);
  try {
    const opened = gate === null ? undefined : await swaps.gates?.open(gate);
    memory.passage = opened?.durable ?? Promise.resolve();
    memory.passage.catch(() => undefined);
  } catch (thrown) {
    const detail = `its gate cannot be opened: ${(thrown as Error).message}`;
    return await noteFailure(bench, { reason: "start_failed", detail }, about(memory, id));
  }
  if (gate !== null) memory.openGates.add(gate);
  noteId(bench, "opened", id);
}

/** What the gate says of a command that it cannot become, the engine says of one that it cannot start. */
export async function behindGate<T extends { readonly reason: ReasonCode; readonly detail: string }>(
  { memory, engine, swaps }: Bench,
  id: string,
  failure: T,
): Promise<Pick<T, "detail"> & { readonly reason: ReasonCode }> {
  const isGated = marksOf(stateById(memory, id)?.labels ?? {})?.gate != null;
  if (!isGated || failure.reason !== "exited") return failure;
  const [last] = await engine.logTail(id, 1).catch(() => []);
  const why = /^gantry gate: (.*)$/.exec(last ?? "")?.[1];
  if (why === undefined) return failure;
  if (why.startsWith(gateTarget)) swaps.gates?.condemn();
  return { reason: "start_failed", detail: why };
}

/** A container that was removed; its gate and its secrets go when none has them mounted any more. */
export async function forget({ memory, swaps, secrets }: Bench, id: string): Promise<void> {
  const gateOf = (state: ContainerState | null) => (state === null ? null : (marksOf(state.labels)?.gate ?? null));
  const folderOf = (state: ContainerState | null) => (state === null ? null : (marksOf(state.labels)?.secrets?.folder ?? null));
  const gone = stateById(memory, id);
  const gate = gateOf(gone);
  const folder = folderOf(gone);
  memory.states = memory.states.filter((s) => s.id !== id);
  if (folder !== null && !memory.states.some((s) => folderOf(s) === folder)) await secrets?.files.remove(folder);
  if (gate !== null && !memory.states.some((s) => gateOf(s) === gate)) await swaps.gates?.remove(gate);
}

// ------------------------------------------------------------ hold

/** Before the old container is told to stop: new connections wait, and those that it has are answered. */
export async function holdFor(bench: Bench, old: ContainerState): Promise<void> {
  const { memory, swaps, log, clock } = bench;
  const swap = memory.goal?.release?.spec.swap;
  const { holder } = swaps;
  if (swap?.kind !== "hold" || marksOf(old.labels)?.member !== null || memory.held !== null) return;
  const why = holder === null ? "this agent holds no connections" : await holder.proved();
  if (holder === null || why !== null)
    return log.warn({ ...memory.key, detail: why }, "connections are not held during the swap");
  const { port, mostMs } = swap;
  try {
    memory.held = await holder.hold({ port, mostMs });
    const { pid } = old;
    if (pid !== null) await drained({ count: () => swaps.openConnections({ port, pid }), clock, mostMs: holdDrainMs });
  } catch (thrown) {
    log.warn({ ...memory.key, detail: (thrown as Error).message }, "connections are not held during the swap");
  }
}

/** Does the work, and lets connections go as soon as the container listens; at the end in any case. */
export async function whileHeld<T>(bench: Bench, id: string, work: () => Promise<T>): Promise<T> {
  if (bench.memory.held === null) return await work();
  let isOver = false;
  const letting = letGoWhenListening(bench, id, () => isOver);
  try {
    return await work();
  } finally {
    isOver = true;
    await letting;
    await letGo(bench);
  }
}

async function letGoWhenListening(bench: Bench, id: string, isOver: () => boolean): Promise<void> {
  const { memory, clock, engine, prober } = bench;
  const swap = memory.goal?.release?.spec.swap;
  const pid = (await engine.inspect(id).catch(() => null))?.pid ?? null;
  if (swap?.kind !== "hold" || pid === null) return;
  while (!isOver()) {
    if ((await prober.holder({ port: swap.port, pid })).by === "container") return await letGo(bench);
    await pause(clock, listenLookMs);
  }
}

export async function letGo({ memory, log }: Bench): Promise<void> {
  const { held } = memory;
  memory.held = null;
  await held
    ?.release()
    .catch((thrown) => log.warn({ ...memory.key, detail: String(thrown) }, "held connections were not let go"));
}

// ------------------------------------------------------------ start-first

/** The container as it is to be created: behind a proxy on the port that the one that serves has not. */
export function inPlace(bench: Bench, { release, member }: Wanted): { readonly member: WantedContainer; readonly place: Place } {
  const swap = swapOf(release, member);
  if (swap?.kind !== "proxy") return { member, place: 0 };
  const taken = bench.memory.states.filter((s) => s.status !== "created" && s.status !== "ended").map((s) => marksOf(s.labels));
  const place: Place = taken.some((m) => m?.swap?.kind === "proxy" && m.member === null && m.place === 0) ? 1 : 0;
  const port = swap.ports[place];
  const environment = { ...member.container.environment, [swap.variable]: String(port) };
  const health = { ...member.health, probe: atPort(member.health.probe, port) };
  return { member: { ...member, container: { ...member.container, environment }, health }, place };
}

function atPort(probe: HealthProbe, port: number): HealthProbe {
  switch (probe.kind) {
    case "http": {
      const url = new URL(probe.url);
      url.port = String(port);
      return { ...probe, url: url.href };
    }
    case "tcp":
      return { ...probe, port };
    case "container":
      return probe.port === undefined ? probe : { ...probe, port };
    case "none":
      return probe;
  }
}

/** What is asked of a container while another one answers on the same port. One whose answer names its release needs no more. */
export function besideOthers({ memory }: Bench, id: string, health: Health): Health {
  const shares = marksOf(stateById(memory, id)?.labels ?? {})?.swap?.kind === "reuse-port";
  const isAlone = !memory.states.some((s) => s.id !== id && s.status === "running" && marksOf(s.labels)?.member === null);
  const namesItself = health.probe.kind === "http" && health.probe.echo !== undefined;
  if (!shares || isAlone || namesItself) return health;
  return { ...health, threshold: Math.max(health.threshold ?? 0, answersOfTwo) };
}

export async function point(bench: Bench, { id, which }: Extract<Step, { kind: "point" }>): Promise<void> {
  const { memory } = bench;
  const marks = marksOf(stateById(memory, id)?.labels ?? {});
  const done = marks === null || (await proxyOrder(bench, id, (proxy) => proxy.point(marks.place)));
  // Going back goes on whatever the proxy says.
  if (done || which === "old") note(bench, { pointedAt: id });
}

/** False when the proxy could not: then that is the swap's failure. */
async function proxyOrder(bench: Bench, id: string, order: (proxy: ProxyPort) => Promise<void>): Promise<boolean> {
  const { memory, log } = bench;
  const swap = proxySwapOf(memory.states.find((s) => s.id === id) ?? null);
  if (swap === null) return true;
  try {
    await order(bench.swaps.proxyOf(swap.proxy));
    return true;
  } catch (thrown) {
    const detail = (thrown as Error).message;
    log.error({ ...memory.key, detail }, "the proxy does not do as it is told");
    await noteFailure(bench, { reason: "proxy_failed", detail }, { id: null, member: null });
    return false;
  }
}

/** One that serves no longer may finish what it has; a newer order does not wait for that, nor does the agent's end. */
export async function drainBehindProxy(bench: Bench, leftover: ContainerState): Promise<void> {
  const { swaps, clock, memory } = bench;
  const swap = proxySwapOf(leftover);
  const place = marksOf(leftover.labels)?.place ?? 0;
  if (swap === null || leftover.status !== "running") return;
  const proxy = swaps.proxyOf(swap.proxy);
  const newer = bench.newer();
  const count = async () => (newer.aborted || memory.desired !== memory.goal ? 0 : await proxy.open(place).catch(() => 0));
  await drained({ count, clock, mostMs: swap.drainMs });
}

function proxySwapOf(state: ContainerState | null): ProxySwap | null {
  const swap = state === null ? null : (marksOf(state.labels)?.swap ?? null);
  return swap?.kind === "proxy" ? swap : null;
}
