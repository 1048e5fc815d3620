/** A workspace per test, closed with it, and the real clients that speak to it. */
import type { TestContext } from "node:test";
import { LogLevel, SocketModeClient } from "@slack/socket-mode";
import { WebClient } from "@slack/web-api";
import { ManualClock } from "../../../src/rehearsal/slack/clock.ts";
import { type SlackWorkspace, startSlackWorkspace, type WorkspaceOptions } from "../../../src/rehearsal/slack/workspace.ts";

export async function workspaceFor(t: TestContext, options: WorkspaceOptions = {}): Promise<SlackWorkspace> {
  const slack = await startSlackWorkspace(options);
  t.after(() => slack.stop());
  return slack;
}

/** A workspace whose time stands still until the test moves it. */
export async function stillWorkspaceFor(
  t: TestContext,
  options: WorkspaceOptions = {},
): Promise<{ slack: SlackWorkspace; clock: ManualClock }> {
  const clock = new ManualClock();
  return { slack: await workspaceFor(t, { ...options, clock }), clock };
}

/** The real WebClient, without retries: one call is one request. */
export function webClient(slack: SlackWorkspace, token: string = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logLevel: LogLevel.ERROR,
  });
}

export type Received = {
  readonly envelope_id: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: payloads are read field by field in the tests
  readonly body: any;
  readonly retry_num?: number;
  readonly retry_reason?: string;
  readonly ack: (answer?: object) => Promise<void>;
};

/** The real SocketModeClient; `answer` is called for each envelope. Without one, every envelope is acknowledged. */
export async function socketClient(
  t: TestContext,
  slack: SlackWorkspace,
  answer: (received: Received) => unknown = (received) => received.ack(),
): Promise<{ client: SocketModeClient; received: Received[] }> {
  const received: Received[] = [];
  const client = new SocketModeClient({
    appToken: slack.appToken,
    clientPingTimeout: 200,
    logLevel: LogLevel.ERROR,
    clientOptions: { slackApiUrl: slack.apiUrl },
  });
  client.on("slack_event", (event: Received) => {
    received.push(event);
    void answer(event);
  });
  client.on("error", () => {});
  const before = slack.connections;
  await client.start();
  await slack.connected(before + 1);
  t.after(() => client.disconnect());
  return { client, received };
}

/** The error code of a call that Slack refuses. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "no refusal";
  } catch (error) {
    const data = (error as { data?: { error?: string } }).data;
    return data?.error ?? String(error);
  }
}

/** Looks again and again until it is true. For what happens in the client, which the workspace cannot see. */
export async function eventually(condition: () => boolean, timeoutMs = 3_000): Promise<void> {
  const deadlineAt = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadlineAt) throw new Error(`this did not come true within ${timeoutMs} ms: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
