/**
 * Socket Mode. A connection is opened with a one-use ticket, greeted with `hello`, and then carries envelopes until Slack tells it to
 * `disconnect`. An envelope goes to exactly one connection, and never to one that was told to go: that one only drains its acks.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { APP_ID, type SlackState } from "../state.ts";
import type { JsonObject } from "../types.ts";
import type { Envelope, SendResult, Transport } from "./transport.ts";

export type DisconnectReason = "warning" | "refresh_requested" | "link_disabled" | "too_many_websockets";

const MAX_CONNECTIONS = 10;
/** The client gives up after 30 s without one. Real time: the client measures it so. */
const PING_INTERVAL_MS = 10_000;
/** Slack closes a connection that ignores `disconnect`. */
const DRAIN_MS = 10_000;
const STOP_PATIENCE_MS = 500;

type Connection = { readonly number: number; readonly socket: WebSocket; draining: boolean };

export class SocketHub implements Transport {
  readonly via = "socket";
  readonly #state: SlackState;
  readonly #server = new WebSocketServer({ noServer: true, autoPong: false });
  readonly #tickets = new Set<string>();
  readonly #waiting = new Map<string, (answer: JsonObject) => void>();
  readonly #connections: Connection[] = [];
  #opened = 0;
  #turn = 0;
  #stopping = false;
  blackhole = false;

  constructor(state: SlackState) {
    this.#state = state;
  }

  /** A ticket for one connection. */
  issueTicket(): string {
    const ticket = this.#state.ids.secret();
    this.#tickets.add(ticket);
    return ticket;
  }

  /** Connections that would get an envelope now. */
  get live(): number {
    return this.#ready().length;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ticket = new URL(request.url ?? "/", "http://slack").searchParams.get("ticket") ?? "";
    if (this.#stopping || !this.#tickets.delete(ticket)) {
      this.#state.record({ kind: "socket", event: "refused", connection: null });
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
  }

  async send(envelope: Envelope, signal: AbortSignal): Promise<SendResult> {
    const ready = this.#ready();
    const connection = ready[this.#turn++ % Math.max(ready.length, 1)];
    if (connection === undefined) return { kind: "failed", reason: "no_connection", noRetry: false };
    const answered = new Promise<SendResult>((resolve) => {
      this.#waiting.set(envelope.id, (answer) => resolve({ kind: "answered", answer }));
    });
    signal.addEventListener("abort", () => this.#waiting.delete(envelope.id), { once: true });
    this.#state.record({
      kind: "envelope",
      via: "socket",
      envelopeId: envelope.id,
      type: envelope.type,
      payload: envelope.payload,
      attempt: envelope.retryAttempt,
      connection: connection.number,
    });
    if (!this.blackhole) connection.socket.send(JSON.stringify(wireForm(envelope)));
    return await answered;
  }

  /** Tells connections to go, as Slack does every few hours. `count`: only that many, the oldest first. */
  disconnect(reason: DisconnectReason, count: number = Number.POSITIVE_INFINITY): void {
    for (const connection of this.#ready().slice(0, count)) this.#tellToGo(connection, reason);
  }

  /** Cuts every connection without a word. */
  kill(): void {
    for (const connection of [...this.#connections]) {
      this.#state.record({ kind: "socket", event: "killed", connection: connection.number });
      connection.socket.terminate();
    }
  }

  /** Says goodbye to every connection, and cuts those that do not answer. A client that is cut while it closes waits for 30 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const closed = this.#connections.map(({ socket }) => new Promise<void>((resolve) => socket.once("close", () => resolve())));
    for (const { socket } of this.#connections) socket.close(1001);
    const patience = setTimeout(() => this.kill(), STOP_PATIENCE_MS);
    await Promise.all(closed);
    clearTimeout(patience);
    this.#server.close();
  }

  #ready(): Connection[] {
    return this.#connections.filter(
      (connection) => !connection.draining && connection.socket.readyState === connection.socket.OPEN,
    );
  }

  #welcome(socket: WebSocket): void {
    const connection: Connection = { number: ++this.#opened, socket, draining: false };
    const pings = setInterval(() => this.blackhole || socket.ping(), PING_INTERVAL_MS);
    pings.unref();
    socket.on("ping", (data) => this.blackhole || socket.pong(data));
    socket.on("message", (data) => this.#receive(connection, String(data)));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearInterval(pings);
      const at = this.#connections.indexOf(connection);
      if (at >= 0) this.#connections.splice(at, 1);
      this.#state.record({ kind: "socket", event: "closed", connection: connection.number });
      this.#state.changed();
    });
    if (this.#ready().length >= MAX_CONNECTIONS) {
      this.#turnAway(connection);
      return;
    }
    this.#connections.push(connection);
    this.#state.record({ kind: "socket", event: "hello", connection: connection.number });
    socket.send(JSON.stringify(helloFor(this.#ready().length)));
    this.#state.changed();
  }

  #turnAway(connection: Connection): void {
    this.#state.record({ kind: "socket", event: "disconnect: too_many_websockets", connection: connection.number });
    connection.socket.send(JSON.stringify(disconnectFor("too_many_websockets")));
    connection.socket.close();
  }

  #tellToGo(connection: Connection, reason: DisconnectReason): void {
    connection.draining = true;
    this.#state.record({ kind: "socket", event: `disconnect: ${reason}`, connection: connection.number });
    connection.socket.send(JSON.stringify(disconnectFor(reason)));
    const cancel = this.#state.clock.after(DRAIN_MS, () => connection.socket.close());
    connection.socket.once("close", cancel);
  }

  #receive(connection: Connection, text: string): void {
    if (this.blackhole) return;
    const message = parseObject(text);
    const envelopeId = message?.["envelope_id"];
    if (typeof envelopeId !== "string") {
      this.#state.record({ kind: "socket", event: "not understood", connection: connection.number });
      return;
    }
    const payload = (message?.["payload"] ?? {}) as JsonObject;
    const waiting = this.#waiting.get(envelopeId);
    this.#waiting.delete(envelopeId);
    this.#state.record({ kind: "ack", envelopeId, payload, late: waiting === undefined });
    waiting?.(payload);
  }
}

function wireForm(envelope: Envelope): JsonObject {
  return {
    envelope_id: envelope.id,
    type: envelope.type,
    payload: envelope.payload,
    accepts_response_payload: envelope.acceptsResponse,
    ...(envelope.type === "events_api" ? { retry_attempt: envelope.retryAttempt, retry_reason: envelope.retryReason } : {}),
  };
}

function helloFor(connections: number): JsonObject {
  return {
    type: "hello",
    num_connections: connections,
    connection_info: { app_id: APP_ID },
    debug_info: { host: "rehearsal", started: "2026-01-05 09:00:00.000", build_number: 1, approximate_connection_time: 18_060 },
  };
}

function disconnectFor(reason: DisconnectReason): JsonObject {
  return { type: "disconnect", reason, debug_info: { host: "rehearsal" } };
}

function parseObject(text: string): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : null;
  } catch {
    return null;
  }
}
