/** The outbox's handlers: what each kind of item does outside. All of them draw from the store at the moment they run. */
import type { GantryConfig } from "../config/valid.ts";
import type { ChangeFacts } from "../core/facts.ts";
import { type ReasonCode, refuse } from "../core/reasons.ts";
import { isCommit } from "../core/release.ts";
import type { Phase } from "../core/rollout-state.ts";
import { ticketKeysIn } from "../core/tickets.ts";
import { note } from "../messages/blocks.ts";
import { deploymentDescription } from "../messages/deployment.ts";
import { endedNotice } from "../messages/ended-notice.ts";
import type { Message } from "../messages/message.ts";
import { refusalMessage } from "../messages/refusal.ts";
import { rolloutCard } from "../messages/rollout-card.ts";
import { type Turn, turnNotice } from "../messages/turn-notice.ts";
import type { Facts } from "./facts.ts";
import type { Handler } from "./outbox.ts";
import { type Chat, ChatError, type Clock, type Forge, OutsideError, type Place, type Tickets } from "./ports.ts";
import type { OutboxItem, Store, StoredRollout } from "./store.ts";
import { carrierOf, createTicketHandlers } from "./ticket-effects.ts";

export type EffectParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly chat: Chat;
  /** null: not set up. */
  readonly forge: Forge | null;
  readonly tickets: Tickets | null;
  readonly facts: Facts;
  readonly redraw: (rollout: number) => void;
};

const cardCommits = 50;

export function createHandlers(parts: EffectParts): Readonly<Record<string, Handler>> {
  const { store, config, chat, forge, tickets, facts } = parts;

  function rolloutOf(item: OutboxItem): StoredRollout {
    const stored = item.rollout === null ? null : store.rollouts.find(item.rollout);
    if (stored === null) throw new Error(`outbox item ${item.id} names no rollout`);
    return stored;
  }

  function channelOf(stored: StoredRollout): string | null {
    return stored.channel ?? config.channel;
  }

  async function card(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    const channel = channelOf(stored);
    if (channel === null) return;
    const message = rolloutCard(facts.rollout(stored));
    if (stored.cardTs !== null) {
      try {
        await chat.update({ place: { channel, ts: stored.cardTs }, message });
        return;
      } catch (error) {
        if (!(error instanceof ChatError) || error.kind !== "gone") throw error;
        store.rollouts.setCard(stored.number, null);
      }
    }
    const place = await postCard(stored, channel, message);
    if (place !== null) store.rollouts.setCard(stored.number, place);
  }

  /** Where Gantry is not a member, the card goes to the channel of gantry.yml; with none, the requester is told what to do. */
  async function postCard(stored: StoredRollout, channel: string, message: Message): Promise<Place | null> {
    const key = `rollout-${stored.number}`;
    try {
      return await chat.post({ channel, message, key });
    } catch (error) {
      if (!(error instanceof ChatError) || error.reason !== "not_in_channel") throw error;
      if (config.channel !== null && config.channel !== channel) return chat.post({ channel: config.channel, message, key });
      const { requester } = stored.state;
      const refusal = refuse("not_in_channel", `The card of #${stored.number} cannot be shown: Gantry is not in <#${channel}>.`);
      if (requester.kind === "slack")
        await chat.tell({ user: requester.id, message: refusalMessage(refusal), key: `lost-${key}` });
      return null;
    }
  }

  async function thread(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    const channel = channelOf(stored);
    if (channel === null) return;
    // Nobody will post it any more (Gantry is not in the channel): then there is no thread either.
    if (stored.cardTs === null) return;
    const line = item.body as { readonly message: Message; readonly broadcast: boolean };
    const { message, broadcast } = line;
    await chat.post({ channel, threadTs: stored.cardTs, broadcast, message, key: `line-${item.id}` });
  }

  async function notice(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    if (stored.state.requester.kind !== "slack") return;
    const message = endedNotice(facts.rollout(stored));
    // Told once when it ends, and once more when its containers do not stay well.
    const key = stored.state.watch?.finding == null ? `ended-${stored.number}` : `watch-${stored.number}`;
    await chat.tell({ user: stored.state.requester.id, message, key });
  }

  /** Something about its turn in line changed. What an event says already stands in the thread; only "next" is none. */
  async function turn(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    const { what } = item.body as { readonly what: Turn };
    const { requester } = stored.state;
    const rollout = facts.rollout(stored);
    const channel = channelOf(stored);
    if (what === "next" && stored.state.phase !== "in_line") return;
    if (requester.kind === "slack") {
      await chat.tell({ user: requester.id, message: turnNotice(rollout, what), key: `turn-${item.id}` });
    }
    if (what !== "next" || channel === null || stored.cardTs === null) return;
    const message = note("It is next in line.");
    await chat.post({ channel, threadTs: stored.cardTs, message, key: `line-${item.id}` });
  }

  /** An answer that could not be given when the person asked. */
  async function answer(item: OutboxItem): Promise<void> {
    const { user, message } = item.body as { readonly user: string; readonly message: Message };
    await chat.tell({ user, message, key: item.key });
  }

  async function change(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    if (forge === null && tickets === null) return;
    const found = await lookUpChange(stored);
    if (found === null) return;
    store.rollouts.setChange(stored.number, found);
    parts.redraw(stored.number);
  }

  /** What would change. Gaps are part of the answer: a dead GitHub never stops a rollout. */
  async function lookUpChange(stored: StoredRollout): Promise<ChangeFacts | null> {
    const service = config.services.find((s) => s.name === stored.state.service);
    const from = stored.state.from === null ? null : store.releases.find(stored.state.service, stored.state.from);
    const repository = service?.repository ?? null;
    if (service === undefined || forge === null || repository === null || from === null) return null;
    const gaps: { reason: ReasonCode; text: string }[] = [];
    const comparison = await tryIt(gaps, "GitHub", () =>
      forge.compare({ repository, base: from.commit, head: stored.plan.commit }),
    );
    const commits = [...(comparison?.commits ?? [])].reverse();
    const keys = ticketKeysIn(
      commits.map((c) => c.title),
      service.ticketProjects,
    );
    const found = tickets === null || keys.length === 0 ? [] : await tryIt(gaps, "Jira", () => tickets.find(keys));
    const missing = tickets === null ? keys : [];
    return {
      commits: commits.slice(0, cardCommits).map(({ sha, title, author, url }) => ({ sha, title, author, url })),
      total: comparison?.total ?? 0,
      behind: comparison?.behind ?? 0,
      compareUrl: comparison?.url ?? null,
      tickets: [...(found ?? []), ...missing.map((key) => ({ key, summary: "", status: "", url: "" }))],
      gaps,
    };
  }

  const deploymentStates: Readonly<Record<Phase, "queued" | "in_progress" | "success" | "failure" | "error" | "inactive">> = {
    in_line: "queued",
    awaiting_approval: "queued",
    queued: "queued",
    rolling: "in_progress",
    soaking: "in_progress",
    restoring: "in_progress",
    succeeded: "success",
    // It is the live release; the description names how many hosts have it.
    incomplete: "success",
    restored: "failure",
    stuck: "error",
    rejected: "inactive",
    expired: "inactive",
    cancelled: "inactive",
  };

  async function forgeStatus(item: OutboxItem): Promise<void> {
    const stored = rolloutOf(item);
    const repository = config.services.find((s) => s.name === stored.state.service)?.repository ?? null;
    // An image that was found under a tag only has no commit that GitHub could show it at.
    if (forge === null || repository === null || !isCommit(stored.plan.commit)) return;
    const { phase } = item.body as { readonly phase: Phase };
    const { environment } = stored.state;
    const description = deploymentDescription(facts.rollout(stored));
    const deployment =
      stored.deployment ??
      (await forge.openDeployment({ repository, commit: stored.plan.commit, environment, rollout: stored.number, description }));
    if (stored.deployment === null) store.rollouts.setDeployment(stored.number, deployment);
    await forge.setDeploymentState({ repository, deployment, state: deploymentStates[phase], description, environment });
  }

  const words = createTicketHandlers({ store, clock: parts.clock, tickets, facts, rolloutOf });
  return { card, thread, notice, answer, change, turn, forge: forgeStatus, ...words };
}

/** What speaks to Slack. */
export const chatKinds = ["card", "thread", "notice", "answer", "turn"] as const;

/** What must be done before an item is: a line of a thread needs the card it hangs on, tickets are found among the commits. */
export function waitsFor(store: Store): (item: OutboxItem) => string | null {
  return ({ kind, rollout }) => {
    const stored = rollout === null || (kind !== "thread" && kind !== "tickets") ? null : store.rollouts.find(rollout);
    if (stored === null) return null;
    if (kind === "thread") return stored.cardTs === null ? `card:${stored.number}` : null;
    return `change:${carrierOf(store, stored)?.number ?? stored.number}`;
  };
}

async function tryIt<T>(gaps: { reason: ReasonCode; text: string }[], who: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    gaps.push({ reason: error.reason, text: `${who}: ${error.message}` });
    return null;
  }
}
