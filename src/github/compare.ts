/** What a release changes: the commits between two that were resolved before. */
import { type Commit, type Comparison, OutsideError } from "../app/ports.ts";
import { shortCommit } from "../core/release.ts";
import { isMissing } from "./failures.ts";
import type { Call } from "./session.ts";

const mostCommits = 250;
const longestTitle = 200;

/** `base` and `head` are full SHAs. Without paging GitHub gives the newest 250 commits, oldest first, and the true total. */
export async function compareCommits(call: Call, base: string, head: string): Promise<Comparison> {
  const { owner, repo, rest, read } = call;
  try {
    const { data } = await rest.repos.compareCommitsWithBasehead({ owner, repo, basehead: `${base}...${head}`, request: read });
    return {
      commits: data.commits.slice(-mostCommits).map(commitOf),
      total: data.total_commits,
      behind: data.behind_by,
      url: data.html_url,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
    const message = `GitHub cannot compare ${shortCommit(base)} with ${shortCommit(head)} in ${call.fullName}: one is not there, or they share no history`;
    throw new OutsideError({ reason: "unknown_ref", message });
  }
}

type GitHubCommit = {
  readonly sha: string;
  readonly html_url: string;
  readonly author: { readonly login?: string } | null;
  readonly commit: {
    readonly message: string;
    readonly author: { readonly name?: string; readonly date?: string } | null;
    readonly committer: { readonly date?: string } | null;
  };
};

function commitOf(found: GitHubCommit): Commit {
  const { author, committer, message } = found.commit;
  const at = Date.parse(committer?.date ?? author?.date ?? "");
  return {
    sha: found.sha,
    title: (message.split(/\r?\n/, 1)[0] ?? "").slice(0, longestTitle),
    author: found.author?.login ?? author?.name ?? "unknown",
    at: Number.isNaN(at) ? 0 : at,
    url: found.html_url,
  };
}
