/**
 * The supervisor of the Socket Mode connections. Two lines, each a loop that never ends by itself: open a socket, keep it until it
 * ends, wait a little longer after each failure, open the next. When Slack asks for a refresh the new socket is opened before the
 * old one is closed, so that somebody always listens; Slack gives each envelope to one of the open sockets.
 */
import type { Clock, Log } from "../app/ports.ts";
import type { Health } from "./health.ts";
import { type Ending, openSocket, type Socket, type SocketOptions } from "./socket.ts";
import { backoffMs, type Timing } from "./timing.ts";

export type Pool = {
  start(): void;
  /** Closes all sockets. */
  stop(): Promise<void>;
};

const lines = 2;
/** A socket that ends sooner than this after its start counts as a failure, whatever the reason: Slack may be in a storm. */
const settledMs = 5_000;

export function createPool(options: {
  readonly appToken: string;
  readonly apiUrl: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly timing: Timing;
  readonly onEnvelope: SocketOptions["onEnvelope"];
}): Pool {
  const { clock, log, health, timing } = options;
  const sockets = new Set<Socket>();
  const stop = Promise.withResolvers<void>();
  let stopped = false;

  function open(line: number): Socket {
    const socket = openSocket({
      appToken: options.appToken,
      apiUrl: options.apiUrl,
      log,
      helloWithinMs: timing.helloWithinMs,
      pongWithinMs: timing.pongWithinMs,
      onEnvelope: options.onEnvelope,
      onOpen(connections) {
        health.socketOpened();
        log.debug({ line, connections }, "A socket is open");
        warnOfOthers(connections);
      },
      onGone: () => health.socketClosed(),
    });
    sockets.add(socket);
    return socket;
  }

  /** Slack gives an envelope to any one connection of the app: another process with our token would take commands away. */
  function warnOfOthers(connections: number): void {
    const ours = health.openSockets();
    if (connections > ours)
      log.warn({ connections, ours }, "Slack counts more connections than ours: is SLACK_APP_TOKEN used elsewhere?");
  }

  async function retire(socket: Socket): Promise<void> {
    await socket.close();
    sockets.delete(socket);
  }

  async function keepLine(line: number, delayMs: number): Promise<void> {
    await pause(delayMs);
    let failures = 0;
    let previous: Socket | null = null;
    while (!stopped) {
      const startedAt = clock.now();
      const socket = open(line);
      const isOpen = await socket.opened;
      if (isOpen) {
        if (previous !== null) void retire(previous);
        previous = socket;
      }
      const ending = await socket.ended;
      if (stopped) return;
      const settled = isOpen && clock.now() - startedAt >= settledMs;
      failures = settled ? 0 : failures + 1;
      report({ line, ending, failures });
      if (ending.kind !== "refresh") {
        void retire(socket);
        if (previous === socket) previous = null;
      }
      const restMs = ending.kind === "failed" ? ending.retryAfterMs : 0;
      await pause(Math.max(restMs, failures > 0 ? backoffMs(failures, timing) : 0));
    }
  }

  function report({ line, ending, failures }: { line: number; ending: Ending; failures: number }): void {
    switch (ending.kind) {
      case "refresh":
        log.debug({ line }, "Slack refreshes a socket");
        break;
      case "closed":
        log.info({ line }, "A socket closed");
        break;
      case "failed":
        health.socketFault(ending.reason);
        log.warn({ line, reason: ending.reason, detail: ending.detail, failures }, "A socket could not be opened");
    }
  }

  /** Until then, or until the end. */
  async function pause(ms: number): Promise<void> {
    if (ms <= 0 || stopped) return;
    const wait = Promise.withResolvers<void>();
    const cancel = clock.wakeAt(clock.now() + ms, wait.resolve);
    await Promise.race([wait.promise, stop.promise]);
    cancel();
  }

  return {
    start() {
      for (let line = 0; line < lines; line += 1) void keepLine(line, line * timing.secondSocketAfterMs);
    },
    async stop() {
      stopped = true;
      stop.resolve();
      await Promise.all([...sockets].map(retire));
    },
  };
}
