/**
 * How jira-client reaches Jira here: by fetch, because its own way has no deadline, follows redirects with credentials
 * and speaks http unless told otherwise. It also turns every error into `Error(JSON.stringify(it))`, so nothing is thrown
 * through it: an answer comes back as a value, whatever its status, and is judged by the caller.
 */

/** What jira-client asks for. */
export type JiraRequest = {
  readonly uri: string;
  readonly method: string;
  readonly body?: unknown;
  readonly auth?: { readonly user: string; readonly pass: string };
};

export type JiraAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly headers: Headers; readonly body: unknown }
  /** No answer: the connection failed or was aborted. */
  | { readonly kind: "none"; readonly why: string };

export async function requestByFetch(request: JiraRequest, signal: AbortSignal): Promise<JiraAnswer> {
  try {
    const response = await fetch(request.uri, {
      method: request.method,
      headers: headersOf(request),
      redirect: "manual",
      signal,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    return { kind: "answer", status: response.status, headers: response.headers, body: parsed(await response.text()) };
  } catch (error) {
    return { kind: "none", why: whyOf(error) };
  }
}

function headersOf(request: JiraRequest): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json", "user-agent": "gantry" };
  if (request.body !== undefined) headers["content-type"] = "application/json";
  if (request.auth !== undefined) {
    const { user, pass } = request.auth;
    headers["authorization"] = `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
  }
  return headers;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** fetch says only "fetch failed"; the reason stands in the cause. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
