import { type Answers, ChatError, type Clock, type Log } from "../app/ports.ts";
import { redact } from "../core/redact.ts";
import type { Form, Message } from "../messages/message.ts";
import type { Call } from "./api.ts";
import { chatError } from "./errors.ts";
import type { Inbound } from "./inbound.ts";

/** Shown to one person: in a thread of a channel, or directly. Rejects with ChatError. */
export type Whisper = (facts: {
  readonly channel: string | null;
  readonly threadTs: string | null;
  readonly user: string;
  readonly message: Message;
  readonly key: string;
}) => Promise<void>;

/** Slack's rules: a response_url takes 5 posts within 30 min, a trigger one form within 3 s. */
const mostUses = 5;
const urlLivesMs = 30 * 60_000;
const triggerLivesMs = 3_000;
const postTimeoutMs = 5_000;
const longestTitle = 24;

export function createAnswers(options: {
  readonly inbound: Inbound;
  readonly key: string;
  readonly receivedAt: number;
  readonly whisper: Whisper;
  readonly callNow: Call;
  readonly clock: Clock;
  readonly log: Log;
}): Answers {
  const { inbound, key, receivedAt, clock, log } = options;
  /** A button on a private message: its answer takes the message's place, buttons and all. */
  const replaces = inbound.act.kind === "press" && inbound.act.place === null;
  let uses = 0;
  let said = 0;
  let triggerSpent = inbound.triggerId === null;

  async function byUrl(message: Message): Promise<boolean> {
    if (inbound.responseUrl === null || uses >= mostUses || clock.now() - receivedAt >= urlLivesMs) return false;
    uses += 1;
    try {
      await postTo(inbound.responseUrl, { message, threadTs: inbound.threadTs, replaces });
      return true;
    } catch (error) {
      // Not the address: it is a capability.
      log.info({ key, error: redact(String(error)) }, "The response_url did not take an answer; whispering instead");
      return false;
    }
  }

  return {
    async privately(message) {
      if (await byUrl(message)) return;
      const { channel, threadTs, user } = inbound;
      said += 1;
      await options.whisper({ channel, threadTs, user, message, key: `${key}:${said}` });
    },
    async openForm(form) {
      if (triggerSpent || clock.now() - receivedAt >= triggerLivesMs) throw spentTrigger();
      triggerSpent = true;
      await options.callNow("views.open", { trigger_id: inbound.triggerId, view: viewOf(form) });
    },
  };
}

async function postTo(
  url: string,
  facts: { readonly message: Message; readonly threadTs: string | null; readonly replaces: boolean },
): Promise<void> {
  const { message, threadTs, replaces } = facts;
  const response = await fetch(url, {
    method: "POST",
    redirect: "error",
    headers: { "content-type": "application/json; charset=utf-8" },
    signal: AbortSignal.timeout(postTimeoutMs),
    body: JSON.stringify({
      response_type: "ephemeral",
      replace_original: replaces,
      text: message.text,
      ...(message.blocks.length > 0 ? { blocks: message.blocks } : {}),
      ...(threadTs === null ? {} : { thread_ts: threadTs }),
    }),
  });
  await response.arrayBuffer();
  if (!response.ok) throw chatError("response_url", new Error(`HTTP ${response.status}`));
}

function viewOf(form: Form): object {
  const plainText = (text: string) => ({ type: "plain_text", text: text.slice(0, longestTitle), emoji: false });
  return {
    type: "modal",
    callback_id: `form:${form.id}`,
    private_metadata: form.context,
    title: plainText(form.title),
    submit: plainText(form.submit),
    close: plainText("Cancel"),
    blocks: form.blocks,
  };
}

function spentTrigger(): ChatError {
  return new ChatError({
    kind: "never",
    reason: "form_expired",
    message: "Slack gives 3 s, once, to open a form; they are over.",
  });
}
