/** Jira as the application's ticket system, by `jira-client`. */
import type { Ticket, Tickets } from "../app/ports.ts";
import { type Ask, createSession } from "./session.ts";

export type JiraOptions = {
  /** Where people open it in the browser, with the context path if there is one. */
  readonly url: string;
  readonly email: string;
  readonly token: string;
  /** For one call of the port, with all its requests. */
  readonly timeoutMs?: number;
};

/** A comment on a ticket that is gone is dropped: asking again would hold up the comments on the others. */
export type Jira = Tickets & {
  /** Who the token belongs to. Rejects with OutsideError. */
  whoAmI(): Promise<string>;
};

const defaultTimeoutMs = 5_000;
const askedAtOnce = 4;
/** Newest first; Gantry's own comment stands near the top or not at all. */
const commentsToSearch = 100;

/** `url`, `email` and `token` come from JIRA_URL, JIRA_EMAIL and JIRA_API_TOKEN. Throws TypeError when the URL is none. */
export function createJira(options: JiraOptions): Jira {
  const url = baseUrl(options.url);
  const session = createSession({ ...options, url, timeoutMs: options.timeoutMs ?? defaultTimeoutMs });

  async function find(keys: readonly string[]): Promise<readonly Ticket[]> {
    const proper = [...new Set(keys)].filter(isTicketKey);
    if (proper.length === 0) return [];
    const found = await session.run((ask) => inParallel(proper, askedAtOnce, (key) => findOne(ask, key, url)));
    return found.filter((ticket) => ticket !== null);
  }

  async function comment(facts: { key: string; marker: string; text: string }): Promise<void> {
    if (!isTicketKey(facts.key)) return;
    await session.run(async (ask) => {
      const comments = await newestComments(ask, facts.key);
      if (comments === null || comments.some((body) => containsWords(body, facts.marker))) return;
      const text = containsWords(facts.text, facts.marker) ? facts.text : `${facts.text}\n\n${facts.marker}`;
      await ask((client) => client.addComment(facts.key, text));
    });
  }

  async function whoAmI(): Promise<string> {
    const me = await session.run((ask) => ask((client) => client.getCurrentUser()));
    return `user ${textAt(me, "displayName") ?? textAt(me, "emailAddress") ?? "without a name"}`;
  }

  return { find, comment, whoAmI };
}

async function findOne(ask: Ask, key: string, url: string): Promise<Ticket | null> {
  // "none" asks for no entity properties; left out, jira-client asks for all of them.
  const issue = await ask((client) => client.findIssue(key, "", "summary,status", "none"));
  const summary = textAt(issue, "fields", "summary");
  const status = textAt(issue, "fields", "status", "name");
  if (summary === null || status === null) return null;
  // The key as it was asked for: Jira answers with another one when the ticket has moved, and knows it by both.
  return { key, summary, status, url: `${url}/browse/${key}` };
}

/** null when there is no such ticket. */
async function newestComments(ask: Ask, key: string): Promise<readonly string[] | null> {
  const answer = await ask((client) => client.genericGet(`issue/${key}/comment?orderBy=-created&maxResults=${commentsToSearch}`));
  if (answer === null) return null;
  const comments = valueAt(answer, "comments");
  return Array.isArray(comments) ? comments.map((entry) => textAt(entry, "body") ?? "") : [];
}

/** Compared word by word, because Jira turns text into a document and back and gives punctuation back escaped. */
function containsWords(text: string, words: string): boolean {
  const plain = (some: string) => ` ${(some.match(/[\p{L}\p{N}]+/gu) ?? []).join(" ")} `;
  return plain(text).includes(plain(words));
}

/** jira-client puts keys into addresses as they are, so nothing else may pass. */
function isTicketKey(key: string): boolean {
  return /^[A-Z][A-Z0-9_]{1,19}-[1-9]\d{0,8}$/.test(key);
}

function baseUrl(text: string): string {
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new TypeError("JIRA_URL must begin with https:// or http://");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

async function inParallel<A, B>(items: readonly A[], width: number, work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  const queue = items.entries();
  async function worker(): Promise<void> {
    for (const [index, item] of queue) results[index] = await work(item);
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (at === null || typeof at !== "object") return null;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function textAt(value: unknown, ...path: readonly string[]): string | null {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : null;
}
