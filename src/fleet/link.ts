/**
 * The agent's end of the connection: dials out, for ever. The server's absence is an ordinary state; on every connection
 * both sides exchange whole pictures, so nothing depends on what was said before.
 */
import { WebSocket } from "ws";
import type { Clock, Log } from "../app/ports.ts";
import { type Ask, AskError } from "../core/ask.ts";
import type { DesiredPicture, Head, ObservedPicture } from "../core/slot.ts";
import type { UsageSample } from "../core/usage.ts";
import { type Answerers, type Asking, createAsking } from "./asking.ts";
import { whyNoConnection } from "./connection-fault.ts";
import { fitting } from "./fitting.ts";
import { signClaim } from "./proof.ts";
import { type FromAgent, type FromServer, maxMessageBytes, parseFromServer, protocolVersion, versionOf } from "./protocol.ts";

export type LinkOptions = {
  /** `http(s)://` or `ws(s)://` address of the server, with or without the path. */
  readonly url: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: string;
  /** Names this process. */
  readonly instance: string;
  readonly identity: {
    publicKey(): string;
    privateKey(): string;
    /** Null once enrolled, or when no token was given. */
    token(): string | null;
    serverId(): string | null;
  };
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** How much this host has heard of its server. */
  readonly known: () => { readonly epoch: number; readonly head?: Head };
  /** How far the server says that it is; `orders`: it asks what this host was last told. */
  readonly onServer: (says: { readonly epoch: number; readonly head?: Head; readonly orders: boolean }) => void;
  readonly observed: () => ObservedPicture;
  readonly onDesired: (picture: DesiredPicture) => void;
  readonly onWelcome: (serverId: string) => void;
  /** The server said no. Trying again goes on; the caller may know better and stop. */
  readonly onRefused: (reason: string, text: string) => void;
  readonly backoff?: { readonly firstMs: number; readonly capMs: number };
  readonly heartbeatMs?: number;
  readonly deadMs?: number;
  /** What this agent says that it can; and the server's questions, by their word, which is also said. Absent: nothing. */
  readonly can?: readonly string[];
  readonly answerers?: Answerers;
  /** The newest sample of what is used here, for a server that wants it. Absent or null: there is none. */
  readonly usage?: () => UsageSample | null;
};

/**
 * A connection that held for this long shows that the server is well: after it, the waits begin anew. Shorter is only one
 * that lets us in and closes at once.
 */
const settledMs = 250;

type Challenge = Extract<FromServer, { type: "challenge" }>;

export type AgentLink = {
  /** The observed picture has changed: send it soon, the newest once. */
  changed(): void;
  isConnected(): boolean;
  /** There is a newer sample of what is used. */
  sampled(): void;
  /** Asks the server, if it is there and says that it answers such a question. Rejects with AskError. */
  ask(order: Ask): Promise<void>;
  stop(): void;
};

export function createAgentLink(options: LinkOptions): AgentLink {
  const { clock, log, identity } = options;
  const { answerers = {} } = options;
  const url = addressOf(options.url);
  const heartbeatMs = options.heartbeatMs ?? 5_000;
  const deadMs = options.deadMs ?? 15_000;
  const { firstMs, capMs } = options.backoff ?? { firstMs: 500, capMs: 30_000 };
  let failures = 0;
  let stopped = false;
  let socket: WebSocket | null = null;
  let isIn = false;
  let wantsUsage = false;
  let enteredAt = 0;
  let sendQueued = false;
  /** When the server sent what was heard last over this connection, by its own time: said back, it dates what is reported. */
  let asked = 0;
  /** Questions over the connection of now; null while there is none. */
  let asking: Asking | null = null;
  /** Why the last try failed; told once, and again when it changes. */
  let fault: string | null = null;
  let toldFault: string | null = null;
  let cancelTimer: () => void = () => undefined;

  function dial(): void {
    const mine = new WebSocket(url, { maxPayload: maxMessageBytes, handshakeTimeout: deadMs, perMessageDeflate: false });
    socket = mine;
    asked = 0;
    let heardAt = clock.mono();
    let challenge: Challenge | null = null;
    const heard = () => {
      heardAt = clock.mono();
    };
    const beat = () => {
      if (clock.mono() - heardAt > deadMs) return mine.terminate();
      if (mine.readyState === mine.OPEN) mine.ping();
      cancelBeat = clock.wakeAt(clock.now() + heartbeatMs, beat);
    };
    let cancelBeat = clock.wakeAt(clock.now() + heartbeatMs, beat);
    mine.on("ping", heard);
    mine.on("pong", heard);
    mine.on("error", (error) => {
      fault = whyNoConnection(error, clock.now());
    });
    mine.on("message", (data) => {
      heard();
      const message = read(mine, String(data), challenge === null);
      if (message?.type === "challenge") challenge = message;
      if (message !== null && challenge !== null) hear(mine, message, challenge);
    });
    mine.on("close", () => {
      cancelBeat();
      if (socket === mine) lost();
    });
  }

  /** Full jitter: any wait up to the bound, which doubles. Thousands of agents must not come back at one moment. */
  function lost(): void {
    if (isIn && clock.mono() - enteredAt >= settledMs) failures = 0;
    if (isIn) log.warn({ url }, "lost the server; everything keeps serving");
    else if (failures === 0 || fault !== toldFault)
      log.warn({ url, ...(fault === null ? {} : { why: fault }) }, "the server does not answer; trying for ever");
    toldFault = isIn ? null : fault;
    fault = null;
    isIn = false;
    socket = null;
    asking?.end();
    asking = null;
    if (stopped) return;
    const bound = Math.min(capMs, firstMs * 2 ** Math.min(failures, 20));
    failures += 1;
    cancelTimer = clock.wakeAt(clock.now() + options.random() * bound, dial);
  }

  function read(from: WebSocket, raw: string, isFirst: boolean): FromServer | null {
    const protocol = versionOf(raw);
    // Looked at before the rest: a message of another version may have another shape.
    if (isFirst && protocol !== null && protocol !== protocolVersion) {
      sayIncompatible(from, protocol);
      return null;
    }
    const parsed = parseFromServer(raw);
    if (parsed.ok) return parsed.message;
    log.error({ why: parsed.why, protocol }, "the server said what is not understood");
    from.close(4_400, "not understood");
    return null;
  }

  /** Said on both sides: the server's log names this host, and ours says which of the two to upgrade. */
  function sayIncompatible(to: WebSocket, protocol: number): void {
    const older = protocol < protocolVersion ? "upgrade the server" : "upgrade this agent";
    const text = `the server speaks protocol ${protocol}, this agent ${protocolVersion}: ${older}`;
    log.error({ protocol, reason: "incompatible_agent" }, text);
    options.onRefused("incompatible_agent", text);
    const { name, agentVersion } = options;
    if (to.readyState === to.OPEN) to.send(JSON.stringify({ type: "prove", protocol: protocolVersion, name, agentVersion }));
    to.close(4_403, "another protocol");
  }

  function hear(from: WebSocket, message: FromServer, challenge: Challenge): void {
    const { serverId, epoch, head } = challenge;
    switch (message.type) {
      case "challenge":
        answer(from, message);
        return;
      case "welcome":
        isIn = true;
        enteredAt = clock.mono();
        asking = askingOver(from, message.can ?? []);
        wantsUsage = message.usage === true;
        log.info({ url, serverId }, "connected to the server");
        options.onWelcome(serverId);
        options.onServer({ epoch, ...(head === undefined ? {} : { head }), orders: message.orders === true });
        report(from);
        sampled();
        return;
      case "refused":
        log.error({ reason: message.reason, text: message.text }, "the server refuses this agent");
        options.onRefused(message.reason, message.text);
        return;
      case "desired":
        asked = message.asked ?? 0;
        options.onDesired(message.picture);
        // Also when nothing changed: the server may be asking whether all is well.
        changed();
        return;
      case "ask":
      case "answer":
      case "enough":
        asking?.hear(message);
    }
  }

  function askingOver(to: WebSocket, peerCan: readonly string[]): Asking {
    const sent = (text: string) =>
      new Promise<void>((resolve, reject) => {
        to.send(text, (error) => (error == null ? resolve() : reject(error)));
      });
    return createAsking({ send: sent, peerCan, answerers, clock, log });
  }

  function answer(from: WebSocket, challenge: Challenge): void {
    const { nonce, serverId } = challenge;
    if (!isOurs(challenge)) {
      from.close(4_403, "not the server of this host");
      return;
    }
    const { name, labels, agentVersion, instance } = options;
    const token = identity.token();
    const purpose = token === null ? "prove" : "enrol";
    const signature = signClaim({ purpose, nonce, serverId, name }, identity.privateKey());
    const can = [...new Set([...(options.can ?? []), ...Object.keys(answerers)])];
    const says = { name, labels, agentVersion, instance, ...(can.length === 0 ? {} : { can }) };
    const introduction = { protocol: protocolVersion, ...says, signature, ...options.known() };
    if (token === null) send(from, { type: "prove", ...introduction });
    else send(from, { type: "enrol", ...introduction, token, publicKey: identity.publicKey() });
  }

  /** Says no to a server that is not the one that enrolled this host. */
  function isOurs({ serverId }: Challenge): boolean {
    const known = identity.serverId();
    if (known === null || known === serverId) return true;
    log.error({ serverId, knownServer: known, reason: "foreign_server" }, "another server answers at this address");
    return false;
  }

  function send(to: WebSocket, message: FromAgent): void {
    if (to.readyState === to.OPEN) to.send(JSON.stringify(message));
  }

  function report(to: WebSocket): void {
    const picture = fitting(options.observed());
    const { orders = [], ...rest } = picture;
    // A message that is too long would end the connection; what runs is said in any case.
    const isTooLong = orders.length > 0 && Buffer.byteLength(JSON.stringify(picture)) > maxMessageBytes - 1_024;
    if (isTooLong) log.error({ slots: orders.length }, "what this host was told is too long to be told on");
    send(to, { type: "observed", picture: isTooLong ? rest : picture, answers: asked });
  }

  function changed(): void {
    if (sendQueued) return;
    sendQueued = true;
    clock.soon(() => {
      sendQueued = false;
      if (isIn && socket !== null) report(socket);
    });
  }

  /** One that no connection is there for is not kept: the next one is newer. */
  function sampled(): void {
    const sample = isIn && wantsUsage ? (options.usage?.() ?? null) : null;
    if (sample !== null && socket !== null) send(socket, { type: "usage", sample });
  }

  dial();
  return {
    changed,
    sampled,
    isConnected: () => isIn,
    async ask(order) {
      if (asking === null) throw new AskError("host_lost", "the server does not answer");
      await asking.ask(order);
    },
    stop() {
      stopped = true;
      cancelTimer();
      socket?.close(1_001, "the agent stops");
      socket?.terminate();
    },
  };
}

function addressOf(text: string): string {
  const url = new URL(text);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (!url.pathname.endsWith("/agent")) url.pathname = `${url.pathname.replace(/\/$/, "")}/agent`;
  return url.href;
}
