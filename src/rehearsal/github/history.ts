/** A repository's commits as a graph, with what GitHub derives from it: refs, short SHAs, comparisons. */
import { createHash } from "node:crypto";

export type SampleCommit = {
  /** 40 lower hex digits. */
  readonly sha: string;
  /** The commit message; its first line is the title. */
  readonly title: string;
  readonly author: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The commit before it in the list when absent; none for the first. */
  readonly parents?: readonly string[];
};

export type SampleRepository = {
  /** `owner/name` */
  readonly fullName: string;
  /** Oldest first. */
  readonly commits: readonly SampleCommit[];
  /** Name to SHA. */
  readonly branches: Readonly<Record<string, string>>;
  /** Name to the SHA of a commit, or of another tag's object. */
  readonly tags: Readonly<Record<string, string>>;
  /** Tags with an object of their own (`git tag -a`): name to SHA. */
  readonly annotatedTags?: Readonly<Record<string, string>>;
};

export type GraphCommit = SampleCommit & { readonly parents: readonly string[] };

export type RefTarget = { readonly type: "commit" | "tag"; readonly sha: string };

export interface History {
  commit(sha: string): GraphCommit | null;
  /** `heads/main` or `tags/v1`, exactly. */
  ref(name: string): RefTarget | null;
  tagObject(sha: string): { readonly tag: string; readonly sha: string; readonly object: RefTarget } | null;
  /** What `GET /commits/{ref}` finds: a full or unique short SHA, a branch, a tag. */
  find(ref: string): GraphCommit | null;
  /** null when the two share no commit. */
  compare(
    base: string,
    head: string,
  ): { readonly ahead: readonly GraphCommit[]; readonly behind: number; readonly mergeBase: string } | null;
}

const isHex = /^[0-9a-f]{4,40}$/;

export function createHistory(repository: SampleRepository): History {
  const commits = new Map(linked(repository.commits).map((commit) => [commit.sha, commit]));
  const tagObjects = new Map(
    Object.entries(repository.annotatedTags ?? {}).map(([tag, target]) => [tagSha(tag, target), { tag, target }] as const),
  );

  function targetOf(sha: string): RefTarget {
    return { type: tagObjects.has(sha) ? "tag" : "commit", sha };
  }

  function ref(name: string): RefTarget | null {
    const [kind, ...rest] = name.split("/");
    const short = rest.join("/");
    if (kind === "heads") return own(repository.branches, short, targetOf);
    if (kind !== "tags") return null;
    return (
      own(repository.annotatedTags ?? {}, short, (sha) => ({ type: "tag", sha: tagSha(short, sha) })) ??
      own(repository.tags, short, targetOf)
    );
  }

  function tagObject(sha: string) {
    const found = tagObjects.get(sha);
    return found === undefined ? null : { tag: found.tag, sha, object: targetOf(found.target) };
  }

  function peeled(target: RefTarget | null): GraphCommit | null {
    if (target === null) return null;
    if (target.type === "commit") return commits.get(target.sha) ?? null;
    return peeled(tagObject(target.sha)?.object ?? null);
  }

  function find(name: string): GraphCommit | null {
    const fitting = isHex.test(name) ? [...commits.keys()].filter((sha) => sha.startsWith(name)) : [];
    const only = fitting.length === 1 ? fitting[0] : undefined;
    if (only !== undefined) return commits.get(only) ?? null;
    return peeled(ref(`heads/${name}`)) ?? peeled(ref(`tags/${name}`));
  }

  function ancestors(sha: string): Set<string> {
    const seen = new Set<string>();
    const todo = [sha];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      todo.push(...(commits.get(next)?.parents ?? []));
    }
    return seen;
  }

  function compare(base: string, head: string) {
    const [ofBase, ofHead] = [ancestors(base), ancestors(head)];
    const order = [...commits.values()];
    const mergeBase = order.findLast((commit) => ofBase.has(commit.sha) && ofHead.has(commit.sha));
    if (mergeBase === undefined) return null;
    const ahead = order.filter((commit) => ofHead.has(commit.sha) && !ofBase.has(commit.sha));
    const behind = [...ofBase].filter((sha) => !ofHead.has(sha)).length;
    return { ahead, behind, mergeBase: mergeBase.sha };
  }

  return { commit: (sha) => commits.get(sha) ?? null, ref, tagObject, find, compare };
}

/** The SHA that the tag object of an annotated tag gets here. */
function tagSha(tag: string, target: string): string {
  return createHash("sha1").update(`tag ${tag} ${target}`).digest("hex");
}

function linked(commits: readonly SampleCommit[]): GraphCommit[] {
  return commits.map((commit, index) => {
    const before = commits[index - 1];
    return { ...commit, parents: commit.parents ?? (before === undefined ? [] : [before.sha]) };
  });
}

function own<T>(table: Readonly<Record<string, string>>, name: string, make: (sha: string) => T): T | null {
  const sha = Object.hasOwn(table, name) ? table[name] : undefined;
  return sha === undefined ? null : make(sha);
}
