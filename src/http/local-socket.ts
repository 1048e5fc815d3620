/**
 * The server's own door for the machine it runs on: HTTP over a Unix socket in the data folder. The folder belongs to
 * the server's user alone, so whoever can open the socket owns the database anyway; the user name it gives is recorded
 * as `local` and is checked against the roles like any other.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Log } from "../app/ports.ts";

/** Answers in pieces; `signal` aborts when the caller has gone. `tell` says false when the piece was left out: the caller is slow. */
export type LocalStream = (
  body: Readonly<Record<string, unknown>>,
  to: { readonly tell: (piece: object) => boolean; readonly signal: AbortSignal },
) => Promise<void>;

export type LocalHandlers = Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => Promise<object>>>;

const bodyCapBytes = 64 * 1024;
/** Of what waits for a caller that does not read. */
const mostWaitingBytes = 1024 * 1024;

function localSocketPath(folder: string): string {
  return join(folder, "gantry.sock");
}

type Facts = {
  readonly handlers: LocalHandlers;
  /** Calls that answer with one piece per line, for as long as they go on. */
  readonly streams: Readonly<Record<string, LocalStream>>;
  readonly log: Log;
};

/** Serves `POST /<name>` for every handler and stream. Returns when it listens. */
export async function serveLocally(facts: Facts & { readonly folder: string }): Promise<() => Promise<void>> {
  const path = localSocketPath(facts.folder);
  rmSync(path, { force: true });
  const server = createServer((incoming, response) => void respond(facts, incoming, response));
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(path, listening.resolve);
  await listening.promise;
  chmodSync(path, 0o600);
  return async () => {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    server.closeAllConnections();
    await closed.promise;
    rmSync(path, { force: true });
  };
}

async function respond(facts: Facts, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = (incoming.url ?? "").slice(1);
  const stream = Object.hasOwn(facts.streams, name) ? facts.streams[name] : undefined;
  if (stream !== undefined && incoming.method === "POST") return await flow(facts, { name, stream, incoming, response });
  const handler = Object.hasOwn(facts.handlers, name) ? facts.handlers[name] : undefined;
  try {
    if (handler === undefined || incoming.method !== "POST") return send(response, 404, { error: "unknown call" });
    send(response, 200, await handler(await readBody(incoming)));
  } catch (error) {
    facts.log.error({ err: error, call: name }, "a local call failed");
    send(response, 500, { error: error instanceof Error ? error.message : "internal" });
  }
}

async function flow(
  { log }: Facts,
  call: {
    readonly name: string;
    readonly stream: LocalStream;
    readonly incoming: IncomingMessage;
    readonly response: ServerResponse;
  },
): Promise<void> {
  const { response } = call;
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const tell = (piece: object) => {
    if (response.writableLength > mostWaitingBytes) return false;
    if (!response.destroyed) response.write(`${JSON.stringify(piece)}\n`);
    return true;
  };
  try {
    const body = await readBody(call.incoming);
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.flushHeaders();
    await call.stream(body, { tell, signal: gone.signal });
  } catch (error) {
    log.error({ err: error, call: call.name }, "a local call failed");
    tell({ error: error instanceof Error ? error.message : "internal" });
  }
  response.end();
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readBody(incoming: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyCapBytes) throw new Error("the call is too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
}

/** No server listens on the socket. */
export class NoServerError extends Error {
  constructor(folder: string) {
    super(`no Gantry server runs on the data in ${folder}. Start it, or name its folder with GANTRY_DATA.`);
    this.name = "NoServerError";
  }
}

/** Calls the running server for pieces, each given to `onPiece`. Resolves at the end; rejects as callLocally does. */
export async function streamLocally(
  folder: string,
  call: { readonly name: string; readonly body: object; readonly onPiece: (piece: Readonly<Record<string, unknown>>) => void },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = request({ socketPath: localSocketPath(folder), path: `/${call.name}`, method: "POST" }, resolve);
  asked.on("error", (error: NodeJS.ErrnoException) => reject(withoutServer(folder, error)));
  asked.end(JSON.stringify(call.body));
  const response = await promise;
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const piece = JSON.parse(line) as Record<string, unknown>;
      if (typeof piece["error"] === "string") throw new Error(piece["error"]);
      call.onPiece(piece);
    }
  }
}

function withoutServer(folder: string, error: NodeJS.ErrnoException): Error {
  return error.code === "ENOENT" || error.code === "ECONNREFUSED" ? new NoServerError(folder) : error;
}

/** Calls the running server. Rejects with NoServerError, or with what the server said was wrong. */
export async function callLocally(folder: string, name: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const call = request({ socketPath: localSocketPath(folder), path: `/${name}`, method: "POST" }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
  });
  call.on("error", (error: NodeJS.ErrnoException) => reject(withoutServer(folder, error)));
  call.end(JSON.stringify(body));
  const { status, text } = await promise;
  const answer = JSON.parse(text) as Record<string, unknown>;
  if (status !== 200) throw new Error(String(answer["error"] ?? `the server answered ${status}`));
  return answer;
}
