/**
 * The server's end of the agents' connections: lets them in, brings what they see to the desk and what is desired to them.
 * Holds no truth of its own: everything it knows is who is connected.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock, Fleet, FleetDesk, Log } from "../app/ports.ts";
import { AskError, type Question } from "../core/ask.ts";
import type { DesiredPicture } from "../core/slot.ts";
import type { UsageSample } from "../core/usage.ts";
import { type Admission, admit } from "./admit.ts";
import { type Answerers, type Asking, createAsking } from "./asking.ts";
import { toldAt } from "./freshness.ts";
import { type FromServer, maxMessageBytes, nameOf, parseFromAgent, protocolVersion } from "./protocol.ts";

export type FleetHub = Fleet & {
  /** For the `upgrade` event of an http.Server, when the path is `/agent`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every connection. */
  stop(): Promise<void>;
};

export type HubOptions = {
  readonly desk: FleetDesk;
  readonly log: Log;
  readonly clock: Clock;
  /** Between two pings; a peer that is silent for `deadMs` is dead. */
  readonly heartbeatMs?: number;
  readonly deadMs?: number;
  readonly handshakeMs?: number;
  /** How long the first of two agents for one host has to show that it is alive. */
  readonly rivalMs?: number;
  /** Questions of agents, by their word. Absent: none is answered. */
  readonly answerers?: Readonly<Record<string, (host: string, question: Question) => Promise<void>>>;
  /** What a host uses, every few seconds. Absent: no agent is asked for it. */
  readonly onUsage?: (host: string, sample: UsageSample) => void;
};

export type Connection = {
  readonly socket: WebSocket;
  host: string | null;
  instance: string;
  /** On the clock that nobody sets. */
  heardAt: number;
  nudged: boolean;
  /** When it was sent the newest picture, and when what it said last was so. */
  askedAt: number;
  toldAt: number;
  /** What its agent says that it can, and the questions on the way; null until it was let in. */
  can: readonly string[];
  asking: Asking | null;
};

export function createFleetHub(options: HubOptions): FleetHub {
  const { desk, log, clock } = options;
  const heartbeatMs = options.heartbeatMs ?? 5_000;
  const deadMs = options.deadMs ?? 15_000;
  const server = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
  const connections = new Set<Connection>();
  const byHost = new Map<string, Connection>();
  let stopped = false;
  let cancelBeat = clock.wakeAt(clock.now() + heartbeatMs, beat);
  let beatAt = clock.mono();

  function beat(): void {
    if (!endsAllAfterStandstill()) beatAt = clock.mono();
    for (const connection of connections) {
      if (clock.mono() - connection.heardAt > deadMs) connection.socket.terminate();
      else if (connection.host !== null) connection.socket.ping();
    }
    if (!stopped) cancelBeat = clock.wakeAt(clock.now() + heartbeatMs, beat);
  }

  /** For so long that every agent has given this server up: what they said before that waits in buffers, and is old. */
  function endsAllAfterStandstill(): boolean {
    const stoodMs = clock.mono() - beatAt;
    if (stoodMs <= heartbeatMs + deadMs) return false;
    beatAt = clock.mono();
    log.warn({ stoodMs }, "this server stood still; its agents come again");
    for (const connection of [...connections]) end(connection);
    return true;
  }

  function ask(connection: Connection, picture: DesiredPicture): void {
    connection.askedAt = clock.now();
    say(connection, { type: "desired", picture, asked: connection.askedAt });
  }

  function say(connection: Connection, message: FromServer): void {
    if (connection.socket.readyState === connection.socket.OPEN) connection.socket.send(JSON.stringify(message));
  }

  function sent({ socket }: Connection, text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.send(text, (error) => (error == null ? resolve() : reject(error)));
    });
  }

  function refuse(connection: Connection, reason: string, text: string, claimed: string | null): void {
    log.warn({ host: connection.host, claimed, reason, text }, "agent refused");
    say(connection, { type: "refused", reason, text });
    connection.socket.close(4_403, reason);
  }

  function welcome(connection: Connection): void {
    const socket = connection.socket;
    const nonce = randomBytes(32).toString("base64url");
    const giveUp = clock.wakeAt(clock.now() + (options.handshakeMs ?? 10_000), () => socket.terminate());
    const known = { serverId: desk.serverId(), epoch: desk.epoch(), head: desk.head() };
    say(connection, { type: "challenge", protocol: protocolVersion, nonce, ...known });
    socket.once("message", (data) => {
      giveUp();
      void enter(connection, nonce, String(data));
    });
    socket.once("close", giveUp);
  }

  async function enter(connection: Connection, nonce: string, raw: string): Promise<void> {
    // Messages may follow the introduction at once; they wait until it is settled.
    connection.socket.pause();
    try {
      const admitted = await admit({ raw, nonce, desk, rivalOf, evict });
      if ("refused" in admitted) return refuse(connection, admitted.refused, admitted.text, nameOf(raw));
      settle(connection, admitted);
    } catch (error) {
      fault(connection, error);
    } finally {
      connection.socket.resume();
    }
  }

  /** Another live connection of the same host. One that cannot answer a ping is dead and is ended here. */
  async function rivalOf(host: string, instance: string): Promise<boolean> {
    const rival = byHost.get(host);
    if (rival === undefined) return false;
    const alive = rival.instance !== instance && (await answersPing(rival));
    if (!alive) end(rival);
    return alive;
  }

  function evict(host: string): void {
    const old = byHost.get(host);
    if (old === undefined) return;
    log.warn({ host }, "the host has enrolled again: its connection under the old key is ended");
    end(old);
  }

  function end(connection: Connection): void {
    leave(connection);
    connection.socket.terminate();
  }

  function answersPing(connection: Connection): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (alive: boolean) => {
        cancel();
        connection.socket.off("pong", yes);
        connection.socket.off("close", no);
        resolve(alive);
      };
      const yes = () => done(true);
      const no = () => done(false);
      const cancel = clock.wakeAt(clock.now() + (options.rivalMs ?? 2_000), no);
      connection.socket.on("pong", yes);
      connection.socket.on("close", no);
      connection.socket.ping();
    });
  }

  function settle(connection: Connection, admitted: Exclude<Admission, { refused: unknown }>): void {
    const { host, agentVersion, labels, known } = admitted;
    if (connection.socket.readyState !== connection.socket.OPEN || stopped) return;
    // Two newcomers may have waited for the same dead rival: the first one in stays.
    if (byHost.has(host)) {
      refuse(connection, "duplicate_agent", `another agent is connected as ${host}`, host);
      return;
    }
    connection.host = host;
    connection.instance = admitted.instance;
    connection.can = admitted.can;
    connection.asking = createAsking({
      send: (text) => sent(connection, text),
      peerCan: admitted.can,
      answerers: answerersFor(host),
      clock,
      log,
    });
    byHost.set(host, connection);
    connection.socket.on("message", (data) => hear(connection, String(data)));
    desk.connected({ host, agentVersion, labels, ...known });
    // Who may not be told anything is asked what it was told by somebody else.
    const picture = desk.desired(host);
    const can = Object.keys(options.answerers ?? {});
    const offer = { ...(can.length === 0 ? {} : { can }), ...(options.onUsage && { usage: true as const }) };
    say(connection, { type: "welcome", ...(picture === null ? { orders: true } : {}), ...offer });
    if (picture !== null) ask(connection, picture);
  }

  /** An agent of today speaks for one host only: whoever answers it is told which. */
  function answerersFor(host: string): Answerers {
    const all = Object.entries(options.answerers ?? {});
    return Object.fromEntries(all.map(([what, answerer]) => [what, (question: Question) => answerer(host, question)]));
  }

  function hear(connection: Connection, raw: string): void {
    const { host } = connection;
    if (endsAllAfterStandstill() || host === null || byHost.get(host) !== connection) return;
    const parsed = parseFromAgent(raw);
    if (!parsed.ok) {
      log.warn({ host, why: parsed.why }, "agent sent what is not understood");
      connection.socket.close(4_400, "not understood");
      return;
    }
    const { message } = parsed;
    if (message.type === "ask" || message.type === "answer" || message.type === "enough") connection.asking?.hear(message);
    if (message.type === "usage") options.onUsage?.(host, message.sample);
    if (message.type !== "observed") return;
    const { picture, answers } = message;
    connection.toldAt = toldAt({ answers, askedAt: connection.askedAt, now: clock.now() });
    try {
      desk.observed(host, picture);
    } catch (error) {
      fault(connection, error);
    }
  }

  function sendDesired(connection: Connection): void {
    const { host } = connection;
    if (host === null || byHost.get(host) !== connection) return;
    try {
      const picture = desk.desired(host);
      if (picture !== null) ask(connection, picture);
    } catch (error) {
      fault(connection, error);
    }
  }

  /** A fault of ours must not look like the agent's: it reconnects and both start from whole pictures. */
  function fault(connection: Connection, error: unknown): void {
    log.error({ host: connection.host, error: String((error as Error).stack ?? error) }, "a fault while serving an agent");
    connection.socket.close(1_011, "a fault in the server");
  }

  function leave(connection: Connection): void {
    const { host } = connection;
    connections.delete(connection);
    connection.asking?.end();
    if (host === null || byHost.get(host) !== connection) return;
    byHost.delete(host);
    if (stopped) return;
    try {
      desk.disconnected(host);
    } catch (error) {
      // Nobody above would catch it: what is called by a closing socket would end the process.
      log.error({ host, error: String((error as Error).stack ?? error) }, "a host's absence could not be noted");
    }
  }

  function accept(socket: WebSocket): void {
    endsAllAfterStandstill();
    const connection: Connection = {
      socket,
      host: null,
      instance: "",
      heardAt: clock.mono(),
      nudged: false,
      askedAt: 0,
      toldAt: 0,
      can: [],
      asking: null,
    };
    connections.add(connection);
    const heard = () => {
      connection.heardAt = clock.mono();
    };
    socket.on("pong", heard);
    socket.on("ping", heard);
    socket.on("message", heard);
    socket.on("error", (error) => log.warn({ host: connection.host, error: error.message }, "agent connection fault"));
    socket.on("close", () => leave(connection));
    welcome(connection);
  }

  return {
    isConnected: (host) => byHost.has(host),
    answeredSince: (host, at) => (byHost.get(host)?.toldAt ?? Number.NEGATIVE_INFINITY) >= at,
    can: (host) => byHost.get(host)?.can ?? null,
    async ask(host, order) {
      const connection = byHost.get(host);
      if (connection?.asking == null) throw new AskError("host_lost", "its agent is not connected");
      if (!connection.can.includes(order.what)) {
        throw new AskError("incompatible_agent", `its agent is too old for ${order.what}: upgrade it`);
      }
      await connection.asking.ask(order);
    },
    drop(host) {
      byHost.get(host)?.socket.terminate();
    },
    nudge(host) {
      const connection = byHost.get(host);
      if (connection === undefined || connection.nudged) return;
      connection.nudged = true;
      // Several nudges of one moment are one picture.
      clock.soon(() => {
        connection.nudged = false;
        sendDesired(connection);
      });
    },
    handleUpgrade(request, socket, head) {
      if (stopped) return void socket.destroy();
      server.handleUpgrade(request, socket, head, accept);
    },
    async stop() {
      stopped = true;
      cancelBeat();
      for (const { socket } of connections) socket.close(1_001, "the server stops");
      const deadline = new Promise<void>((resolve) => clock.wakeAt(clock.now() + 500, resolve));
      const closed = [...connections].map(({ socket }) => new Promise((resolve) => socket.once("close", resolve)));
      await Promise.race([Promise.all(closed), deadline]);
      for (const { socket } of connections) socket.terminate();
      server.close();
    },
  };
}
