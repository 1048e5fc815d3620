/** The unmodified Bolt, connected to the stand-in as an app would be to Slack. */
import { App, HTTPReceiver, LogLevel } from "@slack/bolt";
import type { SlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";

/** An app in Socket Mode, not started yet. */
export function socketApp(slack: SlackWorkspace): App {
  return new App({
    token: slack.botToken,
    appToken: slack.appToken,
    socketMode: true,
    convoStore: false,
    logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: slack.apiUrl },
  });
}

/** An app behind HTTP; `url` is where Slack sends things. */
export async function httpApp(slack: SlackWorkspace): Promise<{ app: App; url: string }> {
  const receiver = new HTTPReceiver({ signingSecret: slack.signingSecret, logLevel: LogLevel.ERROR });
  const app = new App({
    token: slack.botToken,
    receiver,
    convoStore: false,
    logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } },
  });
  const server = (await app.start(0)) as import("node:http").Server;
  const address = server.address() as import("node:net").AddressInfo;
  return { app, url: `http://127.0.0.1:${address.port}/slack/events` };
}
