import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ReceiverEvent } from "@slack/bolt";
import type { Chat, Clock, Door, Log } from "../app/ports.ts";
import { createApi } from "./api.ts";
import { createChat } from "./chat.ts";
import { openExchange } from "./exchange.ts";
import { createHealth } from "./health.ts";
import { answer, createGuard, type Guard } from "./http.ts";
import { type IdentityKeeper, keepIdentity } from "./identity.ts";
import { createIntake } from "./intake.ts";
import { createOutbound } from "./outbound.ts";
import { createPeople } from "./people.ts";
import { createPool, type Pool } from "./pool.ts";
import { boltRequestListener, createRouter } from "./router.ts";
import type { Envelope } from "./socket.ts";
import { defaultTiming, type Timing } from "./timing.ts";

export type SlackOptions = {
  readonly botToken: string;
  /** Socket Mode. Exactly one of this and `signingSecret` is used; this one wins. */
  readonly appToken?: string | undefined;
  /** HTTP mode. */
  readonly signingSecret?: string | undefined;
  /** Ends in `/api/`; default Slack's own. */
  readonly apiUrl?: string | undefined;
  readonly door: Door;
  readonly log: Log;
  readonly clock: Clock;
  /** From the arrival of an envelope or request to its acknowledgement. */
  readonly onAck?: (seconds: number) => void;
  /** Slack answered 429. */
  readonly on429?: (method: string) => void;
  /** Slack answers, for the first time or again. */
  readonly onConnected?: () => void;
  readonly timing?: Partial<Timing>;
};

export type Slack = {
  readonly chat: Chat;
  /**
   * Resolves once connected, or after `startWithinMs` without: the supervisor goes on trying for ever. No fault of Slack's (revoked
   * token, outage) makes it reject; `chat.state()` and the log tell.
   */
  start(): Promise<void>;
  /** Takes nothing new, lets what is in flight end (at most `drainMs`), closes the sockets. */
  stop(): Promise<void>;
  /** `POST /slack/events` of HTTP mode; 404 in Socket Mode. */
  readonly httpHandler: Guard;
};

/** Connects Gantry to one Slack workspace. Nothing happens before `start()`. */
export function createSlack(options: SlackOptions): Slack {
  const { door, log, clock, apiUrl } = options;
  // An empty environment variable is none.
  const appToken = options.appToken || undefined;
  const signingSecret = options.signingSecret || undefined;
  const timing: Timing = { ...defaultTiming, ...options.timing };
  const health = createHealth({
    clock,
    log,
    sockets: appToken !== undefined,
    onConnected() {
      // A socket opens with the app token alone: nobody would see that the bot token was revoked while nothing was said.
      if (appToken !== undefined) identity.check();
      options.onConnected?.();
    },
  });
  const api = createApi({
    token: options.botToken,
    apiUrl,
    log,
    on429: (method) => options.on429?.(method),
    onDoubt: () => identity.check(),
  });
  const identity: IdentityKeeper = keepIdentity({ call: api.call, clock, log, health, timing });
  const team = () => identity.known()?.team ?? null;
  const outbound = createOutbound({ clock });
  const { chat, whisper } = createChat({ call: api.call, outbound, clock, timing, state: health.state });
  const people = createPeople({ callNow: api.callNow, team, clock, log });
  const intake = createIntake({ door, people, team, whisper, callNow: api.callNow, clock, log });
  const router = createRouter({ botToken: options.botToken, apiUrl, identity: identity.known, intake, log });
  const arrivals = new Set<Promise<void>>();

  /** One request of Slack's, whatever brought it. Never rejects. */
  function arrive(key: string, event: ReceiverEvent): Promise<void> {
    const { ackWarnMs } = timing;
    const exchange = openExchange({ key, send: event.ack, clock, log, ackWarnMs, onAck: (seconds) => options.onAck?.(seconds) });
    const arrival = router
      .receive(event, exchange)
      .catch((error: unknown) => log.error({ key, error: String(error) }, "Receiving from Slack threw"))
      .finally(() => arrivals.delete(arrival));
    arrivals.add(arrival);
    return arrival;
  }

  function onEnvelope({ id, body, retryNum, retryReason, ack }: Envelope): void {
    const retry = { ...(retryNum === undefined ? {} : { retryNum }), ...(retryReason === undefined ? {} : { retryReason }) };
    void arrive(`socket:${id}`, { body, ack, ...retry });
  }

  const pool: Pool | null =
    appToken === undefined ? null : createPool({ appToken, apiUrl, clock, log, health, timing, onEnvelope });

  async function connect(): Promise<void> {
    identity.check();
    await identity.found;
    pool?.start();
    await health.connected;
  }

  return {
    chat,
    start: () => within(connect(), timing.startWithinMs),
    async stop() {
      intake.close();
      identity.stop();
      await within(Promise.allSettled(arrivals), timing.ackWarnMs);
      await pool?.stop();
      await within(
        intake.idle().then(() => outbound.idle()),
        timing.drainMs,
      );
      outbound.close();
    },
    httpHandler: signingSecret === undefined || pool !== null ? notHere : httpHandler(signingSecret),
  };

  function httpHandler(secret: string): Guard {
    const receive = (event: ReceiverEvent) => arrive(httpKey(event), event);
    const next = boltRequestListener({ signingSecret: secret, log, receive });
    return createGuard({ signingSecret: secret, clock, log, ready: () => team() !== null, next });
  }

  /** Whichever comes first. */
  async function within(work: Promise<unknown>, ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = clock.wakeAt(clock.now() + ms, late.resolve);
    await Promise.race([work, late.promise]);
    cancel();
  }
}

/** A signature is made anew for each request, so it names the request; hashed, since it is half a secret. */
function httpKey(event: ReceiverEvent): string {
  const hash = createHash("sha256").update(String(event.customProperties?.["signature"]));
  return `http:${hash.digest("hex").slice(0, 40)}`;
}

function notHere(_request: IncomingMessage, response: ServerResponse): void {
  answer(response, 404);
}
