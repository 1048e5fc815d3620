/** Answers through a response_url: ephemeral unless told otherwise, replacing or deleting the message it came from on request. */
import { ApiError } from "./api-error.ts";
import { assertBlocks, withBlockIds } from "./block-rules.ts";
import type { Capabilities, ResponseTarget } from "./capabilities.ts";
import { BOT_USER, type SlackState } from "./state.ts";
import type { Block, JsonObject, StoredMessage } from "./types.ts";

export type ResponseReply = { readonly status: number; readonly body: JsonObject };

/** `body` is the request's text, JSON at Slack. Never throws. */
export function answerResponseUrl(facts: {
  state: SlackState;
  capabilities: Capabilities;
  id: string;
  body: string;
}): ResponseReply {
  const body = parseBody(facts.body);
  const reply = body === null ? refused(400, "invalid_payload") : useOnce({ ...facts, body });
  facts.state.record({ kind: "response_url", status: reply.status, body: body ?? {} });
  return reply;
}

function useOnce(facts: { state: SlackState; capabilities: Capabilities; id: string; body: JsonObject }): ResponseReply {
  const target = facts.capabilities.useResponse(facts.id);
  if (typeof target === "string") return refused(404, target);
  try {
    applyResponse({ state: facts.state, target, body: facts.body });
    return { status: 200, body: { ok: true } };
  } catch (error) {
    if (error instanceof ApiError) return refused(400, error.code);
    throw error;
  }
}

/** Does what a response body says. Throws ApiError. Also used for commands that answer in their ack. */
export function applyResponse(facts: { state: SlackState; target: ResponseTarget; body: JsonObject }): void {
  const { state, target, body } = facts;
  const original = target.ts === null ? undefined : state.message({ channel: target.channel, ts: target.ts });
  if (isTrue(body["delete_original"])) {
    if (original !== undefined) state.removeMessage(original);
    return;
  }
  const content = contentOf(body);
  if (isTrue(body["replace_original"]) && original !== undefined) {
    replace({ state, message: original, content });
    return;
  }
  const threadTs = typeof body["thread_ts"] === "string" ? body["thread_ts"] : null;
  state.addMessage({
    channel: target.channel,
    user: BOT_USER,
    ephemeralTo: body["response_type"] === "in_channel" ? null : target.user,
    threadTs,
    ...content,
  });
}

function replace(facts: { state: SlackState; message: StoredMessage; content: Pick<StoredMessage, "text" | "blocks"> }): void {
  Object.assign(facts.message, facts.content);
  facts.message.edited += 1;
  facts.message.showsEdited = facts.content.blocks.length === 0;
  facts.state.changed();
}

function contentOf(body: JsonObject): Pick<StoredMessage, "text" | "blocks"> {
  const blocks = (body["blocks"] ?? []) as readonly Block[];
  const text = typeof body["text"] === "string" ? body["text"] : "";
  if (text === "" && (!Array.isArray(blocks) || blocks.length === 0)) throw new ApiError("no_text");
  assertBlocks(blocks, "message");
  return { text, blocks: withBlockIds(blocks) };
}

function refused(status: number, error: string): ResponseReply {
  return { status, body: { ok: false, error } };
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}

function parseBody(text: string): JsonObject | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : null;
  } catch {
    return null;
  }
}
