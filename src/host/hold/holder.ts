/**
 * Holds new connections to a service while its containers change places, and passes them on to whoever listens then: its
 * clients wait for some ms instead of being refused. What it passes on seems to come from this host.
 */
import { once } from "node:events";
import net from "node:net";
import { ownAddress, type Redirect } from "./redirect.ts";

export type Holder = {
  /** Whether a connection that is redirected on this host arrives: null, or why not. Asked once. */
  proved(): Promise<string | null>;
  /** Resolves when new connections to the port are held; they are let go when `mostMs` are over at the latest. */
  hold(order: { readonly port: number; readonly mostMs: number }): Promise<Hold>;
  /** Lets everything go. Connections that were passed on end with this. */
  close(): Promise<void>;
};

export type Hold = {
  /** New connections go straight to the port again, held ones are passed on. May be called twice. */
  release(): Promise<void>;
};

const proofMs = 2_000;

export function createHolder(redirect: Redirect): Holder {
  const holds = new Set<Hold>();
  const sockets = new Set<net.Socket>();
  let proof: Promise<string | null> | null = null;

  async function hold({ port, mostMs }: { port: number; mostMs: number }): Promise<Hold> {
    const waiting = new Set<net.Socket>();
    /** What is passed on over IPv6 would come back here until the redirection has ended. */
    let passes: (client: net.Socket) => boolean = () => false;
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      keep(client);
      if (passes(client)) return passOn(client, port);
      waiting.add(client);
      client.on("close", () => waiting.delete(client));
    });
    await listen(server);
    const timer = setTimeout(() => void release().catch(() => undefined), mostMs);
    let letting: Promise<void> | null = null;
    const release = () => {
      letting ??= letGo();
      return letting;
    };
    const made: Hold = { release };
    holds.add(made);

    function pass(which: typeof passes): void {
      passes = which;
      for (const client of waiting) {
        if (!which(client)) continue;
        waiting.delete(client);
        passOn(client, port);
      }
    }

    async function letGo(): Promise<void> {
      clearTimeout(timer);
      holds.delete(made);
      pass((client) => !isSix(client));
      try {
        await redirect.unset(port);
      } finally {
        pass(() => true);
      }
      // Whoever was redirected a moment ago may still be on the way.
      setTimeout(() => server.close(), proofMs).unref();
    }

    try {
      await redirect.set({ port, to: (server.address() as net.AddressInfo).port, mostMs });
    } catch (thrown) {
      await release().catch(() => undefined);
      throw thrown;
    }
    return made;
  }

  function passOn(client: net.Socket, port: number): void {
    // Where it was going: a service may listen on one address only.
    const host = addressOf(client);
    const from = isSix(client) ? {} : { localAddress: ownAddress };
    const service = net.connect({ host, port, allowHalfOpen: true, ...from });
    keep(service);
    service.on("error", () => client.resetAndDestroy());
    client.on("error", () => service.destroy());
    client.on("close", () => service.destroy());
    service.on("close", () => client.destroy());
    client.pipe(service);
    service.pipe(client);
  }

  function keep(socket: net.Socket): void {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  }

  /** A port that nobody listens on, held: a connection to it must arrive here, and end when it is let go. */
  async function prove(): Promise<string | null> {
    const free = net.createServer();
    await listen(free);
    const { port } = free.address() as net.AddressInfo;
    free.close();
    await once(free, "close");
    try {
      const held = await hold({ port, mostMs: proofMs });
      const arrived = await connects(port);
      await held.release();
      return arrived ? null : "a redirected connection does not arrive";
    } catch (thrown) {
      return (thrown as Error).message;
    }
  }

  return {
    hold,
    proved() {
      proof ??= prove();
      return proof;
    },
    async close() {
      await Promise.allSettled([...holds].map((held) => held.release()));
      for (const socket of sockets) socket.destroy();
      await redirect.close().catch(() => undefined);
    },
  };
}

function addressOf({ localAddress }: net.Socket): string {
  return (localAddress ?? "127.0.0.1").replace(/^::ffff:/, "");
}

function isSix(client: net.Socket): boolean {
  return addressOf(client).includes(":");
}

/** Of both families, as services do. */
async function listen(server: net.Server): Promise<void> {
  server.listen(0);
  await once(server, "listening");
  server.unref();
}

async function connects(port: number): Promise<boolean> {
  const socket = net.connect({ host: "127.0.0.1", port });
  const signal = AbortSignal.timeout(proofMs);
  try {
    await once(socket, "connect", { signal });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
