/** What one Web API method is made of. */
import type { Capabilities } from "../capabilities.ts";
import type { SlackState } from "../state.ts";
import type { JsonObject } from "../types.ts";
import type { Args } from "./args.ts";

/** What the methods work on. */
export type Desk = {
  readonly state: SlackState;
  readonly capabilities: Capabilities;
  /** Ends with `/`. */
  readonly baseUrl: () => string;
  /** A `ws:` address with a ticket. */
  readonly openSocket: () => string;
};

/** Calls per minute: tier 1 to 4, or posting (about one per second and channel). docs.slack.dev/apis/web-api/rate-limits */
export type Tier = 1 | 2 | 3 | 4 | "posting";

export type Method = {
  readonly tier: Tier;
  readonly token: "bot" | "app";
  /** The scope that the call needs, or null. */
  readonly scope: (args: Args) => string | null;
  /** The answer besides `ok`; throws ApiError. */
  readonly run: (args: Args, desk: Desk) => JsonObject;
};

export type Methods = Readonly<Record<string, Method>>;

export function botMethod(tier: Tier, scope: string | null, run: Method["run"]): Method {
  return { tier, token: "bot", scope: () => scope, run };
}
