/**
 * The server's own door for the machine it runs on: HTTP over a Unix socket in the data folder. The folder belongs to
 * the server's user alone, so whoever can open the socket owns the database anyway; the user name it gives is recorded
 * as `local` and is checked against the roles like any other.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Log } from "../app/ports.ts";

export type LocalHandlers = Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => Promise<object>>>;

const bodyCapBytes = 64 * 1024;

function localSocketPath(folder: string): string {
  return join(folder, "gantry.sock");
}

/** Serves `POST /<name>` for every handler. Returns when it listens. */
export async function serveLocally(facts: {
  readonly folder: string;
  readonly handlers: LocalHandlers;
  readonly log: Log;
}): Promise<() => Promise<void>> {
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

async function respond(
  facts: { readonly handlers: LocalHandlers; readonly log: Log },
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = (incoming.url ?? "").slice(1);
  const handler = Object.hasOwn(facts.handlers, name) ? facts.handlers[name] : undefined;
  try {
    if (handler === undefined || incoming.method !== "POST") return send(response, 404, { error: "unknown call" });
    send(response, 200, await handler(await readBody(incoming)));
  } catch (error) {
    facts.log.error({ err: error, call: name }, "a local call failed");
    send(response, 500, { error: error instanceof Error ? error.message : "internal" });
  }
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

/** Calls the running server. Rejects with NoServerError, or with what the server said was wrong. */
export async function callLocally(folder: string, name: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const call = request({ socketPath: localSocketPath(folder), path: `/${name}`, method: "POST" }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
  });
  call.on("error", (error: NodeJS.ErrnoException) => {
    const nobody = error.code === "ENOENT" || error.code === "ECONNREFUSED";
    reject(nobody ? new NoServerError(folder) : error);
  });
  call.end(JSON.stringify(body));
  const { status, text } = await promise;
  const answer = JSON.parse(text) as Record<string, unknown>;
  if (status !== 200) throw new Error(String(answer["error"] ?? `the server answered ${status}`));
  return answer;
}
