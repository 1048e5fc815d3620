/**
 * The engine behind the host's policy: what the agent asks is done to containers of ours only, and a container is made only
 * when the policy has nothing against it. Whatever is refused leaves the engine untouched.
 */
import { basename, dirname } from "node:path";
import type { Log } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import { type ContainerState, type CreateOrder, type Engine, EngineError } from "../host/engine.ts";
import { isOurs, judgeNames, judgeOrder, type Places } from "./judge.ts";
import { judgeImage, type Policy, type Refusal, refusalText } from "./policy.ts";

export type Guard = Omit<Engine, "stop" | "usage"> & {
  stop(order: Pick<ContainerState, "id" | "stopGraceMs">): ReturnType<Engine["stop"]>;
  usage(container: Pick<ContainerState, "id">): ReturnType<Engine["usage"]>;
  /** Whether a process was the first one of a container of ours when that was looked at last. */
  isOurProcess(pid: number): boolean;
};

export function createGuard(facts: {
  readonly engine: Engine;
  readonly policy: () => Policy;
  readonly places: (spec: CreateOrder["spec"]) => Promise<Places>;
  /** The folder of the gate of this name, as the order must say it; null: gates are not made here. */
  readonly gateFolder: ((name: string) => string) | null;
  /** The folder of the secrets of the container of this name. */
  readonly secretsFolder: (name: string) => string;
  readonly log: Log;
}): Guard {
  const { engine, policy, log } = facts;
  /** Ids are never given twice, and labels never change. */
  const ours = new Set<string>();
  const pids = new Map<string, number>();

  function note(state: ContainerState): void {
    ours.add(state.id);
    if (state.pid === null) pids.delete(state.id);
    else pids.set(state.id, state.pid);
  }

  function refuse(what: string, refusals: readonly Refusal[]): void {
    if (refusals.length === 0) return;
    const message = refusalText(refusals, policy());
    log.warn({ reason: "refused_by_host", what, detail: message }, "refused");
    throw new EngineError({ reason: "refused_by_host", message });
  }

  async function inspect(id: string): Promise<ContainerState | null> {
    const state = await engine.inspect(id);
    if (state === null || !isOurs(state.labels)) return null;
    note(state);
    return state;
  }

  /** The full id of a container of ours. A name could be another container's by the time of the call. */
  async function own(id: string, call: string, reason: ReasonCode): Promise<string> {
    if (ours.has(id)) return id;
    const state = await engine.inspect(id);
    if (state === null) throw new EngineError({ reason, message: `No such container: ${id}`, gone: true });
    if (!isOurs(state.labels)) refuse(call, [{ rule: null, what: `${call} of a container that is not Gantry's` }]);
    note(state);
    return state.id;
  }

  async function placesFor({ name, spec }: CreateOrder): Promise<Places> {
    const folder = facts.secretsFolder(name);
    const isOwn = (source: string) => dirname(source) === folder && /^\d{1,3}$/.test(basename(source));
    const found = await facts.places(spec);
    return new Map([...found].map(([source, place]) => [source, isOwn(source) ? { ...place, isOwn: true as const } : place]));
  }

  async function create(order: CreateOrder): Promise<string> {
    const places = await placesFor(order);
    const { gate } = order;
    const isGatesOwn = gate === undefined || gate === facts.gateFolder?.(order.name);
    refuse(`create ${order.name}`, [
      ...judgeOrder(order, { policy: policy(), places }),
      ...(isGatesOwn ? [] : [{ rule: null, what: `the gate ${gate}` }]),
    ]);
    const volumes = order.spec.volumes.map((volume) => ({ ...volume, source: places.get(volume.source)?.path ?? volume.source }));
    const id = await engine.create({ ...order, spec: { ...order.spec, volumes } });
    ours.add(id);
    return id;
  }

  async function pull(image: Parameters<Engine["pull"]>[0]): Promise<string> {
    const refusal = judgeImage(image.repository, policy());
    refuse(`pull ${image.repository}`, refusal === null ? [] : [refusal]);
    return await engine.pull(image);
  }

  const isAllowed = (ref: string) => judgeImage(ref.split("@", 1)[0] ?? "", policy()) === null;

  return {
    isOurProcess: (pid) => [...pids.values()].includes(pid),
    info: () => engine.info(),
    freeBytes: () => engine.freeBytes(),
    async list(key) {
      const states = (await engine.list(key)).filter(({ labels }) => isOurs(labels));
      for (const state of states) note(state);
      return states;
    },
    inspect,
    mounts: () => engine.mounts(),
    async findImage(image) {
      // Under a name that may not run here it counts as missing: it is pulled under one that may.
      const found = await engine.findImage({ ...image, repositories: image.repositories.filter(isAllowed) });
      return found !== null && isAllowed(found) ? found : null;
    },
    pull,
    async removeImage(ref) {
      return isAllowed(ref) && (await engine.removeImage(ref));
    },
    create,
    async clone({ id, name, labels }) {
      const source = await own(id, "clone", "create_failed");
      refuse(`clone ${name}`, judgeNames({ name, labels }));
      const made = await engine.clone({ id: source, name, labels });
      ours.add(made);
      return made;
    },
    start: async (id) => await engine.start(await own(id, "start", "start_failed")),
    setRestartPolicy: async (id, restart) => await engine.setRestartPolicy(await own(id, "update", "promote_failed"), restart),
    async stop({ id, stopGraceMs }) {
      await own(id, "stop", "stop_failed").catch(ifGone);
      // Its process and its signal as this host knows them.
      const state = await inspect(id);
      return state === null ? { killed: false } : await engine.stop({ ...state, stopGraceMs });
    },
    async remove(id) {
      const full = await own(id, "remove", "stop_failed").catch(ifGone);
      if (full === undefined) return;
      await engine.remove(full);
      ours.delete(full);
      pids.delete(full);
    },
    exec: async (order) => await engine.exec({ ...order, id: await own(order.id, "exec", "exited") }),
    async usage({ id }) {
      const state = await inspect(id);
      return state === null ? null : await engine.usage(state);
    },
    logTail: async (id, lines) => await engine.logTail(await own(id, "logs", "engine_error"), lines),
    logs: async (order) => await engine.logs({ ...order, id: await own(order.id, "logs", "engine_error") }),
    watch: (listener) => engine.watch(listener),
  };
}

function ifGone(thrown: unknown): undefined {
  if (!(thrown instanceof EngineError) || !thrown.gone) throw thrown;
}
