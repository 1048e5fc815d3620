/** What a workspace holds. Block Kit is kept as it came: it is data to validate, store and show, not to understand. */

export type JsonObject = { readonly [key: string]: unknown };
export type Block = JsonObject & { readonly type: string; readonly block_id?: string };

export type User = { readonly id: string; readonly name: string; readonly realName: string; readonly isBot: boolean };
export type Group = { readonly id: string; readonly handle: string; readonly users: readonly string[] };
export type Channel = {
  readonly id: string;
  readonly name: string;
  readonly kind: "public" | "im";
  readonly members: Set<string>;
  archived: boolean;
};

export type Command = {
  readonly command: string;
  readonly description: string;
  readonly usageHint: string;
  readonly shouldEscape: boolean;
};

export type Metadata = { readonly event_type: string; readonly event_payload: JsonObject };

export type StoredMessage = {
  readonly ts: string;
  readonly channel: string;
  readonly user: string;
  /** `command`: what a person typed after a slash. Slack shows it to nobody; a transcript needs it. */
  readonly kind: "message" | "command";
  readonly threadTs: string | null;
  readonly broadcast: boolean;
  readonly ephemeralTo: string | null;
  text: string;
  blocks: readonly Block[];
  metadata: Metadata | null;
  /** How often it was changed. */
  edited: number;
  /** Slack marks a changed message only when it has no blocks. */
  showsEdited: boolean;
  readonly reactions: Map<string, Set<string>>;
};

/** A modal or a Home tab, in the shape that Slack answers with, and what its person has typed so far. */
export type StoredView = {
  readonly id: string;
  readonly user: string;
  readonly type: "modal" | "home";
  readonly rootId: string;
  readonly previousId: string | null;
  readonly externalId: string;
  body: JsonObject;
  hash: string;
  blocks: readonly Block[];
  /** block_id -> action_id -> the element's state as Slack reports it. */
  values: Record<string, Record<string, JsonObject>>;
  /** block_id -> message under the field; `` (empty) is about the whole view. */
  errors: Record<string, string>;
};

export type LogEntry = { readonly at: number } & (
  | {
      readonly kind: "api";
      readonly method: string;
      readonly args: JsonObject;
      readonly status: number | "dropped" | "lost" | "unanswered";
      readonly answer: JsonObject | null;
    }
  | {
      readonly kind: "envelope";
      readonly via: "socket" | "http";
      readonly envelopeId: string;
      readonly type: EnvelopeType;
      readonly payload: JsonObject;
      readonly attempt: number;
      readonly connection: number | null;
    }
  | { readonly kind: "ack"; readonly envelopeId: string; readonly payload: JsonObject; readonly late: boolean }
  | { readonly kind: "undelivered"; readonly envelopeId: string; readonly error: DeliveryError }
  | { readonly kind: "response_url"; readonly status: number; readonly body: JsonObject }
  | { readonly kind: "socket"; readonly event: string; readonly connection: number | null }
);

export type EnvelopeType = "slash_commands" | "interactive" | "events_api";
export type DeliveryError = "operation_timeout" | "dispatch_failed";

/** A message as a person sees it. */
export type SeenMessage = {
  readonly ts: string;
  readonly user: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly ephemeralTo?: string;
  /** How often it was changed. */
  readonly edited: number;
  readonly thread_ts?: string;
  /** Labels of its buttons. */
  readonly buttons: readonly string[];
  /** All visible text, without markup. */
  readonly rendered: string;
};
