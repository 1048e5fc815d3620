/** What Gantry says: data with a text form (complete: notifications, screen readers, the CLI) and a Block Kit form. */
import type { KnownBlock } from "@slack/types";

export type Message = { readonly text: string; readonly blocks: readonly KnownBlock[] };

/** A modal. `id` becomes the view's callback_id (`form:<id>`), `context` its private_metadata. */
export type Form = {
  readonly id: string;
  readonly title: string;
  readonly submit: string;
  readonly context: string;
  readonly blocks: readonly KnownBlock[];
};

/** The Home tab of one person. */
export type HomeView = { readonly blocks: readonly KnownBlock[] };

/** Slack's mrkdwn control characters, escaped. Every text from outside passes through here, once and last. */
export function escapeMrkdwn(text: string): string {
  if (!/[&<>]/.test(text)) return text;
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
