/**
 * One Socket Mode connection, from its opening to its end. The SDK's client is used for the handshake, the pings and the close, but
 * never to reconnect: its own reconnecting is deaf for 5 s, gives up on a revoked token, and fails where nobody can catch it.
 * A new connection is a new client (pool.ts).
 */
import { SocketModeClient } from "@slack/socket-mode";
import { ChatError, type Log } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import { webClientOptions } from "./api.ts";
import { chatError } from "./errors.ts";
import { type Fields, fields, text } from "./payload.ts";
import { sdkLog } from "./sdk-log.ts";

export type Envelope = {
  readonly id: string;
  readonly body: Fields;
  readonly retryNum: number | undefined;
  readonly retryReason: string | undefined;
  readonly ack: (answer?: string | object) => Promise<void>;
};

/**
 * `refresh`: Slack wants this connection replaced; it still works for a while. `closed`: it was open and is no more.
 * `failed`: it never opened, or Slack closed it for a reason that a quick retry will not mend.
 */
export type Ending =
  | { readonly kind: "refresh" }
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly reason: ReasonCode; readonly detail: string; readonly retryAfterMs: number };

export type Socket = {
  /** Whether it said hello. */
  readonly opened: Promise<boolean>;
  readonly ended: Promise<Ending>;
  close(): Promise<void>;
};

export type SocketOptions = {
  readonly appToken: string;
  readonly apiUrl: string | undefined;
  readonly log: Log;
  readonly helloWithinMs: number;
  readonly pongWithinMs: number;
  readonly onEnvelope: (envelope: Envelope) => void;
  /** `connections`: how many Slack counts for this app. */
  readonly onOpen: (connections: number) => void;
  /** After `onOpen`, once. */
  readonly onGone: () => void;
};

const openTimeoutMs = 10_000;
const closeTimeoutMs = 1_000;
/** These last until a person acts: asking every second would only fill the log. */
const slowRetryMs = 30_000;

export function openSocket(options: SocketOptions): Socket {
  const { log } = options;
  const client = new SocketModeClient({
    appToken: options.appToken,
    autoReconnectEnabled: false,
    clientPingTimeout: options.pongWithinMs,
    logger: sdkLog(log, "socket-mode"),
    // Not shared with any other client: the SDK writes into it.
    clientOptions: { ...webClientOptions(options.apiUrl), timeout: openTimeoutMs },
  });
  const opened = Promise.withResolvers<boolean>();
  const ended = Promise.withResolvers<Ending>();
  let isOpen = false;
  let closing = false;

  const deadline = setTimeout(() => {
    end({ kind: "failed", reason: "chat_unreachable", detail: `no hello within ${options.helloWithinMs} ms`, retryAfterMs: 0 });
    void close();
  }, options.helloWithinMs);

  function end(ending: Ending): void {
    clearTimeout(deadline);
    opened.resolve(false);
    ended.resolve(ending);
  }

  function gone(): void {
    if (isOpen) options.onGone();
    end(
      isOpen
        ? { kind: "closed" }
        : { kind: "failed", reason: "chat_unreachable", detail: "closed before hello", retryAfterMs: 0 },
    );
    isOpen = false;
  }

  function hello(frame: Fields): void {
    if (isOpen || closing) return;
    isOpen = true;
    clearTimeout(deadline);
    opened.resolve(true);
    options.onOpen(typeof frame["num_connections"] === "number" ? frame["num_connections"] : 0);
  }

  function toldToGo(reason: string | null): void {
    if (reason === "warning" || reason === "refresh_requested") {
      end({ kind: "refresh" });
      return;
    }
    const detail = `Slack closed the connection: ${reason}`;
    const disabled = reason === "link_disabled";
    end({ kind: "failed", reason: disabled ? "chat_auth" : "chat_unreachable", detail, retryAfterMs: slowRetryMs });
    void close();
  }

  async function close(): Promise<void> {
    closing = true;
    await disconnectFully(client);
  }

  guardFrames(client, { log, hello, toldToGo });
  client.on("slack_event", (event: Fields) => options.onEnvelope(envelopeOf(event)));
  client.on("disconnected", gone);
  // Closed while it was still asking for an address: it would connect behind our back.
  client.on("connecting", () => {
    if (closing) setImmediate(() => void disconnectFully(client));
  });
  client.start().catch((error: unknown) => end(failedStart(error)));
  return { opened: opened.promise, ended: ended.promise, close };
}

async function disconnectFully(client: SocketModeClient): Promise<void> {
  // A second call ends a close handshake that the peer does not finish; the SDK would wait 30 s for it.
  const force = setTimeout(() => void client.disconnect(), closeTimeoutMs);
  const gone = client.disconnect();
  // The SDK loses this timer when the connection ends by an error meanwhile; it would keep the process for those 30 s.
  const handshake: unknown = Reflect.get(client.websocket ?? {}, "closeHandshakeTimeout");
  await gone;
  clearTimeout(force);
  clearTimeout(handshake as NodeJS.Timeout | undefined);
}

/** Stands before the SDK's frame handler, which is asynchronous and throws on frames of an unexpected shape where nobody catches it. */
function guardFrames(
  client: SocketModeClient,
  on: { readonly log: Log; readonly hello: (frame: Fields) => void; readonly toldToGo: (reason: string | null) => void },
): void {
  const [sdkHandler] = client.listeners("ws_message");
  client.removeAllListeners("ws_message");
  client.on("ws_message", (data: unknown, isBinary: boolean) => {
    const frame = parseFrame(data);
    const type = text(frame, "type");
    if (type === "disconnect") return on.toldToGo(text(frame, "reason"));
    if (type === "hello") on.hello(frame);
    Promise.resolve(sdkHandler?.call(client, data, isBinary)).catch((error: unknown) => {
      on.log.warn({ type, error: String(error) }, "A Slack frame was not understood");
    });
  });
}

function parseFrame(data: unknown): Fields {
  try {
    return typeof data === "string" ? fields(JSON.parse(data)) : {};
  } catch {
    return {};
  }
}

function envelopeOf(event: Fields): Envelope {
  return {
    id: String(event["envelope_id"]),
    body: fields(event["body"]),
    retryNum: typeof event["retry_num"] === "number" ? event["retry_num"] : undefined,
    retryReason: text(event, "retry_reason") ?? undefined,
    ack: event["ack"] as Envelope["ack"],
  };
}

function failedStart(error: unknown): Ending {
  // The SDK rejects with nothing when the connection closed before hello.
  if (error === undefined) return { kind: "failed", reason: "chat_unreachable", detail: "closed before hello", retryAfterMs: 0 };
  const { reason, retryAfterMs, message } = error instanceof ChatError ? error : chatError("apps.connections.open", error);
  // A refused token is asked about at the pace of the supervisor: it may be mended any moment.
  return { kind: "failed", reason, detail: message, retryAfterMs: reason === "chat_auth" ? 0 : (retryAfterMs ?? 0) };
}
