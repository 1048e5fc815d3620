/** The graceful end. Nothing depends on it: whatever is left open is taken up at the next start. */
import type { Server } from "node:http";
import type { App } from "../app/create-gantry.ts";
import type { Log } from "../app/ports.ts";
import type { FleetHub } from "../fleet/hub.ts";
import { closeHttpServer } from "../http/server.ts";
import type { RegistryAdapter } from "../registry/registry.ts";
import type { Slack } from "../slack/slack.ts";

const flushMs = 5_000;
const httpMs = 2_000;

/**
 * First nothing new comes in and no host begins; then what is to be said outside is said for a moment; then the agents are let go,
 * and come back to the next server by themselves; the base is closed last.
 */
export async function stopServer(parts: {
  readonly log: Log;
  readonly slack: Slack;
  readonly app: App;
  readonly http: Server;
  readonly hub: FleetHub | null;
  readonly registry: RegistryAdapter;
  readonly closeSocket: () => Promise<void>;
  readonly close: () => void;
  readonly failpoint?: (name: string) => void;
}): Promise<void> {
  const failpoint = parts.failpoint ?? (() => {});
  parts.log.info({}, "gantry stops");
  failpoint("shutdown.begun");
  await parts.closeSocket();
  parts.app.stop();
  failpoint("shutdown.conductor_stopped");
  await parts.app.outbox.stop(flushMs);
  failpoint("shutdown.outbox_stopped");
  await parts.slack.stop();
  failpoint("shutdown.slack_stopped");
  await parts.hub?.stop();
  failpoint("shutdown.hub_stopped");
  await closeHttpServer(parts.http, httpMs);
  await parts.registry.close();
  failpoint("shutdown.before_close");
  parts.close();
  failpoint("shutdown.closed");
  parts.log.info({}, "gantry has stopped");
}
