/** The server's composition root: reads the environment, makes every room, wires them, and takes them down in order. */
import { randomUUID } from "node:crypto";
import { statfsSync } from "node:fs";
import type { Server } from "node:http";
import { changesState } from "../commands/changes-state.ts";
import { dispatcher } from "../commands/dispatch.ts";
import { commands } from "../commands/index.ts";
import { systemClock } from "./app/clock.ts";
import { type App, createApp } from "./app/create-gantry.ts";
import { type AppDoor, createDoor } from "./app/door.ts";
import { chatKinds } from "./app/effects.ts";
import { makeToken } from "./app/fleet-desk.ts";
import { keepHouse } from "./app/housekeeping.ts";
import type { People } from "./app/people.ts";
import type { Actor, Clock, Door, FleetDesk, Forge, Log, Tickets } from "./app/ports.ts";
import { swapEndedBy } from "./app/swaps.ts";
import { formatConfigErrors } from "./config/format.ts";
import { loadConfig } from "./config/load.ts";
import type { GantryConfig } from "./config/valid.ts";
import { refuse } from "./core/reasons.ts";
import { createFleetHub, type FleetHub } from "./fleet/hub.ts";
import { createGitHub } from "./github/github.ts";
import { createHttp } from "./http/app.ts";
import { serveLocally } from "./http/local-socket.ts";
import { createMetrics, type Metrics } from "./http/metrics.ts";
import { closeHttpServer, createHttpServer } from "./http/server.ts";
import { createJira } from "./jira/jira.ts";
import { createLog } from "./log.ts";
import { homeView } from "./messages/home.ts";
import type { Message } from "./messages/message.ts";
import { refusalMessage } from "./messages/refusal.ts";
import { plainText } from "./messages/words.ts";
import { createRegistry, type RegistryAdapter } from "./registry/registry.ts";
import { type Settings, serverErrors } from "./settings.ts";
import { createSlack, type Slack } from "./slack/slack.ts";
import type { Timing } from "./slack/timing.ts";
import { migrationsFolder, openStore } from "./sqlite/open.ts";
import { version } from "./version.ts";

/** The server cannot start as it is set up. */
export class StartError extends Error {
  readonly reason = "bad_config";
}

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
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog({ level: settings.logLevel, secrets: settings.secrets });
  let metrics: Metrics | null = null;
  const onCommit = (seconds: number) => metrics?.committed(seconds * 1000);
  const failing = options.failpoint === undefined ? {} : { failpoint: options.failpoint };
  const store = openStore({ folder: settings.data, migrations: migrationsFolder, onCommit, ...failing });
  const registry = createRegistry({ registries: config.registries, dockerConfigDir: settings.dockerConfigDir });
  let door: AppDoor | null = null;
  const lateDoor: Door = {
    accept: async (delivery) => door?.accept(delivery) ?? "full",
    serve: async (delivery, answers) => door?.serve(delivery, answers),
  };
  const slack = createSlack({
    botToken: settings.slack.botToken ?? "",
    appToken: settings.slack.appToken ?? undefined,
    signingSecret: settings.slack.signingSecret ?? undefined,
    apiUrl: settings.slack.apiUrl ?? undefined,
    door: lateDoor,
    log,
    clock,
    onAck: (seconds) => metrics?.acked(seconds * 1000),
    on429: () => metrics?.slackLimited(),
    onConnected: () => app.outbox.hasten(chatKinds),
    ...(options.slackTiming && { timing: options.slackTiming }),
  });
  let hub: FleetHub | null = null;
  const app = createApp({
    store,
    config,
    clock,
    log,
    chat: slack.chat,
    registry,
    forge: forgeOf(settings, log),
    tickets: ticketsOf(settings),
    fleet: (desk) => {
      hub = createFleetHub({ desk: withPoints(desk, options.failpoint), log, clock });
      return hub;
    },
    ...failing,
    onEvent: (event) => {
      const swap = swapEndedBy(event, store);
      if (swap !== null) metrics?.swapped(swap);
    },
  });
  metrics = createMetrics({ verbs: commands.map((c) => c.name), sources: sourcesOf({ store, app, slack, clock }) });
  door = createDoor({
    store,
    clock,
    log,
    chat: slack.chat,
    dispatch: dispatcher({ gantry: app.gantry, commands, onServed: (served) => metrics?.command(served) }),
    home: () => homeView({ board: app.facts.status({ service: null, environment: null }), now: clock.now() }),
    faultMessage,
    newId: () => randomUUID().slice(0, 8),
    changesState: (delivery) => changesState(delivery, commands),
    outboxChanged: () => app.outbox.nudge(),
    ...failing,
  });
  const http = listenFacts({ log, store, folder: settings.data, slack, metrics, hub });
  const port = await listen(http, settings.port);
  const closeSocket = await serveLocally({
    folder: settings.data,
    log,
    handlers: localHandlers({ door, app, store, config, clock }),
  });
  log.info({ port, data: settings.data, services: config.services.map((s) => s.name), version }, "gantry is up");
  app.conductor.recover();
  void slack.start().then(() => door?.recover());
  const stopLookingUp = keepGroupsKnown(app.people);
  const stopCleaning = keepHouse({ store, clock, log });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => {
      stopLookingUp();
      stopCleaning();
      const close = () => {
        door?.close();
        store.close();
      };
      return stopServer({ log, slack, app, http, hub, registry, closeSocket, close, ...failing });
    },
  };
}

/** Named points at which a test may end the process: a goal is on the disk and not yet sent, a report is recorded and not yet answered. */
function withPoints(desk: FleetDesk, failpoint: ((name: string) => void) | undefined): FleetDesk {
  if (failpoint === undefined) return desk;
  return {
    ...desk,
    desired(host) {
      const picture = desk.desired(host);
      failpoint("goal.before_send");
      return picture;
    },
    observed(host, picture) {
      desk.observed(host, picture);
      failpoint("report.after_commit");
    },
  };
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

function readConfig(settings: Settings): GantryConfig {
  const errors = serverErrors(settings);
  const loaded = loadConfig(settings.config);
  if (loaded.ok && errors.length === 0) return loaded.config;
  const written = loaded.ok ? "" : formatConfigErrors(loaded.errors);
  throw new StartError([...errors, written].filter((text) => text !== "").join("\n"));
}

function forgeOf(settings: Settings, log: Log): Forge | null {
  const { credentials, apiUrl } = settings.github;
  if (credentials === null) return null;
  return createGitHub({ ...credentials, ...(apiUrl === null ? {} : { apiUrl }), log });
}

function ticketsOf(settings: Settings): Tickets | null {
  return settings.jira === null ? null : createJira(settings.jira);
}

type OpenStore = ReturnType<typeof openStore>;

function sourcesOf(facts: { store: OpenStore; app: App; slack: Slack; clock: Clock }) {
  const { store, app, slack, clock } = facts;
  const queue = ({ open, oldestAt }: { open: number; oldestAt: number | null }) => {
    return { depth: open, oldestAgeMs: oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) };
  };
  return {
    inbox: () => queue(store.inbox.depth()),
    outbox: () => {
      const depth = store.outbox.depth();
      return { ...queue(depth), dead: depth.dead };
    },
    rollouts: () => store.rollouts.countByPhase(),
    ended: () => store.rollouts.countEnded(),
    hosts: () => {
      const hosts = app.facts.hosts().filter((h) => !h.revoked);
      const connected = hosts.filter((h) => h.connected).length;
      return { connected, away: hosts.length - connected };
    },
    chatConnected: () => slack.chat.state().connected,
  };
}

function listenFacts(facts: {
  log: Log;
  store: OpenStore;
  folder: string;
  slack: Slack;
  metrics: Metrics;
  hub: FleetHub | null;
}): Server {
  const { log, store, slack, metrics, hub } = facts;
  const started = performance.now();
  const lag = eventLoopLag();
  const app = createHttp({
    version,
    log,
    parts: {
      database: () => (canWrite(store, facts.folder) ? { ok: true } : { ok: false, reason: "store_unwritable" }),
      chat: () => {
        const { connected, reason } = slack.chat.state();
        return connected ? { ok: true } : { ok: false, reason: reason ?? "chat_unreachable" };
      },
    },
    lagMs: lag,
    uptimeSeconds: () => (performance.now() - started) / 1000,
    metrics: metrics.registry,
  });
  return createHttpServer({
    app,
    mounts: [{ path: "/slack/events", handle: slack.httpHandler }],
    upgrades: hub === null ? [] : [{ path: "/agent", handle: hub.handleUpgrade }],
  });
}

/** The room that a write of a command, its rollout and their log may take. */
const leastFreeBytes = 1024 * 1024;

/** Asks for a real write without making one. One page may still find a place where a command does not, so free space counts too. */
function canWrite(store: OpenStore, folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < leastFreeBytes) return false;
    store.transact(() => store.db.exec("update identity set epoch = epoch"));
    return true;
  } catch {
    return false;
  }
}

/** How late a timer that is due now comes, smoothed by nothing: the last reading. */
function eventLoopLag(): () => number {
  const everyMs = 1000;
  let last = performance.now();
  let late = 0;
  setInterval(() => {
    const now = performance.now();
    late = Math.max(0, now - last - everyMs);
    last = now;
  }, everyMs).unref();
  return () => late;
}

async function listen(http: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  http.once("error", reject);
  http.listen(port, resolve);
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

/** The same verbs as in chat, for people on the server's machine. */
function localHandlers(facts: { door: AppDoor; app: App; store: OpenStore; config: GantryConfig; clock: Clock }) {
  const { door, app, store, config, clock } = facts;
  return {
    async verb(body: Readonly<Record<string, unknown>>) {
      const user = String(body["user"] ?? "");
      const actor: Actor = { kind: "local", id: user, name: user };
      const act = { kind: "command" as const, text: String(body["text"] ?? "") };
      const reply = await door.ask({
        key: `local-${randomUUID()}`,
        meaning: null,
        actor,
        channel: config.channel,
        threadTs: null,
        act,
      });
      switch (reply?.kind) {
        case undefined:
          return { text: "", ok: false };
        case "form":
          return { text: plainText(reply.otherwise), ok: false };
        case "private":
          return { text: plainText(reply.message), ok: reply.refused !== true };
        case "card":
          return { text: plainText(reply.message), ok: true, rollout: reply.rollout, aims: reply.aims };
      }
    },
    /** For the doctor: how the connection that writes is set, which no other connection can see. */
    async durability() {
      return { synchronous: store.db.pragma("synchronous", { simple: true }) };
    },
    async rollout(body: Readonly<Record<string, unknown>>) {
      const found = app.gantry.rollout(Number(body["number"]));
      return found === null ? {} : { phase: found.state.phase, ended: found.state.endedAt !== null };
    },
    async revoke(body: Readonly<Record<string, unknown>>) {
      return { known: app.revoke(String(body["name"])) };
    },
    async enroll(body: Readonly<Record<string, unknown>>) {
      const labels = (body["labels"] ?? {}) as Record<string, string>;
      return { token: makeToken(store, { name: String(body["name"]), labels, at: clock.now() }) };
    },
  };
}

async function stopServer(parts: {
  log: Log;
  slack: Slack;
  app: App;
  http: Server;
  hub: FleetHub | null;
  registry: RegistryAdapter;
  closeSocket: () => Promise<void>;
  close: () => void;
  failpoint?: (name: string) => void;
}): Promise<void> {
  const failpoint = parts.failpoint ?? (() => {});
  parts.log.info({}, "gantry stops");
  failpoint("shutdown.begun");
  await parts.closeSocket();
  parts.app.conductor.stop();
  failpoint("shutdown.conductor_stopped");
  await parts.app.outbox.stop(5000);
  failpoint("shutdown.outbox_stopped");
  await parts.slack.stop();
  failpoint("shutdown.slack_stopped");
  await parts.hub?.stop();
  failpoint("shutdown.hub_stopped");
  await closeHttpServer(parts.http, 2000);
  await parts.registry.close();
  failpoint("shutdown.before_close");
  parts.close();
  failpoint("shutdown.closed");
  parts.log.info({}, "gantry has stopped");
}
