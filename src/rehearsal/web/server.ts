/** A small web server on loopback for stand-ins: JSON in, JSON out, with faults between the two. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Fault, Faults } from "./faults.ts";

export type WebRequest = {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The JSON body; null when there is none or it is not JSON. */
  readonly body: unknown;
  /** Where the server listens, for links in answers. */
  readonly origin: string;
};

export type WebAnswer = {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type WebServer = {
  readonly url: string;
  /** Request lines in the order of their arrival. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
};

export type WebServerOptions = {
  readonly faults: Faults;
  readonly handle: (request: WebRequest) => WebAnswer;
  /** 0 for any free one. */
  readonly port?: number;
};

/** Listens on 127.0.0.1. `stop` cuts what is still open, so that a silent fault holds nothing up. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const requests: string[] = [];
  const waiting = new Set<NodeJS.Timeout>();
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await listen(server, options.port ?? 0);
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = await read(incoming, origin);
    const line = `${request.method} ${request.path}`;
    requests.push(line);
    const fault = options.faults.take(line);
    if (fault === null) return send(outgoing, options.handle(request));
    spoil({ fault, outgoing, act: () => options.handle(request), later });
  }

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      waiting.delete(timer);
      act();
    }, ms);
    waiting.add(timer);
  }

  async function stop(): Promise<void> {
    for (const timer of waiting) clearTimeout(timer);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  return { url: origin, requests, stop };
}

function spoil(facts: {
  fault: Fault;
  outgoing: ServerResponse;
  act: () => WebAnswer;
  later: (ms: number, act: () => void) => void;
}): void {
  const { fault, outgoing, act, later } = facts;
  switch (fault.kind) {
    case "down":
      outgoing.destroy();
      return;
    case "slow":
      later(fault.ms, () => send(outgoing, act()));
      return;
    case "silent":
      return;
    case "lost-answer":
      act();
      outgoing.destroy();
      return;
    case "answer":
      send(outgoing, fault);
      return;
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

async function read(incoming: IncomingMessage, origin: string): Promise<WebRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const url = new URL(incoming.url ?? "/", origin);
  return {
    method: incoming.method ?? "GET",
    path: decoded(url.pathname),
    query: url.searchParams,
    headers: incoming.headers,
    body: parsed(Buffer.concat(chunks).toString("utf8")),
    origin,
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function parsed(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function send(outgoing: ServerResponse, answer: WebAnswer): void {
  const body = answer.body === undefined ? "" : JSON.stringify(answer.body);
  outgoing.writeHead(answer.status, { "content-type": "application/json; charset=utf-8", ...answer.headers });
  outgoing.end(body);
}
