/** `gantry outbox`: what was given up, and another try. */
import type { InboxItem, OutboxItem } from "../app/store.ts";
import { callLocally } from "../http/local-socket.ts";

type Dead = {
  readonly inbox: readonly (InboxItem & { readonly outcome: string })[];
  readonly outbox: readonly (OutboxItem & { readonly lastError: string | null })[];
};

export async function showDead(data: string): Promise<string[]> {
  const { inbox, outbox } = (await callLocally(data, "dead", {})) as unknown as Dead;
  if (inbox.length + outbox.length === 0) return ["Nothing was given up in the last 7 days."];
  return [
    ...outbox.map(sayOut),
    ...inbox.map(sayIn),
    ...(outbox.length === 0 ? [] : ["", "To try one again: gantry outbox --retry ID"]),
  ];
}

export async function tryAgain(data: string, id: number): Promise<boolean> {
  return (await callLocally(data, "revive", { id }))["revived"] === true;
}

function sayOut(item: Dead["outbox"][number]): string {
  const about = item.rollout === null ? item.key : `${item.kind} of #${item.rollout}`;
  return `${String(item.id).padStart(6)}  said outside  ${when(item.createdAt)}  ${about}, tried ${item.attempt} times: ${oneLine(item.lastError ?? "?")}`;
}

function sayIn(item: Dead["inbox"][number]): string {
  const { actor, act } = item.delivery;
  const what = act.kind === "command" ? act.text : act.kind;
  return `        asked for     ${when(item.receivedAt)}  ${oneLine(what)} by ${actor.name}: ${oneLine(item.outcome)}`;
}

function when(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

/** What came from outside is shown on a terminal: no line ends, no control characters, not without end. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, 200);
}
