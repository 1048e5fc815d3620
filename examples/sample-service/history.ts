import { createHash } from "node:crypto";

/**
 * The commits of the sample repository `acme/api`, oldest first. The images, the GitHub and Jira stand-ins and the demo
 * all tell this one story, so that a commit on a card is the commit that runs.
 */

/** What a build does: serves; answers 503 on /healthz for ever; serves, then exits 1 after 20 s. */
export type Behaviour = "good" | "unhealthy" | "dies";

export type SampleCommit = {
  /** 40 lower hex digits. */
  readonly sha: string;
  readonly title: string;
  readonly author: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly behaviour: Behaviour;
};

export const sampleHistory: readonly SampleCommit[] = [
  commit("1a4c9e2", "API-9: list users page by page", "ana", "2026-11-16T09:12:00Z", "good"),
  commit("3f2a1c9", "API-12: faster login", "bo", "2026-11-17T14:40:00Z", "good"),
  commit("5b7e0d4", "API-15: remember the last workspace", "ana", "2026-11-18T10:05:00Z", "good"),
  commit("7c81f36", "API-17: read users from the new database", "cem", "2026-11-19T16:28:00Z", "unhealthy"),
  commit("9d05b8a", "PLAT-4: evict stale sessions (API-18)", "bo", "2026-11-20T11:51:00Z", "dies"),
  commit("b6f3e71", "API-19: clearer error when a password has expired", "dee", "2026-11-21T08:33:00Z", "good"),
];

/** A short form that people can read, completed to a SHA by the digest of what the commit says. */
function commit(short: string, title: string, author: string, at: string, behaviour: Behaviour): SampleCommit {
  const rest = createHash("sha1").update(`${title}\n${author}\n${at}`).digest("hex");
  return { sha: short + rest.slice(short.length), title, author, at: Date.parse(at), behaviour };
}
