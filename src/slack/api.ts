import { type WebAPICallResult, WebClient, type WebClientOptions } from "@slack/web-api";
import type { Log } from "../app/ports.ts";
import { chatError, isRateLimit } from "./errors.ts";
import type { Method } from "./scopes.ts";
import { sdkLog } from "./sdk-log.ts";

export type Answer = WebAPICallResult & Readonly<Record<string, unknown>>;
export type Call = (method: Method, args?: Record<string, unknown>) => Promise<Answer>;

export type Api = {
  /** Calls a method once. Rejects with ChatError. */
  readonly call: Call;
  /** The same for what a person waits for (a form, who they are): its own client and a short deadline. */
  readonly callNow: Call;
};

const callTimeoutMs = 5_000;
/** A trigger lives 3 s from the person's act; an acknowledgement is due in the same 3 s. */
const nowTimeoutMs = 2_000;

/**
 * The Web API, without any retry of the SDK's: its retries post messages twice, and its way to obey one Retry-After is to
 * hold every other call of the client for as long.
 */
export function createApi(options: {
  readonly token: string;
  readonly apiUrl: string | undefined;
  readonly log: Log;
  readonly on429: (method: Method) => void;
  /** Something is wrong that may concern every call: the token, or the way to Slack. */
  readonly onDoubt: () => void;
}): Api {
  const connect = (timeout: number): Call => {
    // Never `headers`, and a fresh object for each client: the SDK writes the token and its defaults into what it is given.
    const client = new WebClient(options.token, {
      ...webClientOptions(options.apiUrl),
      timeout,
      logger: sdkLog(options.log, "web-api"),
    });
    return async (method, args = {}) => {
      try {
        return (await client.apiCall(method, args)) as Answer;
      } catch (thrown) {
        const error = chatError(method, thrown);
        if (isRateLimit(error)) options.on429(method);
        else if (error.kind === "retry") options.onDoubt();
        throw error;
      }
    };
  };
  return { call: connect(callTimeoutMs), callNow: connect(nowTimeoutMs) };
}

export function webClientOptions(apiUrl: string | undefined): WebClientOptions {
  return { ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }), retryConfig: { retries: 0 }, rejectRateLimitedCalls: true };
}
