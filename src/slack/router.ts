/**
 * Bolt as the router: which listener gets what. Both receivers bring their requests to `receive`, which gives Bolt an
 * acknowledgement of ours: Bolt acknowledges events before any listener runs, and we record them first.
 */
import { App, HTTPReceiver, type Receiver, type ReceiverEvent } from "@slack/bolt";
import type { Log } from "../app/ports.ts";
import { webClientOptions } from "./api.ts";
import type { Exchange } from "./exchange.ts";
import { eventsPath } from "./http.ts";
import type { Identity } from "./identity.ts";
import { commandInbound, formInbound, homeInbound, type Inbound, isTalk, mentionInbound, pressInbound } from "./inbound.ts";
import type { Intake } from "./intake.ts";
import { type Fields, fields } from "./payload.ts";
import { mentionFirst, outsideChannel, unknownCommand } from "./refusals.ts";
import { type eventScopes, slashCommands } from "./scopes.ts";
import { sdkLog } from "./sdk-log.ts";

export type Router = { receive(event: ReceiverEvent, exchange: Exchange): Promise<void> };

export function createRouter(options: {
  readonly botToken: string;
  readonly apiUrl: string | undefined;
  readonly identity: () => Identity | null;
  readonly intake: Intake;
  readonly log: Log;
}): Router {
  const { intake, identity, log } = options;
  const app = new App({
    // Our own, so that Bolt does not call auth.test where a failure would be nobody's.
    authorize: async () => ({ botToken: options.botToken, ...boltIdentity(identity()) }),
    receiver: idleReceiver,
    convoStore: false,
    ignoreSelf: true,
    logger: sdkLog(log, "bolt"),
    clientOptions: webClientOptions(options.apiUrl),
  });
  app.error(async (error) => log.error({ error: String(error) }, "A Slack listener threw"));
  listen(app, { intake, identity });
  return {
    async receive(event, exchange) {
      await app.processEvent({ ...event, ack: async () => {}, customProperties: { exchange } });
      if (exchange.acked()) return;
      // Also `app_rate_limited`, which says that Slack drops events.
      const { type } = event.body;
      if (type === "app_rate_limited") log.warn({ type }, "Slack limits the events of this app; commands still arrive");
      else log.debug({ type, key: exchange.key }, "Nothing of Gantry's; acknowledged");
      const isCommand = "command" in event.body;
      await exchange.ack(isCommand ? { response_type: "ephemeral", text: unknownCommand.text } : undefined);
    },
  };
}

/** The listeners must be disjoint: Bolt runs every one that matches. */
function listen(app: App, { intake, identity }: { readonly intake: Intake; readonly identity: () => Identity | null }): void {
  /** Runs a listener with the exchange that `receive` put into Bolt's context. */
  const on = (read: (body: Fields) => Inbound | null) => {
    return async ({ body, context }: { readonly body: unknown; readonly context: object }) => {
      const exchange = (context as { readonly exchange: Exchange }).exchange;
      const inbound = read(fields(body));
      if (inbound === null) return;
      const refusal = refusalFor(fields(body));
      if (refusal === null) await intake.take(exchange, inbound);
      else await intake.decline(exchange, inbound, refusal);
    };
  };
  const botUser = () => identity()?.botUser ?? "";
  const refusalFor = (body: Fields) => {
    if (body["is_ext_shared_channel"] === true) return outsideChannel;
    return isTalk(body, botUser()) ? mentionFirst : null;
  };

  // One listener for all: Bolt walks every listener for every request.
  app.command(new RegExp(`^(?:${slashCommands.join("|")})$`), on(commandInbound));
  app.action(/^verb:[a-z][a-z0-9_-]{0,40}$/, on(pressInbound));
  app.view({ callback_id: /^form:[a-z][a-z0-9_-]{0,40}$/, type: "view_submission" }, on(formInbound));
  const events: Record<keyof typeof eventScopes, (body: Fields) => Inbound | null> = {
    app_mention: (body) => mentionInbound(body, botUser()),
    app_home_opened: homeInbound,
  };
  for (const [event, read] of Object.entries(events)) app.event(event, on(read));
}

/** Requests come in through `receive`; nothing is started or stopped through Bolt. */
const idleReceiver: Receiver = { init() {}, start: async () => {}, stop: async () => {} };

/** Bolt's HTTP request listener, without its server, whose events go to `receive`. */
export function boltRequestListener(options: {
  readonly signingSecret: string;
  readonly log: Log;
  readonly receive: (event: ReceiverEvent) => Promise<void>;
}): HTTPReceiver["requestListener"] {
  const receiver = new HTTPReceiver({
    signingSecret: options.signingSecret,
    endpoints: eventsPath,
    logger: sdkLog(options.log, "bolt-http"),
    customPropertiesExtractor: (request) => ({ signature: request.headers["x-slack-signature"] }),
  });
  // All that the receiver asks of an App.
  receiver.init({ processEvent: options.receive } as unknown as App);
  return receiver.requestListener;
}

function boltIdentity(identity: Identity | null): { botId?: string; botUserId?: string; teamId?: string } {
  return identity === null ? {} : { botId: identity.botId, botUserId: identity.botUser, teamId: identity.team };
}
