/**
 * The container engine behind dockerode. Every call has a deadline; what the engine says is translated to reason codes here
 * and nowhere else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import Dockerode from "dockerode";
import type { RegistryLogins } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { SlotKey } from "../core/slot.ts";
import {
  type ContainerState,
  type CreateOrder,
  type Engine,
  EngineError,
  type EngineInfo,
  gateTarget,
  isOfSameOrder,
} from "../host/engine.ts";
import { cloneBody, createBody } from "./create-body.ts";
import { processEnded } from "./end-of-process.ts";
import { engineError, pullFault } from "./errors.ts";
import { watchEvents } from "./events.ts";
import { createExec } from "./exec.ts";
import { familiar } from "./familiar.ts";
import { behindGate } from "./gate.ts";
import { splitLog } from "./log-frames.ts";
import { createLogs } from "./logs.ts";
import { authConfig, type PullLimits, runPull } from "./pull.ts";
import { createRoom } from "./room.ts";
import { stateOf } from "./state.ts";
import { untilEnded } from "./until-ended.ts";
import { createUsageReader } from "./usage.ts";

export type DockerOptions = {
  /** `unix:///path` or `tcp://host:port`. */
  readonly dockerHost: string;
  /** Registry logins; without it pulls are anonymous. */
  readonly logins?: RegistryLogins;
  /** For a call that only reads or changes a record, and for one that moves processes. */
  readonly quickMs?: number;
  readonly heavyMs?: number;
  readonly pull?: PullLimits;
};

const killWaitMs = 10_000;
const mostLooksAtName = 20;
const lookAtNameMs = 250;

export function createDockerEngine(options: DockerOptions): Engine {
  const docker = connect(options.dockerHost);
  const quickMs = options.quickMs ?? 10_000;
  const heavyMs = options.heavyMs ?? 30_000;
  const limits = options.pull ?? { stallMs: 60_000, totalMs: 15 * 60_000 };
  /** Containers whose processes are gone while the engine has yet to notice: their next call waits for it. */
  const ending = new Map<string, Promise<void>>();
  const room = createRoom({
    dockerHost: options.dockerHost,
    dataRoot: async () => (await quick("info", () => docker.info())).DockerRootDir as string,
  });

  type Call<T> = { what: string; deadlineMs: number; fallback: ReasonCode; run(abortSignal: AbortSignal): Promise<T> };

  async function call<T>({ what, deadlineMs, fallback, run }: Call<T>): Promise<T> {
    const deadline = new AbortController();
    let expire: () => void = () => undefined;
    // Raced as well as aborted: not every call of dockerode listens to the signal.
    const late = new Promise<never>((_, reject) => {
      expire = () => reject(new Error("too late"));
    });
    const timer = setTimeout(() => {
      deadline.abort();
      expire();
    }, deadlineMs);
    try {
      return await Promise.race([run(deadline.signal), late]);
    } catch (thrown) {
      throw await room.named(engineError({ thrown, what, fallback, timedOut: deadline.signal.aborted }));
    } finally {
      clearTimeout(timer);
    }
  }

  const quick = <T>(what: string, run: Call<T>["run"], fallback: ReasonCode = "engine_error") =>
    call({ what, deadlineMs: quickMs, fallback, run });

  async function inspect(id: string): Promise<ContainerState | null> {
    try {
      return stateOf(await quick("inspect", (abortSignal) => docker.getContainer(id).inspect({ abortSignal })));
    } catch (thrown) {
      if (thrown instanceof EngineError && thrown.gone) return null;
      throw thrown;
    }
  }

  async function list(key?: SlotKey): Promise<readonly ContainerState[]> {
    const label =
      key === undefined ? ["gantry.service"] : [`gantry.service=${key.service}`, `gantry.environment=${key.environment}`];
    const found = await quick("list", (abortSignal) => docker.listContainers({ all: true, filters: { label }, abortSignal }));
    const states = await Promise.all(found.map((c) => inspect(c.Id)));
    return states.filter((s) => s !== null);
  }

  async function mounts(): Promise<readonly string[]> {
    const found = await quick("list mounts", (abortSignal) => docker.listContainers({ all: true, abortSignal }));
    return found.flatMap((c) => (c.Mounts ?? []).map((mount) => mount.Source));
  }

  async function info(): Promise<EngineInfo> {
    const facts = await quick("info", () => docker.info());
    const version = await quick("version", () => docker.version());
    return { liveRestore: facts.LiveRestoreEnabled === true, platform: `${version.Os}/${version.Arch}` };
  }

  async function imageAt(ref: string): Promise<Dockerode.ImageInspectInfo | null> {
    try {
      return await quick("inspect image", () => docker.getImage(ref).inspect());
    } catch (thrown) {
      if (thrown instanceof EngineError && thrown.gone) return null;
      throw thrown;
    }
  }

  async function findImage(image: { repositories: readonly string[]; digest: string }): Promise<string | null> {
    for (const repository of image.repositories) {
      const ref = `${repository}@${image.digest}`;
      if (isNamed(await imageAt(ref), ref)) return ref;
    }
    // Another name for the same bytes is as good: mirrors change, and a rollback must not need a registry for it.
    const images = await quick("list images", (abortSignal) => docker.listImages({ digests: true, abortSignal }));
    return images.flatMap((i) => i.RepoDigests ?? []).find((ref) => ref.endsWith(`@${image.digest}`)) ?? null;
  }

  async function pull(image: { repository: string; digest: string; signal: AbortSignal }): Promise<string> {
    const { repository, digest, signal } = image;
    const host = repository.split("/", 1)[0] ?? "";
    const found = (await options.logins?.find(host)) ?? null;
    const auth = found === null ? null : authConfig(host, found.login);
    try {
      await runPull({ docker, repository, digest, auth, limits, signal, freeBytes: await room.bytes() });
    } catch (thrown) {
      throw explained(pullFault(thrown, signal), found?.source ?? null);
    }
    return await verify(repository, digest);
  }

  /** Says whose login was refused, so that somebody can renew it. */
  function explained(fault: EngineError, source: string | null): EngineError {
    if (fault.reason !== "registry_auth") return fault;
    const used = source === null ? `no login for it in ${options.logins?.place ?? "nowhere"}` : `login from ${source}`;
    return new EngineError({ reason: fault.reason, message: `${fault.message} (${used})`, cause: fault });
  }

  async function removeImage(ref: string): Promise<boolean> {
    try {
      await heavy("remove image", "engine_error", (abortSignal) => docker.getImage(ref).remove({ abortSignal }));
      return true;
    } catch (thrown) {
      if (thrown instanceof EngineError && (thrown.gone || thrown.conflict)) return false;
      throw thrown;
    }
  }

  async function verify(repository: string, digest: string): Promise<string> {
    const ref = `${repository}@${digest}`;
    const [image, engine] = await Promise.all([imageAt(ref), info()]);
    if (image === null || !isNamed(image, ref)) {
      throw new EngineError({ reason: "digest_mismatch", message: `${repository} answered with another image than ${digest}` });
    }
    const platform = `${image.Os}/${image.Architecture}`;
    if (platform !== engine.platform) {
      throw new EngineError({
        reason: "wrong_platform",
        message: `the image is for ${platform}, this host is ${engine.platform}`,
      });
    }
    return ref;
  }

  const heavy = <T>(what: string, fallback: ReasonCode, run: Call<T>["run"]) =>
    call({ what, deadlineMs: heavyMs, fallback, run });

  async function createAs(body: Dockerode.ContainerCreateOptions & { name: string }): Promise<string> {
    const make = () => heavy("create", "create_failed", (abortSignal) => docker.createContainer({ ...body, abortSignal }));
    for (let looks = 1; ; looks += 1) {
      try {
        return (await make()).id;
      } catch (thrown) {
        const isConflict = thrown instanceof EngineError && thrown.conflict;
        if (!isConflict || looks > mostLooksAtName || !(await madeRoom(body))) throw thrown;
      }
    }
  }

  /** Whether the name may be free now. A create of the same order whose answer was lost gives it back; everything else that holds it is not ours to remove. */
  async function madeRoom(body: Dockerode.ContainerCreateOptions & { name: string }): Promise<boolean> {
    const holder = await inspect(body.name);
    if (holder === null) {
      // The engine reserves a name before anybody can see its container: that create is still under way.
      await sleep(lookAtNameMs);
      return true;
    }
    if (holder.status !== "created" || !isOfSameOrder(holder.labels, body.Labels ?? {})) return false;
    await remove(holder.id);
    return true;
  }

  async function create(order: CreateOrder): Promise<string> {
    await volumesThere(order);
    await room.demand();
    return await createAs({ ...(await bodyOf(order)), name: order.name });
  }

  /** The engine would make an empty volume, and the service would begin without its data. */
  async function volumesThere({ spec }: CreateOrder): Promise<void> {
    for (const mount of spec.mounts ?? []) {
      if (mount.kind !== "volume" || mount.mustExist !== true) continue;
      await quick("inspect volume", () => docker.getVolume(mount.source).inspect(), "create_failed").catch((thrown) => {
        if (!(thrown instanceof EngineError) || (thrown.cause as { statusCode?: number }).statusCode !== 404) throw thrown;
        throw new EngineError({ reason: "mount_missing", message: `the external volume ${mount.source} is not on this host` });
      });
    }
  }

  async function bodyOf(order: CreateOrder): Promise<Dockerode.ContainerCreateOptions> {
    const body = createBody(order);
    if (order.gate === undefined) return body;
    const image = await imageAt(order.imageRef);
    // The create that follows says that it is gone.
    return image === null ? body : behindGate(body, { image: image.Config, folder: order.gate, target: gateTarget });
  }

  async function clone(facts: { id: string; name: string; labels: Readonly<Record<string, string>> }): Promise<string> {
    const source = await quick("inspect", () => docker.getContainer(facts.id).inspect(), "create_failed");
    return await createAs({ ...cloneBody(source, facts.labels), name: facts.name });
  }

  async function start(id: string): Promise<void> {
    await ending.get(id);
    await heavy("start", "start_failed", (abortSignal) => docker.getContainer(id).start({ abortSignal })).catch(notModified);
  }

  async function setRestartPolicy(id: string, policy: "no" | "unless-stopped"): Promise<void> {
    await quick("update", () => docker.getContainer(id).update({ RestartPolicy: { Name: policy } }), "promote_failed");
  }

  async function kill(id: string, signal: string): Promise<void> {
    await heavy("kill", "stop_failed", () => docker.getContainer(id).kill({ signal })).catch((thrown) => {
      // Not running any more: what was wanted.
      if (!(thrown instanceof EngineError) || !(thrown.conflict || thrown.gone || /not running/i.test(thrown.message)))
        throw thrown;
    });
  }

  async function stop(container: ContainerState): Promise<{ killed: boolean }> {
    const { id } = container;
    const over = new AbortController();
    const noticed = engineNoticed(id, container.stopGraceMs + killWaitMs + heavyMs);
    const ended = Promise.race([noticed, processSeen(container, over.signal, noticed)]);
    ended.catch(() => undefined);
    try {
      await kill(id, container.stopSignal);
      if (await within(ended, container.stopGraceMs)) return { killed: false };
      await kill(id, "SIGKILL");
      if (await within(ended, killWaitMs)) return { killed: true };
    } finally {
      over.abort();
    }
    throw new EngineError({ reason: "stop_failed", message: `it still runs ${killWaitMs / 1000} s after SIGKILL` });
  }

  /** The engine's own word that a container has ended; remembered, so that the next call on it comes after. */
  function engineNoticed(id: string, deadlineMs: number): Promise<void> {
    const wait = (abortSignal: AbortSignal) => untilEnded(docker, { id, abortSignal });
    const noticed = call({ what: "wait", deadlineMs, fallback: "stop_failed", run: wait }).catch((thrown) => {
      if (!(thrown instanceof EngineError) || !thrown.gone) throw thrown;
    });
    const remembered = noticed.then(
      () => undefined,
      () => undefined,
    );
    ending.set(id, remembered);
    void remembered.then(() => ending.delete(id));
    return noticed;
  }

  async function processSeen(container: ContainerState, signal: AbortSignal, otherwise: Promise<void>): Promise<void> {
    if (container.pid === null) return await otherwise;
    const seen = await processEnded({ pid: container.pid, containerId: container.id, signal });
    if (!seen) return await otherwise;
  }

  async function remove(id: string): Promise<void> {
    await ending.get(id);
    const options = (abortSignal: AbortSignal) => ({ force: true, v: true, abortSignal });
    await heavy("remove", "stop_failed", (abortSignal) => docker.getContainer(id).remove(options(abortSignal))).catch(
      (thrown) => {
        if (!(thrown instanceof EngineError) || !thrown.gone) throw thrown;
      },
    );
  }

  async function logTail(id: string, lines: number): Promise<readonly string[]> {
    const options = { stdout: true, stderr: true, tail: lines, follow: false as const };
    const raw = await quick("logs", (abortSignal) => docker.getContainer(id).logs({ ...options, abortSignal }));
    return splitLog(Buffer.from(raw)).slice(-lines);
  }

  const exec = createExec({ docker, quick });
  const usage = createUsageReader({
    stats: (id) => quick("stats", (abortSignal) => docker.getContainer(id).stats(oneAnswer(abortSignal))),
  });
  const watch: Engine["watch"] = (listener) => watchEvents(docker, listener);
  return {
    info,
    list,
    inspect,
    mounts,
    findImage,
    pull,
    removeImage,
    freeBytes: room.bytes,
    create,
    clone,
    start,
    setRestartPolicy,
    stop,
    remove,
    exec,
    usage,
    logTail,
    logs: createLogs({ docker, quick }),
    watch,
  };
}

function connect(dockerHost: string): Dockerode {
  if (dockerHost.startsWith("unix://")) return new Dockerode({ socketPath: dockerHost.slice("unix://".length) });
  const url = new URL(dockerHost);
  return new Dockerode({ protocol: "http", host: url.hostname, port: Number(url.port || 2375) });
}

/** Without "one-shot" the engine waits a second for a difference that nobody asks for; the types do not know it. */
function oneAnswer(abortSignal: AbortSignal): { readonly stream: false } {
  const options = { stream: false, "one-shot": true, abortSignal } as const;
  return options;
}

function isNamed(image: Dockerode.ImageInspectInfo | null, ref: string): boolean {
  return image?.RepoDigests?.some((known) => familiar(known) === familiar(ref)) ?? false;
}

function notModified(thrown: unknown): void {
  const cause = thrown instanceof EngineError ? (thrown.cause as { statusCode?: number } | undefined) : undefined;
  if (cause?.statusCode !== 304) throw thrown;
}

/** Whether `promise` settles in time; rejects as it does. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
