/** One Web API call from bytes to answer: faults, token, method, scope, rate limit, then the method itself. */
import { ApiError } from "../api-error.ts";
import type { Faults } from "../faults.ts";
import type { JsonObject } from "../types.ts";
import { type Args, parseArgs } from "./args.ts";
import { chatMethods } from "./chat.ts";
import { conversationsMethods } from "./conversations.ts";
import type { Desk, Method, Methods } from "./method.ts";
import { peopleMethods } from "./people.ts";
import type { RateLimits } from "./rate-limits.ts";
import { viewsMethods } from "./views.ts";

const METHODS: Methods = { ...chatMethods, ...conversationsMethods, ...peopleMethods, ...viewsMethods };

export type ApiCall = {
  readonly method: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly body: string;
  readonly query: URLSearchParams;
};

/** What goes on the wire. `dropped` and `lost`: cut the connection. `unanswered`: say nothing, ever. */
export type ApiReply =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: JsonObject;
      readonly delayMs: number;
    }
  | { readonly kind: "dropped" | "lost" | "unanswered" };

export type Tokens = { readonly bot: string; readonly app: string };

export class WebApi {
  readonly #desk: Desk;
  readonly #faults: Faults;
  readonly #limits: RateLimits;
  readonly #tokens: Tokens;
  readonly #scopes: readonly string[];

  constructor(facts: { desk: Desk; faults: Faults; limits: RateLimits; tokens: Tokens; scopes: readonly string[] }) {
    this.#desk = facts.desk;
    this.#faults = facts.faults;
    this.#limits = facts.limits;
    this.#tokens = facts.tokens;
    this.#scopes = facts.scopes;
  }

  /** Never throws. */
  handle(call: ApiCall): ApiReply {
    const { reply, args } = this.#reply(call);
    this.#desk.state.record({
      kind: "api",
      method: call.method,
      args,
      status: reply.kind === "answer" ? reply.status : reply.kind,
      answer: reply.kind === "answer" ? reply.body : null,
    });
    return reply;
  }

  #reply(call: ApiCall): { reply: ApiReply; args: JsonObject } {
    if (this.#faults.isBlackhole) return { reply: { kind: "unanswered" }, args: {} };
    const args = readArgs(call);
    const shown = args instanceof ApiError ? {} : withoutToken(args.raw);
    const failure = this.#faults.take(call.method);
    if (failure?.drop === true) return { reply: { kind: "dropped" }, args: shown };
    if (this.#faults.refusing && call.method === "apps.connections.open") return { reply: plain(503), args: shown };
    if (failure?.status !== undefined) return { reply: plain(failure.status, failure.retryAfterS), args: shown };
    if (failure?.error !== undefined) return { reply: this.#refusal(new ApiError(failure.error)), args: shown };
    const reply = args instanceof ApiError ? this.#refusal(args) : this.#run(call, args);
    if (failure?.lostResponse === true) return { reply: { kind: "lost" }, args: shown };
    return { reply: reply.kind === "answer" ? { ...reply, delayMs: failure?.delayMs ?? 0 } : reply, args: shown };
  }

  #run(call: ApiCall, args: Args): ApiReply {
    const method = Object.hasOwn(METHODS, call.method) ? METHODS[call.method] : undefined;
    if (method === undefined) return this.#refusal(new ApiError("unknown_method", { req_method: call.method }));
    try {
      this.#assertToken(method, call, args);
      this.#assertScope(method, args);
      const facts = { method: call.method, tier: method.tier, channel: args.string("channel") ?? "" };
      const waitS = this.#limits.check(facts);
      if (waitS !== null) return plain(429, waitS);
      return this.#success(method.run(args, this.#desk));
    } catch (error) {
      if (error instanceof ApiError) return this.#refusal(error);
      throw error;
    }
  }

  #assertToken(method: Method, call: ApiCall, args: Args): void {
    const token = /^Bearer (.+)$/.exec(call.authorization)?.[1] ?? args.string("token") ?? "";
    if (token === "") throw new ApiError("not_authed");
    const kind = token === this.#tokens.bot ? "bot" : token === this.#tokens.app ? "app" : null;
    if (kind === null) throw new ApiError("invalid_auth");
    const revoked = this.#faults.tokenError(kind);
    if (revoked !== null) throw new ApiError(revoked);
    if (kind !== method.token) throw new ApiError("not_allowed_token_type");
  }

  #assertScope(method: Method, args: Args): void {
    const needed = method.scope(args);
    if (needed === null || this.#scopes.includes(needed)) return;
    throw new ApiError("missing_scope", { needed, provided: this.#scopes.join(",") });
  }

  #success(body: JsonObject): ApiReply {
    return { kind: "answer", status: 200, headers: this.#headers(), body: { ok: true, ...body }, delayMs: 0 };
  }

  /** Slack says no with status 200. */
  #refusal(error: ApiError): ApiReply {
    return {
      kind: "answer",
      status: 200,
      headers: this.#headers(),
      body: { ok: false, error: error.code, ...error.extra },
      delayMs: 0,
    };
  }

  #headers(): Record<string, string> {
    return { "x-oauth-scopes": this.#scopes.join(","), "x-slack-req-id": this.#desk.state.ids.secret() };
  }
}

function readArgs(call: ApiCall): Args | ApiError {
  try {
    return parseArgs(call);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

function plain(status: number, retryAfterS?: number): ApiReply {
  const headers = status === 429 ? { "retry-after": String(retryAfterS ?? 1) } : {};
  const error = status === 429 ? "ratelimited" : status >= 500 ? "internal_error" : "fatal_error";
  return { kind: "answer", status, headers: headers as Record<string, string>, body: { ok: false, error }, delayMs: 0 };
}

function withoutToken(args: JsonObject): JsonObject {
  const { token: _, ...rest } = args;
  return rest;
}
