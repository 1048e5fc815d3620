/** The connection to Jira: jira-client on our own request, under a deadline, silent while Jira asks for silence. */
import JiraClient from "jira-client";
import { OutsideError } from "../app/ports.ts";
import { bodyOf } from "./failures.ts";
import { type JiraRequest, requestByFetch } from "./request.ts";

export type JiraCredentials = { readonly url: string; readonly email: string; readonly token: string };

/** Asks through jira-client. null: there is no such thing. */
export type Ask = (question: (client: JiraClient) => Promise<unknown>) => Promise<unknown>;

export interface Session {
  /** Runs the work within the deadline; rejects with OutsideError. */
  run<T>(work: (ask: Ask) => Promise<T>): Promise<T>;
}

export function createSession(options: JiraCredentials & { readonly timeoutMs: number }): Session {
  const { timeoutMs } = options;
  const secrets = [options.token, Buffer.from(`${options.email}:${options.token}`).toString("base64")];
  let silentUntil = 0;

  async function run<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const waitMs = silentUntil - Date.now();
    if (waitMs > 0) throw tooMany(waitMs);
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const client = createClient(options, controller.signal);
    try {
      // What comes back is our own JiraAnswer, whatever jira-client's types say.
      return await work(async (question) =>
        bodyOf((await question(client)) as Awaited<ReturnType<typeof requestByFetch>>, secrets),
      );
    } catch (error) {
      if (error instanceof OutsideError && error.retryAfterMs !== null) silentUntil = Date.now() + error.retryAfterMs;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  return { run };
}

/** One for each piece of work, since its requests share one deadline; the client is no more than a maker of addresses. */
function createClient(options: JiraCredentials, signal: AbortSignal): JiraClient {
  const { protocol, hostname, port, pathname } = new URL(options.url);
  return new JiraClient({
    protocol: protocol.replace(":", ""),
    host: hostname,
    port,
    base: pathname.replace(/\/+$/, ""),
    username: options.email,
    password: options.token,
    // Version 3 wants comments as documents; version 2 takes text.
    apiVersion: "2",
    request: (request: JiraRequest) => requestByFetch(request, signal),
  });
}

function tooMany(waitMs: number): OutsideError {
  const message = `Jira's rate limit is reached; it asks to wait ${Math.ceil(waitMs / 1000)} s`;
  return new OutsideError({ reason: "jira_unreachable", message, retryAfterMs: waitMs });
}
