import { rmSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type net from "node:net";
import path from "node:path";

/**
 * Stands before a Docker socket and spoils the calls that it is told to: the engine behind it is well, and who talks to it
 * cannot know. `unix://` plus `socket` is what to give an agent as its engine.
 */
export type SocketProxy = {
  readonly socket: string;
  /** Spoils what matches from now on; returns what lifts it. Rules are asked in the order in which they came. */
  spoil(fault: SocketFault): () => void;
  /** `POST /containers/create` lines of the calls that were spoilt, without version and query. */
  readonly spoilt: readonly string[];
  stop(): Promise<void>;
};

export type SocketFault = {
  /** Against `POST /containers/ID/stop?t=10`, without the API's version. */
  readonly call: RegExp;
  /**
   * `stall`: it never reaches the engine, and nothing is answered. `drop`: the engine does it, and the answer is lost.
   * `refuse`: it never reaches the engine; the answer is 500.
   */
  readonly how: "stall" | "drop" | "refuse";
  /** How many calls are spoilt; all of them when absent. */
  readonly times?: number;
};

type Rule = SocketFault & { left: number };

/** Listens beside the engine's socket. Resolves when it takes connections. */
export async function startSocketProxy(engineSocket: string, name = "proxy.sock"): Promise<SocketProxy> {
  const socket = path.join(path.dirname(engineSocket), name);
  const rules = new Set<Rule>();
  const spoilt: string[] = [];
  const open = new Set<net.Socket>();

  function ruleFor(line: string): Rule | null {
    for (const rule of rules) {
      if (rule.left === 0 || !rule.call.test(line)) continue;
      rule.left -= 1;
      spoilt.push(line.replace(/\?.*/, ""));
      return rule;
    }
    return null;
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const rule = ruleFor(lineOf(request));
    switch (rule?.how) {
      case "stall":
        request.resume();
        break;
      case "refuse":
        request.resume();
        response.writeHead(500, { "content-type": "application/json" });
        response.end(JSON.stringify({ message: "refused by the proxy before the engine" }));
        break;
      case "drop":
        // Not before the engine has done it.
        forward(request, response, (answer) => answer.on("end", () => request.socket.destroy()).resume());
        break;
      case undefined:
        forward(request, response, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          response.flushHeaders();
          answer.pipe(response);
        });
    }
  }

  function forward(request: IncomingMessage, response: ServerResponse, onAnswer: (answer: IncomingMessage) => void): void {
    const { method, url, headers } = request;
    const onward = http.request({ socketPath: engineSocket, method, path: url, headers, agent: false }, (answer) => {
      answer.on("error", () => request.socket.destroy());
      onAnswer(answer);
    });
    // An engine that is away looks like one that is away.
    onward.on("error", () => request.socket.destroy());
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  }

  const server = http.createServer(handle);
  server.on("connection", (client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
  });
  rmSync(socket, { force: true });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve));

  return {
    socket,
    spoilt,
    spoil(fault) {
      const rule = { ...fault, left: fault.times ?? Number.POSITIVE_INFINITY };
      rules.add(rule);
      return () => void rules.delete(rule);
    },
    async stop() {
      for (const client of open) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function lineOf({ method, url }: IncomingMessage): string {
  return `${method} ${url?.replace(/^\/v\d+\.\d+/, "")}`;
}
