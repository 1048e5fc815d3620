/** Judges Jira's answers: a body, "there is no such thing", or an OutsideError. */
import { OutsideError } from "../app/ports.ts";
import { redact } from "../core/redact.ts";
import type { JiraAnswer } from "./request.ts";

/** The body of a good answer; null for 404. Rejects with OutsideError for everything else. */
export function bodyOf(answer: JiraAnswer, secrets: readonly string[]): unknown {
  if (answer.kind === "none") {
    throw new OutsideError({ reason: "jira_unreachable", message: `Jira does not answer: ${redact(answer.why, secrets)}` });
  }
  const { status } = answer;
  // Where anonymous people may look, Jira answers a wrong token like a stranger: 404 or even 200, and says so only here.
  if (/AUTHENTICATED_FAILED|AUTHENTICATION_DENIED/.test(answer.headers.get("x-seraph-loginreason") ?? "")) {
    throw new OutsideError({ reason: "jira_auth", message: "Jira does not accept JIRA_EMAIL and JIRA_API_TOKEN" });
  }
  if (status >= 200 && status < 300) return answer.body;
  if (status === 404) return null;
  throw refusal(answer, secrets);
}

function refusal(answer: JiraAnswer & { kind: "answer" }, secrets: readonly string[]): OutsideError {
  const { status, headers, body } = answer;
  const message = redact(`Jira answered ${status}${saidIn(body)}`, secrets);
  if (status === 401 || status === 403) return new OutsideError({ reason: "jira_auth", message });
  if (status >= 300 && status < 400) {
    const redirected = `Jira redirects (${status}) instead of answering; JIRA_URL must be the address that answers`;
    return new OutsideError({ reason: "jira_unreachable", message: redirected });
  }
  const retryAfterMs = retryAfterOf(headers.get("retry-after"));
  return new OutsideError({ reason: "jira_unreachable", message, ...(retryAfterMs === null ? {} : { retryAfterMs }) });
}

function saidIn(body: unknown): string {
  if (body === null || typeof body !== "object" || !("errorMessages" in body) || !Array.isArray(body.errorMessages)) return "";
  return `: ${body.errorMessages.join(", ").slice(0, 300)}`;
}

/** Seconds or a date, as RFC 9110 has it. */
function retryAfterOf(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
