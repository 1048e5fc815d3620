import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError } from "@slack/web-api";
import { ChatError } from "../app/ports.ts";
import { redact } from "../core/redact.ts";
import { text } from "./payload.ts";

type Verdict = Pick<ChatError, "kind" | "reason"> & { readonly retryAfterMs?: number };

const gone: Verdict = { kind: "gone", reason: "chat_gone" };
/** Retried, not dropped: the token may be renewed or the app installed again, and a result must still be told then. */
const refused: Verdict = { kind: "retry", reason: "chat_auth" };
const busy: Verdict = { kind: "retry", reason: "chat_unreachable" };
const spent: Verdict = { kind: "never", reason: "form_expired" };

/** Slack's own error words. What is not listed is a message that Slack will never take (`invalid_blocks`): a fault of ours. */
const verdicts: Readonly<Record<string, Verdict>> = {
  message_not_found: gone,
  cant_update_message: gone,
  edit_window_closed: gone,
  thread_not_found: gone,
  is_archived: gone,
  // Also Slack's answer for a private channel that the app is not in.
  channel_not_found: { kind: "gone", reason: "not_in_channel" },
  not_in_channel: { kind: "never", reason: "not_in_channel" },
  user_not_in_channel: { kind: "never", reason: "not_in_channel" },

  invalid_auth: refused,
  not_authed: refused,
  account_inactive: refused,
  token_revoked: refused,
  token_expired: refused,
  not_allowed_token_type: refused,
  missing_scope: refused,
  no_permission: refused,
  access_denied: refused,
  ekm_access_denied: refused,
  org_login_required: refused,
  user_removed_from_team: refused,
  team_disabled: refused,
  team_access_not_granted: refused,

  ratelimited: busy,
  rate_limited: busy,
  internal_error: busy,
  fatal_error: busy,
  service_unavailable: busy,
  request_timeout: busy,
  team_added_to_org: busy,
  accesslimited: busy,

  expired_trigger_id: spent,
  exchanged_trigger_id: spent,
  invalid_trigger_id: spent,
  trigger_expired: spent,
  trigger_exchanged: spent,
};

/** Translates whatever a Web API call threw. */
export function chatError(method: string, error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  const { verdict, detail } = judge(error);
  // Where Gantry was removed its old card is as good as gone: the caller posts a new one where it can.
  const outside = method === "chat.update" && verdict.reason === "not_in_channel";
  return new ChatError({ ...(outside ? gone : verdict), message: redact(`Slack, ${method}: ${detail}`), cause: error });
}

/** Slack asked to wait; it did not do what was asked, so the same call may be made again. */
export function isRateLimit(error: unknown): error is ChatError & { readonly retryAfterMs: number } {
  return error instanceof ChatError && error.cause instanceof WebAPIRateLimitedError;
}

function judge(error: unknown): { readonly verdict: Verdict; readonly detail: string } {
  if (error instanceof WebAPIRateLimitedError) {
    const retryAfterMs = error.retryAfter * 1_000;
    return { verdict: { ...busy, retryAfterMs }, detail: `rate limited for ${error.retryAfter} s` };
  }
  if (error instanceof WebAPIPlatformError) return judgePlatform(error);
  if (error instanceof WebAPIHTTPError) return { verdict: busy, detail: `HTTP ${error.statusCode}` };
  return { verdict: busy, detail: error instanceof Error ? error.message : String(error) };
}

function judgePlatform(error: WebAPIPlatformError): { readonly verdict: Verdict; readonly detail: string } {
  const word = error.data.error;
  // The SDK puts a body that is not JSON (a proxy's error page) where Slack's error word would be.
  if (typeof word !== "string" || !/^[a-z_]{1,80}$/.test(word)) return { verdict: busy, detail: "an answer that is not Slack's" };
  const verdict = Object.hasOwn(verdicts, word) ? verdicts[word] : undefined;
  const needed = text(error.data, "needed");
  const hints = error.data.response_metadata?.messages ?? [];
  const scope = needed === null ? [] : [`needs ${needed}`];
  const detail = [word, ...scope, ...hints].join("; ").slice(0, 600);
  return { verdict: verdict ?? { kind: "never", reason: "internal" }, detail };
}
