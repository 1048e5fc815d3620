/** A few lines of Slack that can send what no workspace would: broken frames, refused upgrades. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";

export type TinySlack = {
  readonly apiUrl: string;
  /** What the next upgrades get instead of a connection: a status line, or `close` for an end without a word. */
  readonly upgrades: string[];
  openDelayMs: number;
  /** Calls of apps.connections.open, and how many of them have their answer. */
  readonly opens: number;
  readonly openAnswers: number;
  readonly sockets: number;
  /** To one of the open sockets. */
  send(frame: string): void;
  kill(code: number): void;
};

export async function startTinySlack(t: TestContext): Promise<TinySlack> {
  const upgrades: string[] = [];
  const sockets = new Set<WebSocket>();
  const hub = new WebSocketServer({ noServer: true });
  const tiny = { openDelayMs: 0, opens: 0, openAnswers: 0 };
  const answers: Record<string, () => object> = {
    "auth.test": () => ({ team_id: "T0TINY", user_id: "U0BOT", bot_id: "B0BOT" }),
    "users.info": () => ({ user: { id: "U0ANA", name: "ana", team_id: "T0TINY" } }),
    "apps.connections.open": () => ({ url: `ws://127.0.0.1:${port()}/` }),
  };
  const server = createServer(async (request, response) => {
    const method = request.url?.split("/").at(-1) ?? "";
    request.resume();
    if (method === "apps.connections.open") {
      tiny.opens += 1;
      await new Promise((resolve) => setTimeout(resolve, tiny.openDelayMs));
      tiny.openAnswers += 1;
    }
    const answer = answers[method]?.();
    response.end(JSON.stringify(answer === undefined ? { ok: false, error: "unknown_method" } : { ok: true, ...answer }));
  });
  const port = () => (server.address() as AddressInfo).port;
  server.on("upgrade", (request, socket, head) => {
    const refusal = upgrades.shift();
    if (refusal !== undefined) {
      if (refusal === "close") socket.destroy();
      else socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    hub.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.add(webSocket);
      webSocket.on("close", () => sockets.delete(webSocket));
      webSocket.send(JSON.stringify({ type: "hello", num_connections: sockets.size }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return {
    apiUrl: `http://127.0.0.1:${port()}/api/`,
    upgrades,
    get openDelayMs() {
      return tiny.openDelayMs;
    },
    set openDelayMs(ms) {
      tiny.openDelayMs = ms;
    },
    get opens() {
      return tiny.opens;
    },
    get openAnswers() {
      return tiny.openAnswers;
    },
    get sockets() {
      return sockets.size;
    },
    send: (frame) => [...sockets][0]?.send(frame),
    kill(code) {
      for (const socket of sockets) {
        sockets.delete(socket);
        if (code === 1006) socket.terminate();
        else socket.close(code);
      }
    },
  };
}
