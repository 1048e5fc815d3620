/** A Jira that runs on loopback, with state and faults: the REST API (version 2) as far as Gantry speaks it. */
import { createFaults, type Fault, type Faults } from "../web/faults.ts";
import { startWebServer, type WebAnswer, type WebRequest } from "../web/server.ts";

export type SampleTicket = { readonly key: string; readonly summary: string; readonly status: string };
export type SampleComment = { readonly id: string; readonly body: string; readonly created: string };

export type RehearsalJira = {
  /** For JIRA_URL. */
  readonly url: string;
  /** For JIRA_EMAIL. */
  readonly email: string;
  /** For JIRA_API_TOKEN. */
  readonly token: string;
  readonly faults: Faults;
  /** Request lines in the order of their arrival. */
  readonly requests: readonly string[];
  /** The texts of a ticket's comments, oldest first. */
  comments(key: string): readonly string[];
  /** The token stops working, as when someone revokes it. */
  revokeToken(): void;
  stop(): Promise<void>;
};

type Board = {
  readonly tickets: ReadonlyMap<string, SampleTicket>;
  readonly comments: Map<string, SampleComment[]>;
};

export async function startJira(options: {
  readonly tickets: readonly SampleTicket[];
  readonly port?: number;
}): Promise<RehearsalJira> {
  const email = "gantry@example.com";
  const token = "ATATT3xFfGF0rehearsal0000000000000000000000";
  const board: Board = { tickets: new Map(options.tickets.map((ticket) => [ticket.key, ticket])), comments: new Map() };
  const faults = createFaults();
  let accepted = `Basic ${Buffer.from(`${email}:${token}`).toString("base64")}`;

  function handle(request: WebRequest): WebAnswer {
    return request.headers["authorization"] === accepted ? route(board, request) : unauthorized();
  }

  const server = await startWebServer({ faults, handle, ...(options.port === undefined ? {} : { port: options.port }) });
  return {
    url: server.url,
    email,
    token,
    faults,
    requests: server.requests,
    comments: (key) => (board.comments.get(key) ?? []).map((comment) => comment.body),
    revokeToken() {
      accepted = "";
    },
    stop: () => server.stop(),
  };
}

/** What Jira answers when a client is too lively. */
export function tooManyRequests(retryAfter: string): Fault {
  return {
    kind: "answer",
    status: 429,
    headers: { "retry-after": retryAfter },
    body: { errorMessages: ["Rate limit exceeded"], errors: {} },
  };
}

function route(board: Board, request: WebRequest): WebAnswer {
  const path = /^\/rest\/api\/2(\/.*)$/.exec(request.path)?.[1] ?? "";
  if (path === "/myself")
    return { status: 200, body: { displayName: "Gantry", emailAddress: "gantry@example.com", active: true } };
  const [, key = "", rest = ""] = /^\/issue\/([^/]+)(\/comment)?$/.exec(path) ?? [];
  const ticket = board.tickets.get(key);
  if (ticket === undefined) return missing();
  if (rest === "" && request.method === "GET") return { status: 200, body: issueJson(ticket, request) };
  if (rest === "/comment" && request.method === "GET") return listComments(board, key, request);
  if (rest === "/comment" && request.method === "POST") return addComment(board, key, request);
  return { status: 405 };
}

function issueJson(ticket: SampleTicket, request: WebRequest): object {
  const all = { summary: ticket.summary, status: { name: ticket.status, statusCategory: { key: "indeterminate" } }, labels: [] };
  const wanted = (request.query.get("fields") ?? "*all").split(",");
  const fields = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes("*all") || wanted.includes(name)));
  return { id: "10001", key: ticket.key, self: `${request.origin}/rest/api/2/issue/10001`, fields };
}

function listComments(board: Board, key: string, request: WebRequest): WebAnswer {
  const all = [...(board.comments.get(key) ?? [])];
  if (request.query.get("orderBy") === "-created") all.reverse();
  const startAt = Number(request.query.get("startAt") ?? 0);
  const maxResults = Math.min(100, Number(request.query.get("maxResults") ?? 50));
  const comments = all.slice(startAt, startAt + maxResults).map((comment) => ({ ...comment, body: escaped(comment.body) }));
  return { status: 200, body: { startAt, maxResults, total: all.length, comments } };
}

function addComment(board: Board, key: string, request: WebRequest): WebAnswer {
  const body = request.body !== null && typeof request.body === "object" && "body" in request.body ? request.body.body : null;
  if (typeof body !== "string" || body.trim() === "") {
    return { status: 400, body: { errorMessages: [], errors: { comment: "Comment body can not be empty!" } } };
  }
  const all = board.comments.get(key) ?? [];
  const made = { id: String(20_000 + all.length), body, created: new Date().toISOString() };
  board.comments.set(key, [...all, made]);
  return { status: 201, body: made };
}

/** Cloud keeps a document and renders it back as wiki text, with punctuation escaped. */
function escaped(body: string): string {
  return body.replaceAll(/[[\]{}#*_-]/g, (sign) => `\\${sign}`);
}

function missing(): WebAnswer {
  const errorMessages = ["Issue does not exist or you do not have permission to see it."];
  return { status: 404, body: { errorMessages, errors: {} } };
}

function unauthorized(): WebAnswer {
  return {
    status: 401,
    headers: { "x-seraph-loginreason": "AUTHENTICATED_FAILED" },
    body: { errorMessages: ["Unauthorized"], errors: {} },
  };
}
