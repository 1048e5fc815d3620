/** A network cable between one agent and the server that can be pulled out and put back. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

export type QuickWire = {
  /** What the agent dials. */
  readonly url: string;
  /** Both ends hear nothing more; new connections fail. */
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
};

export async function startWire(serverPort: () => number): Promise<QuickWire> {
  const sockets = new Set<Socket>();
  let isCut = false;

  function remember(socket: Socket): Socket {
    sockets.add(socket);
    return socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  }

  const server: Server = createServer((near) => {
    remember(near);
    if (isCut) return void near.destroy();
    const far = remember(connect({ host: "127.0.0.1", port: serverPort() }));
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  function cut(): void {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend() {
      isCut = false;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
