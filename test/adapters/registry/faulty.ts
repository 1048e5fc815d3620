/** A small server that answers as a registry in trouble does. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export type Faulty = {
  readonly host: string;
  readonly seen: string[];
  readonly connections: () => number;
  stop(): Promise<void>;
};

/** Every request is noted as `METHOD path` and given to the handler. Ends with the test file. */
export async function startFaulty(handle: Handler): Promise<Faulty> {
  const seen: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  after(stop);
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, connections: () => connections, stop };
}

export const someDigest = `sha256:${"1".repeat(64)}`;

/** A good answer to any question about a tag. */
export const good: Handler = (_request, response) => {
  response.writeHead(200, { "docker-content-digest": someDigest }).end();
};

export function status(code: number, headers: Record<string, string> = {}): Handler {
  return (_request, response) => void response.writeHead(code, headers).end();
}

/** One handler after the other; the last one stays. */
export function inTurn(...handlers: readonly Handler[]): Handler {
  let at = 0;
  return (request, response) => handlers[Math.min(at++, handlers.length - 1)]?.(request, response);
}
