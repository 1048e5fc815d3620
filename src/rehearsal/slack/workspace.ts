/**
 * A Slack workspace on this machine that speaks Slack's protocol: the unmodified Bolt app runs against it, tests drive it through
 * `as("ana")` and `channel("deploys")`, and the window at `/` shows it to people. Loopback only.
 */
import { Acts } from "./acts.ts";
import { Capabilities } from "./capabilities.ts";
import { ChannelView } from "./channel-view.ts";
import { type RehearsalClock, realClock } from "./clock.ts";
import { Delivery } from "./delivery.ts";
import { Faults } from "./faults.ts";
import { Forms } from "./forms.ts";
import { createIds } from "./ids.ts";
import { Person } from "./people.ts";
import { ALL_SCOPES, fillWorkspace, type WorkspaceSeed } from "./seed.ts";
import { SlackServer } from "./server.ts";
import { APP_ID, SlackState } from "./state.ts";
import { HttpTransport } from "./transport/http.ts";
import { SocketHub } from "./transport/socket.ts";
import type { Transport } from "./transport/transport.ts";
import type { LogEntry } from "./types.ts";
import { RateLimits } from "./web-api/rate-limits.ts";
import { WebApi } from "./web-api/router.ts";
import { createWindow } from "./window/server.ts";

/** Socket Mode, or signed requests to the address of the app's `/slack/events`. */
export type DeliveryMode = "socket" | { readonly http: string };

export type WorkspaceOptions = {
  /** 0 (default): any free one. */
  readonly port?: number;
  readonly clock?: RehearsalClock;
  readonly mode?: DeliveryMode;
  /** Slack's rate limits; default on. `posting`: about one message per second and channel. `tiers`: calls per method and minute. */
  readonly rateLimits?: boolean | { readonly posting?: boolean; readonly tiers?: boolean };
  /** Scopes of the bot token; default: all that the stand-in knows. */
  readonly scopes?: readonly string[];
  /** Event types that the app subscribed to. */
  readonly events?: readonly string[];
  readonly seed?: WorkspaceSeed;
  /** Ids derive from it; default: the start time, so that two runs never share an id. */
  readonly idSalt?: string;
};

export interface SlackWorkspace {
  readonly port: number;
  /** Ends with `/api/`. */
  readonly apiUrl: string;
  readonly windowUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly faults: Faults;
  /** Everything that happened between Slack and the app, in order. */
  readonly log: readonly LogEntry[];
  /** Socket Mode connections that would get an envelope now. */
  readonly connections: number;
  /** Resolves when at least `count` connections are open. */
  connected(count?: number, options?: { timeoutMs?: number }): Promise<void>;
  /** Resolves when `condition` holds, looking again whenever something happened. Rejects with the log's end. */
  until(condition: () => boolean, options?: { timeoutMs?: number }): Promise<void>;
  setDelivery(mode: DeliveryMode): void;
  /** By name or id. */
  as(user: string): Person;
  /** By name or id. */
  channel(name: string): ChannelView;
  /** The direct conversation between a person and the app. */
  direct(user: string): ChannelView;
  stop(): Promise<void>;
}

const BOT_TOKEN = "xoxb-rehearsal-bot";
const APP_TOKEN = "xapp-rehearsal-app";
const SIGNING_SECRET = "rehearsal-signing-secret";
const DEFAULT_EVENTS = ["app_mention", "app_home_opened", "message.im"];

export async function startSlackWorkspace(options: WorkspaceOptions = {}): Promise<SlackWorkspace> {
  const clock = options.clock ?? realClock();
  const state = new SlackState({ clock, ids: createIds(options.idSalt ?? String(clock.now())) });
  fillWorkspace(state, options.seed ?? {});
  const hub = new SocketHub(state);
  const transportFor = (mode: DeliveryMode): Transport =>
    mode === "socket" ? hub : new HttpTransport({ url: mode.http, secret: SIGNING_SECRET, state });
  const delivery = new Delivery({ state, transport: transportFor(options.mode ?? "socket") });
  const baseUrl = () => `http://127.0.0.1:${port}/`;
  const capabilities = new Capabilities({ clock, ids: state.ids, baseUrl });
  const scopes = options.scopes ?? ALL_SCOPES;
  const faults = new Faults({ hub, delivery, onBlackholeEnd: () => server.dropSwallowed() });
  const acts = new Acts({ state, capabilities, delivery, scopes, events: options.events ?? DEFAULT_EVENTS });
  const forms = new Forms({ state, capabilities, delivery });
  const openSocket = () => `ws://127.0.0.1:${port}/link/?ticket=${hub.issueTicket()}&app_id=${APP_ID}`;
  const api = new WebApi({
    desk: { state, capabilities, baseUrl, openSocket },
    faults,
    limits: new RateLimits({ clock, switches: switchesOf(options.rateLimits) }),
    tokens: { bot: BOT_TOKEN, app: APP_TOKEN },
    scopes,
  });
  const view = createWindow({ state, acts, forms, faults });
  const server = new SlackServer({ state, api, hub, faults, capabilities, extra: view.handle });
  const port = await server.listen(options.port ?? 0);

  return {
    port,
    apiUrl: `${baseUrl()}api/`,
    windowUrl: baseUrl(),
    botToken: BOT_TOKEN,
    appToken: APP_TOKEN,
    signingSecret: SIGNING_SECRET,
    faults,
    log: state.log,
    get connections() {
      return hub.live;
    },
    connected: (count = 1, waiting) => untilTrue({ state, condition: () => hub.live >= count, ...waiting }),
    until: (condition, waiting) => untilTrue({ state, condition, ...waiting }),
    setDelivery: (mode) => delivery.setTransport(transportFor(mode)),
    as: (name) => new Person({ user: mustFind(state.user(name), `person "${name}"`), state, acts, forms }),
    channel: (name) => new ChannelView({ state, channel: mustFind(state.channel(name), `channel "${name}"`) }),
    direct: (name) => new ChannelView({ state, channel: state.directChannel(mustFind(state.user(name), `person "${name}"`).id) }),
    stop: async () => {
      delivery.stop();
      await hub.stop();
      view.stop();
      await server.stop();
    },
  };
}

function switchesOf(option: WorkspaceOptions["rateLimits"]): { posting: boolean; tiers: boolean } {
  if (typeof option === "boolean") return { posting: option, tiers: option };
  return { posting: true, tiers: true, ...option };
}

function mustFind<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Error(`the workspace has no ${what}`);
  return found;
}

type Waiting = { readonly state: SlackState; readonly condition: () => boolean; readonly timeoutMs?: number };

async function untilTrue({ state, condition, timeoutMs = 5_000 }: Waiting): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      const recent = state.log.slice(-10).map((entry) => JSON.stringify(entry).slice(0, 300));
      reject(new Error(`this did not come true within ${timeoutMs} ms: ${String(condition)}. Lately:\n${recent.join("\n")}`));
    }, timeoutMs);
    const stop = state.onAnything(() => {
      if (!condition()) return;
      stop();
      clearTimeout(timer);
      resolve();
    });
  });
}
