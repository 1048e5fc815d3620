/** The server's composition root: makes every room, wires them, and takes them down in order. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { changesState } from "../commands/changes-state.ts";
import { dispatcher } from "../commands/dispatch.ts";
import { commands } from "../commands/index.ts";
import { createApp } from "./app/create-gantry.ts";
import { createDoor } from "./app/door.ts";
import { chatKinds } from "./app/effects.ts";
import { keepHouse } from "./app/housekeeping.ts";
import type { People } from "./app/people.ts";
import type { Clock, Log } from "./app/ports.ts";
import { swapEndedBy } from "./app/swaps.ts";
import { refuse } from "./core/reasons.ts";
import { createFleetHub, type FleetHub, type HubOptions } from "./fleet/hub.ts";
import { answerSecrets, secretsWord } from "./fleet/secrets-shape.ts";
import { createHttp, type HttpFacts } from "./http/app.ts";
import { serveLocally } from "./http/local-socket.ts";
import { createMetrics, type Metrics } from "./http/metrics.ts";
import { createHttpServer } from "./http/server.ts";
import { createLog } from "./log.ts";
import { homeView } from "./messages/home.ts";
import type { Message } from "./messages/message.ts";
import { refusalMessage } from "./messages/refusal.ts";
import { createLogins } from "./registry/logins.ts";
import { createRegistry } from "./registry/registry.ts";
import { versionKey } from "./secrets/key.ts";
import { createSecrets } from "./secrets/secrets.ts";
import { createFrontDoor } from "./server/front-door.ts";
import { localHandlers } from "./server/local.ts";
import { logsStream } from "./server/logs.ts";
import { forgeOf, readConfig, ticketsOf } from "./server/outside.ts";
import { withPoints } from "./server/points.ts";
import { eventLoopLag, partsOf } from "./server/readiness.ts";
import { sourcesOf } from "./server/sources.ts";
import { StartError } from "./server/start-error.ts";
import { stopServer } from "./server/stop.ts";
import { openClock } from "./server/time-mark.ts";
import type { Settings } from "./settings.ts";
import { createSlack, type Slack } from "./slack/slack.ts";
import type { Timing } from "./slack/timing.ts";
import { migrationsFolder, type OpenedStore, openStore } from "./sqlite/open.ts";
import { version } from "./version.ts";

export type RunningServer = {
  readonly port: number;
  readonly url: string;
  /** Lets what is under way end, flushes the outbox for a moment, gives the lock back. */
  stop(): Promise<void>;
};

/**
 * Starts the server. Throws StartError with every configuration error in it, or what the store says (locked, newer, full).
 * A Slack that does not answer is no reason to fail: it is tried for ever and /readyz says so.
 */
export async function startServer(
  settings: Settings,
  options: {
    readonly failpoint?: (name: string) => void;
    readonly log?: Log;
    readonly clock?: Clock;
    /** Waits that a test shortens. */
    readonly slackTiming?: Partial<Timing>;
  } = {},
): Promise<RunningServer> {
  const config = readConfig(settings);
  const log = options.log ?? createLog({ level: settings.logLevel, secrets: settings.secrets });
  const failing = options.failpoint === undefined ? {} : { failpoint: options.failpoint };
  let metrics: Metrics | null = null;
  const onCommit = (seconds: number) => metrics?.committed(seconds * 1000);
  const store = openStore({ folder: settings.data, migrations: migrationsFolder, onCommit, ...failing });
  const { clock, stop: stopClock } =
    options.clock === undefined ? openClock({ folder: settings.data, log }) : { clock: options.clock, stop() {} };
  const logins = createLogins({ configDir: settings.dockerConfigDir, env: process.env });
  const registry = createRegistry({ registries: config.registries, logins });
  const { secrets: providers = [] } = config;
  const secrets = createSecrets({ providers, key: versionKey(settings.data), clock, env: process.env });
  const frontDoor = createFrontDoor();
  const slack = createSlack({
    botToken: settings.slack.botToken ?? "",
    appToken: settings.slack.appToken ?? undefined,
    signingSecret: settings.slack.signingSecret ?? undefined,
    apiUrl: settings.slack.apiUrl ?? undefined,
    door: frontDoor,
    log,
    clock,
    onAck: (seconds) => metrics?.acked(seconds * 1000),
    on429: () => metrics?.slackLimited(),
    onConnected: () => app.outbox.hasten(chatKinds),
    ...(options.slackTiming && { timing: options.slackTiming }),
  });
  let hub: FleetHub | null = null;
  const app = orClosed(store, () =>
    createApp({
      store,
      config,
      clock,
      log,
      chat: slack.chat,
      registry,
      secrets,
      forge: forgeOf(settings, log),
      tickets: ticketsOf(settings),
      fleet: (desk) => {
        const answerers = { [secretsWord]: answerSecrets((host, order) => app.secretFor(host, order)) };
        const onUsage: HubOptions["onUsage"] = (host, sample) => app.usage.note(host, sample);
        hub = createFleetHub({ desk: withPoints(desk, options.failpoint), log, clock, answerers, onUsage });
        return hub;
      },
      ...failing,
      onEvent: (event) => {
        const swap = swapEndedBy(event, store);
        if (swap !== null) metrics?.swapped(swap);
      },
    }),
  );
  metrics = createMetrics({ verbs: commands.map((c) => c.name), sources: sourcesOf({ store, app, chat: slack.chat, clock }) });
  const door = createDoor({
    store,
    clock,
    log,
    chat: slack.chat,
    dispatch: dispatcher({ gantry: app.gantry, commands, onServed: (served) => metrics?.command(served) }),
    home: () =>
      homeView({
        board: app.facts.status({ service: null, environment: null }),
        now: clock.now(),
        freeze: app.gantry.freeze(),
      }),
    faultMessage,
    newId: () => randomUUID().slice(0, 8),
    changesState: (delivery) => changesState(delivery, commands),
    outboxChanged: () => app.outbox.nudge(),
    ...failing,
  });
  frontDoor.opensTo(door);
  // Before anybody can connect: a server whose own history does not hold tells no agent anything.
  if (store.fault !== null) app.fence.suspect(store.fault);
  const parts = partsOf({ store, folder: settings.data, chat: slack.chat, freeze: () => store.freeze.current() });
  const http = listenFacts({ log, parts, slack, metrics, hub });
  const port = await listen(http, settings.port);
  const closeSocket = await serveLocally({
    folder: settings.data,
    log,
    handlers: localHandlers({ door, app, store, config, clock }),
    streams: { logs: logsStream(app.gantry) },
  });
  log.info({ port, data: settings.data, services: config.services.map((s) => s.name), version }, "gantry is up");
  app.recover();
  void slack.start().then(() => door.recover());
  const stopLookingUp = keepGroupsKnown(app.people);
  const stopCleaning = keepHouse({ store, clock, log, suspect: app.fence.suspect });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      frontDoor.stops();
      stopLookingUp();
      stopCleaning();
      const close = () => {
        door.close();
        stopClock();
        store.close();
      };
      return stopServer({ log, slack, app, http, hub, registry, closeSocket, close, ...failing });
    },
  };
}

/** What cannot go on from what is stored ends here, before anything is opened or sent. */
function orClosed<T>(store: OpenedStore, work: () => T): T {
  try {
    return work();
  } catch (error) {
    store.close();
    throw error;
  }
}

const refreshGroupsMs = 3_600_000;

/** Who is in the groups of the roles, in case Slack fails when it matters. */
function keepGroupsKnown(people: People): () => void {
  void people.refresh();
  const timer = setInterval(() => void people.refresh(), refreshGroupsMs);
  timer.unref();
  return () => clearInterval(timer);
}

function faultMessage(id: string): Message {
  return refusalMessage(
    refuse("internal", `Something failed inside Gantry (id ${id}); look at /gantry status before you try again.`),
  );
}

function listenFacts(facts: {
  log: Log;
  parts: HttpFacts["parts"];
  slack: Slack;
  metrics: Metrics;
  hub: FleetHub | null;
}): Server {
  const { log, parts, slack, metrics, hub } = facts;
  const started = performance.now();
  const app = createHttp({
    version,
    log,
    parts,
    lagMs: eventLoopLag(),
    uptimeSeconds: () => (performance.now() - started) / 1000,
    metrics: metrics.registry,
  });
  return createHttpServer({
    app,
    mounts: [{ path: "/slack/events", handle: slack.httpHandler }],
    upgrades: hub === null ? [] : [{ path: "/agent", handle: hub.handleUpgrade }],
  });
}

async function listen(http: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  http.once("error", reject);
  // More agents than the default (511) may come back at one moment, and a connection that finds no room is tried again seconds later.
  http.listen({ port, backlog: 4_096 }, resolve);
  try {
    await promise;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw new StartError(`port ${port} is in use. Stop what holds it, or set GANTRY_PORT.`);
    throw error;
  }
  const address = http.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
