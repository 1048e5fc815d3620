/** The workspace's one HTTP server: Web API, sockets, response URLs, and whatever else is mounted (the window). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Capabilities } from "./capabilities.ts";
import type { Faults } from "./faults.ts";
import { answerResponseUrl } from "./response-url.ts";
import type { SlackState } from "./state.ts";
import type { SocketHub } from "./transport/socket.ts";
import type { ApiReply, WebApi } from "./web-api/router.ts";

/** Larger bodies are cut off; no request of an app comes near. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export type ServerParts = {
  readonly state: SlackState;
  readonly api: WebApi;
  readonly hub: SocketHub;
  readonly faults: Faults;
  readonly capabilities: Capabilities;
  /** Answers paths that are not Slack's; false when it does not know them. */
  readonly extra: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;
};

export class SlackServer {
  readonly #parts: ServerParts;
  readonly #server: Server;
  /** Requests that the black hole swallowed. */
  readonly #swallowed = new Set<ServerResponse>();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer((request, response) => {
      this.#route(request, response).catch(() => response.destroy());
    });
    this.#server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => socket.destroy());
      if (parts.faults.refusing || parts.faults.isBlackhole) socket.destroy();
      else parts.hub.upgrade(request, socket, head);
    });
  }

  /** Resolves with the port. Loopback only: there is no authentication on what people do. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.dropSwallowed();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** Ends the requests that the black hole left hanging. */
  dropSwallowed(): void {
    for (const response of this.#swallowed) response.destroy();
    this.#swallowed.clear();
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const method = /^\/api\/([\w.]+)$/.exec(url.pathname)?.[1];
    if (method !== undefined) return await this.#callApi({ request, response, url, method });
    const responseId = /^\/response\/(\w+)$/.exec(url.pathname)?.[1];
    if (responseId !== undefined) return await this.#respond({ request, response, id: responseId });
    if (await this.#parts.extra(request, response, url)) return;
    sendJson({ response, status: 404, body: { ok: false, error: "not_found" } });
  }

  async #callApi(facts: { request: IncomingMessage; response: ServerResponse; url: URL; method: string }): Promise<void> {
    const { request, response } = facts;
    const reply = this.#parts.api.handle({
      method: facts.method,
      contentType: request.headers["content-type"] ?? "",
      authorization: request.headers.authorization ?? "",
      body: await readBody(request),
      query: facts.url.searchParams,
    });
    await this.#send(response, reply);
  }

  async #send(response: ServerResponse, reply: ApiReply): Promise<void> {
    if (reply.kind === "unanswered") {
      this.#swallowed.add(response);
      response.once("close", () => this.#swallowed.delete(response));
      return;
    }
    if (reply.kind !== "answer") {
      response.destroy();
      return;
    }
    if (reply.delayMs > 0) await new Promise<void>((resolve) => this.#parts.state.clock.after(reply.delayMs, resolve));
    sendJson({ response, status: reply.status, headers: reply.headers, body: reply.body });
  }

  /** Faults of the method name `response_url` work here as they do for the API. */
  async #respond(facts: { request: IncomingMessage; response: ServerResponse; id: string }): Promise<void> {
    const body = await readBody(facts.request);
    if (this.#parts.faults.isBlackhole) return await this.#send(facts.response, { kind: "unanswered" });
    const failure = this.#parts.faults.take("response_url");
    if (failure?.drop === true) return await this.#send(facts.response, { kind: "dropped" });
    const reply =
      failure?.status === undefined
        ? answerResponseUrl({ ...this.#parts, id: facts.id, body })
        : { status: failure.status, body: { ok: false, error: "internal_error" } };
    if (failure?.lostResponse === true) return await this.#send(facts.response, { kind: "lost" });
    await this.#send(facts.response, { kind: "answer", ...reply, headers: {}, delayMs: failure?.delayMs ?? 0 });
  }
}

export function sendJson(facts: {
  response: ServerResponse;
  status: number;
  headers?: Readonly<Record<string, string>>;
  body: unknown;
}): void {
  facts.response.writeHead(facts.status, { "content-type": "application/json; charset=utf-8", ...facts.headers });
  facts.response.end(JSON.stringify(facts.body));
}

/** Rejects when the body is too large or breaks off. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error("request body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
