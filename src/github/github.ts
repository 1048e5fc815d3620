/** GitHub as the application's source forge, by `@octokit/rest`. */
import type { Comparison, Forge, Log } from "../app/ports.ts";
import { compareCommits } from "./compare.ts";
import { openDeployment, setDeploymentState } from "./deployments.ts";
import { createRecent } from "./recent.ts";
import { resolveRef } from "./refs.ts";
import { createSession, type GitHubCredentials } from "./session.ts";

export type GitHubOptions = GitHubCredentials & {
  /** For GitHub Enterprise: `https://github.example.com/api/v3`. */
  readonly apiUrl?: string;
  /** For one call of the port, with all its requests, retries and waits. */
  readonly timeoutMs?: number;
  readonly log: Log;
};

export type GitHub = Forge & {
  /** Who the credentials belong to. Rejects with OutsideError. */
  whoAmI(): Promise<string>;
};

const defaultTimeoutMs = 5_000;
const rememberedRefs = 1_000;
const rememberedComparisons = 100;

export function createGitHub(options: GitHubOptions): GitHub {
  const session = createSession({
    credentials: options,
    apiUrl: options.apiUrl ?? "https://api.github.com",
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    log: options.log,
  });
  const refs = createRecent<string>(rememberedRefs);
  const comparisons = createRecent<Comparison>(rememberedComparisons);

  async function compare(facts: { repository: string; base: string; head: string }): Promise<Comparison> {
    const key = `${facts.repository} ${facts.base} ${facts.head}`;
    const known = comparisons.get(key);
    if (known !== undefined) return known;
    const fresh = await session.run(facts.repository, (call) => compareCommits(call, facts.base, facts.head));
    // Between two names the answer changes; between two full SHAs it never does.
    if (isFullSha(facts.base) && isFullSha(facts.head)) comparisons.set(key, fresh);
    return fresh;
  }

  return {
    resolve: ({ repository, ref }) => session.run(repository, (call) => resolveRef(call, ref.trim(), refs)),
    compare,
    openDeployment: (facts) => session.run(facts.repository, (call) => openDeployment(call, facts)),
    setDeploymentState: (facts) => session.run(facts.repository, (call) => setDeploymentState(call, facts)),
    whoAmI: () => session.whoAmI(),
  };
}

function isFullSha(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}
