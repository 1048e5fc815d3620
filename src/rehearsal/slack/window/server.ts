/** The window: static files, the state that one person sees, live news, and what they do. Same acts as the tests' people. */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Acts } from "../acts.ts";
import type { Faults } from "../faults.ts";
import type { Forms } from "../forms.ts";
import { readBody, sendJson } from "../server.ts";
import type { SlackState } from "../state.ts";
import { isObject } from "../view-values.ts";
import { performAct } from "./control.ts";
import { snapshotFor } from "./snapshot.ts";

const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  ...Object.fromEntries(
    ["app", "api", "dom", "blocks", "elements", "messages", "modal", "composer", "sidebar", "rich-text"].map((name) => [
      `/window/${name}.js`,
      { file: `${name}.js`, type: "text/javascript; charset=utf-8" },
    ]),
  ),
  ...Object.fromEntries(
    ["layout", "messages", "forms", "phone"].map((name) => [
      `/window/${name}.css`,
      { file: `${name}.css`, type: "text/css; charset=utf-8" },
    ]),
  ),
};

/** Nothing but our own files runs or loads here, whatever a message contains. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

export type WindowParts = { readonly state: SlackState; readonly acts: Acts; readonly forms: Forms; readonly faults: Faults };

export type SlackWindow = {
  /** Answers a request, or says that the path is not the window's. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;
  readonly stop: () => void;
};

export function createWindow(parts: WindowParts): SlackWindow {
  const streams = new Set<ServerResponse>();
  const stopListening = parts.state.onChange(() => {
    for (const stream of streams) stream.write(`data: ${parts.state.version}\n\n`);
  });

  async function handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    if (!isLocal(request)) {
      sendJson({ response, status: 403, body: { error: "only by 127.0.0.1 or localhost" } });
      return true;
    }
    if (url.pathname === "/_control/state") return state(response, url);
    if (url.pathname === "/_control/events") return events(response);
    if (url.pathname === "/_control/act" && request.method === "POST") return await act(request, response);
    if (url.pathname.startsWith("/archives/")) return redirectHome(response, url);
    return await file(response, url.pathname);
  }

  function state(response: ServerResponse, url: URL): true {
    const user = parts.state.user(url.searchParams.get("as") ?? "");
    if (user === undefined) sendJson({ response, status: 404, body: { error: "nobody by that name" } });
    else sendJson({ response, status: 200, headers: SECURITY_HEADERS, body: snapshotFor(user, parts) });
    return true;
  }

  function events(response: ServerResponse): true {
    response.writeHead(200, { ...SECURITY_HEADERS, "content-type": "text/event-stream" });
    response.write(`data: ${parts.state.version}\n\n`);
    streams.add(response);
    response.once("close", () => streams.delete(response));
    return true;
  }

  async function act(request: IncomingMessage, response: ServerResponse): Promise<true> {
    // A page of another site cannot send this content type without being asked first, and we never say yes.
    if (request.headers["content-type"] !== "application/json") {
      sendJson({ response, status: 415, body: { error: "content-type must be application/json" } });
      return true;
    }
    try {
      const body: unknown = JSON.parse(await readBody(request));
      if (!isObject(body)) throw new Error("not an object");
      sendJson({ response, status: 200, body: { ok: true, result: (await performAct(body, parts)) ?? null } });
    } catch (error) {
      sendJson({ response, status: 400, body: { ok: false, error: error instanceof Error ? error.message : String(error) } });
    }
    return true;
  }

  function stop(): void {
    stopListening();
    for (const stream of streams) stream.destroy();
  }

  return { handle, stop };
}

async function file(response: ServerResponse, path: string): Promise<boolean> {
  const found = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (found === undefined) return false;
  const body = await readFile(new URL(found.file, import.meta.url));
  response.writeHead(200, { ...SECURITY_HEADERS, "content-type": found.type });
  response.end(body);
  return true;
}

/** A permalink leads to its message in the window. */
function redirectHome(response: ServerResponse, url: URL): true {
  const [, channel = "", message = ""] = /^\/archives\/(\w+)\/p(\d+)$/.exec(url.pathname) ?? [];
  response.writeHead(302, { location: `/#${channel}/${message.replace(/(\d{6})$/, ".$1")}` });
  response.end();
  return true;
}

/** A foreign name that resolves to this machine (DNS rebinding) gets nothing. */
function isLocal(request: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "");
}
