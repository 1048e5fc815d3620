/** Stands between one agent and the server and hears what the server tells the agent. Pings and pongs pass through, so that each end notices the other's silence. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { DesiredPicture } from "../../../src/core/slot.ts";
import { parseFromServer } from "../../../src/fleet/protocol.ts";

export type Relay = {
  /** What the agent dials. */
  readonly url: string;
  /** The cable is out: nothing passes, new connections end at once. */
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
};

export async function startRelay(facts: {
  readonly serverPort: () => number;
  readonly onDesired: (picture: DesiredPicture) => void;
}): Promise<Relay> {
  const { serverPort, onDesired } = facts;
  let isCut = false;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", autoPong: false });
  await once(server, "listening");

  server.on("connection", (near) => {
    near.on("error", () => near.terminate());
    if (isCut) return near.terminate();
    const far = new WebSocket(`ws://127.0.0.1:${serverPort()}/agent`, { autoPong: false });
    far.on("error", () => far.terminate());
    near.on("close", () => far.terminate());
    far.on("close", () => near.terminate());
    far.on("ping", (data) => near.ping(data));
    far.on("pong", (data) => near.pong(data));
    far.on("message", (data) => {
      const raw = String(data);
      const parsed = parseFromServer(raw);
      if (near.readyState !== near.OPEN) return;
      if (parsed.ok && parsed.message.type === "desired") onDesired(parsed.message.picture);
      near.send(raw);
    });
    forward(near, far);
  });

  function cut(): void {
    isCut = true;
    for (const socket of server.clients) socket.terminate();
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend() {
      isCut = false;
    },
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the agent says before the way to the server is open is said then. */
function forward(near: WebSocket, far: WebSocket): void {
  const opened = far.readyState === far.OPEN ? Promise.resolve() : new Promise<void>((resolve) => far.once("open", resolve));
  near.on("message", (data) => void opened.then(() => far.readyState === far.OPEN && far.send(String(data))));
  near.on("ping", (data) => void opened.then(() => far.readyState === far.OPEN && far.ping(data)));
  near.on("pong", (data) => far.readyState === far.OPEN && far.pong(data));
}
