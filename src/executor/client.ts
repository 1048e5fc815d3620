/** An engine that the agent reaches through the executor of its host: it has no rights of its own. */
import { type IncomingMessage, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Engine, EngineError, type EngineEvent, type EngineLine, type Prober } from "../host/engine.ts";
import type { Gates } from "../host/gate/gates.ts";
import type { Redirect } from "../host/hold/redirect.ts";
import type { SecretFiles } from "../host/secret-files.ts";
import { type CallBody, type CallName, type Fault, type Listed, mostAnswerBytes } from "./calls.ts";

export type ExecutorClient = {
  readonly engine: Engine;
  readonly holder: Prober["holder"];
  readonly gates: Gates;
  readonly redirect: Redirect;
  readonly secretFiles: SecretFiles;
};

/** The executor has deadlines of its own for the engine; these are for an executor that stands still. */
const quickMs = 25_000;
const heavyMs = 90_000;
const pullMs = 16 * 60_000;
/** A restart of the executor takes it about a second. */
const mostAwayMs = 10_000;
const backEveryMs = 100;

type Way = { readonly deadlineMs?: number; readonly signal?: AbortSignal };

export function createExecutorClient(facts: { readonly socketPath: string }): ExecutorClient {
  const { socketPath } = facts;
  const openGates = new Set<string>();
  let makesGates = true;

  async function ask<N extends CallName>(name: N, body: CallBody<N>, way: Way = {}): Promise<unknown> {
    const { deadlineMs = quickMs, signal } = way;
    const deadline = AbortSignal.timeout(deadlineMs);
    const either = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    try {
      const answer = await post({ socketPath, name, body, signal: either });
      if (answer.fault !== undefined) throw new EngineError(answer.fault);
      return answer.ok;
    } catch (thrown) {
      throw faultOf({ thrown, name, isLate: deadline.aborted });
    }
  }

  /** As the port wants its answer: the executor is this program, too, and says what its own engine says. */
  const call = async <T>(...order: Parameters<typeof ask<CallName>>) => (await ask(...order)) as T;
  const heavy = { deadlineMs: heavyMs };

  const engine: Engine = {
    info: () => call("info", {}),
    async list(key) {
      const { containers, openGates: open } = await call<Listed>("list", key === undefined ? {} : { key: keyOf(key) });
      for (const gate of open) openGates.add(gate);
      return containers;
    },
    inspect: (id) => call("inspect", { id }),
    // What others mount is none of the agent's business: the executor itself knows which of its folders are needed.
    mounts: async () => [],
    findImage: ({ repositories, digest }) => call("findImage", { repositories: [...repositories], digest }),
    pull: ({ repository, digest, signal }) => call("pull", { repository, digest }, { deadlineMs: pullMs, signal }),
    removeImage: (ref) => call("removeImage", { ref }, heavy),
    freeBytes: () => call<number | null>("freeBytes", {}).catch(() => null),
    create: (order) => call("create", order as CallBody<"create">, heavy),
    clone: ({ id, name, labels }) => call("clone", { id, name, labels }, heavy),
    start: (id) => call("start", { id }, heavy),
    setRestartPolicy: (id, policy) => call("setRestartPolicy", { id, policy }),
    stop: ({ id, stopGraceMs }) => call("stop", { id, stopGraceMs }, { deadlineMs: stopGraceMs + heavyMs }),
    remove: (id) => call("remove", { id }, heavy),
    exec: ({ id, command, timeoutMs }) =>
      call("exec", { id, command: [...command], timeoutMs }, { deadlineMs: timeoutMs + heavyMs }),
    usage: ({ id }) => call("usage", { id }),
    logTail: (id, lines) => call("logTail", { id, lines }),
    logs: ({ id, lines, since, follow, signal, onLine }) =>
      hear({
        socketPath,
        name: "logs",
        body: { id, lines, since, follow },
        signal,
        onTold: (line) => onLine(line as EngineLine),
      }),
    watch: (listener) => watchEvents(socketPath, listener),
  };

  return {
    engine,
    holder: async (look) =>
      await call<Awaited<ReturnType<Prober["holder"]>>>("holder", look).catch((thrown: Error) => ({
        by: "unknown" as const,
        detail: thrown.message,
      })),
    gates: {
      make: async (name) => (makesGates ? await call<string | null>("makeGate", { name }).catch(ifAway) : null),
      isOpen: (name) => openGates.has(name),
      async open(name) {
        // Nothing serves at this moment, and going back would need the executor as well: it is waited for.
        await whenBack(() => call("openGate", { name }));
        openGates.add(name);
        return { durable: whenBack(() => call("gateKept", { name })) };
      },
      async remove(name) {
        await call("removeGate", { name });
        openGates.delete(name);
      },
      mend: (name) => call("mendGate", { name }),
      sweep: () => call("sweepGates", {}),
      condemn() {
        makesGates = false;
      },
    },
    secretFiles: {
      put: (name, files) =>
        whenBack(() =>
          call("putSecrets", {
            name,
            files: files.map((file) => ({ ...file, bytes: Buffer.from(file.bytes).toString("base64") })),
          }),
        ),
      async read(name) {
        const files = await call<readonly string[]>("readSecrets", { name });
        return files.map((bytes) => Buffer.from(bytes, "base64"));
      },
      remove: (name) => call("removeSecrets", { name }),
      sweep: () => call("sweepSecrets", {}),
    },
    redirect: {
      set: (order) => call("hold", order),
      unset: (port) => call("letGo", { port }),
      close: () => call("letAllGo", {}),
    },
  };
}

/** Without a gate this time. */
function ifAway(thrown: unknown): null {
  if (isAway(thrown)) return null;
  throw thrown;
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof EngineError && thrown.reason === "engine_down";
}

async function whenBack<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += backEveryMs) {
    try {
      return await work();
    } catch (thrown) {
      if (!isAway(thrown) || waitedMs >= mostAwayMs) throw thrown;
      await sleep(backEveryMs);
    }
  }
}

function keyOf({ service, environment }: { readonly service: string; readonly environment: string }) {
  return { service, environment };
}

type Answer = { readonly ok?: unknown; readonly fault?: Fault };
type Post = { readonly socketPath: string; readonly name: string; readonly body: object; readonly signal: AbortSignal };

async function post(facts: Post): Promise<Answer> {
  const response = await open(facts);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostAnswerBytes) throw new EngineError({ reason: "engine_error", message: "the executor's answer has no end" });
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Answer;
}

function open({ socketPath, name, body, signal }: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = request({ socketPath, path: `/${name}`, method: "POST", agent: false, signal, headers }, resolve);
    call.on("error", reject);
    call.end(JSON.stringify(body));
  });
}

/** A cut answer is one that may have been carried out, as with the engine itself. */
function faultOf(facts: { readonly thrown: unknown; readonly name: string; readonly isLate: boolean }): EngineError {
  const { thrown, name, isLate } = facts;
  if (thrown instanceof EngineError) return thrown;
  if (isLate)
    return new EngineError({ reason: "engine_stuck", message: `the executor did not answer in time: ${name}`, cause: thrown });
  const { code, message } = thrown as NodeJS.ErrnoException;
  const why =
    code === "EACCES"
      ? "this user may not open its socket (is it in the socket's group?)"
      : code === "ENOENT"
        ? "it does not run"
        : message;
  return new EngineError({ reason: "engine_down", message: `the executor does not answer: ${why}`, cause: thrown });
}

type Hearing = Post & { readonly onTold: (piece: unknown) => void };

/** Resolves at the end of an answer that comes in lines, and when `signal` aborts. */
async function hear({ onTold, ...facts }: Hearing): Promise<void> {
  const { signal, name } = facts;
  let answer: Answer = {};
  try {
    let rest = "";
    const take = (line: string) => {
      const piece = JSON.parse(line) as Answer & { readonly told?: unknown };
      if ("told" in piece) onTold(piece.told);
      else answer = piece;
    };
    for await (const chunk of (await open(facts)).setEncoding("utf8")) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (!signal.aborted) take(line);
    }
    if (!signal.aborted) take(rest);
  } catch (thrown) {
    if (signal.aborted) return;
    throw faultOf({ thrown, name, isLate: false });
  }
  if (answer.fault !== undefined) throw new EngineError(answer.fault);
}

function watchEvents(socketPath: string, listener: Parameters<Engine["watch"]>[0]): { stop(): void } {
  const stop = new AbortController();
  const { signal } = stop;
  const onTold = (event: unknown) => listener.onEvent(event as EngineEvent);
  void hear({ socketPath, name: "watch", body: {}, signal, onTold })
    .catch(() => undefined)
    .finally(() => {
      if (!signal.aborted) listener.onEnd();
    });
  return { stop: () => stop.abort() };
}
