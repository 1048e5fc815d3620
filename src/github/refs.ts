/**
 * What a person typed (branch, tag, full or short SHA) to the one commit it means now.
 *
 * All places are looked at, precisely: GitHub's own `GET /commits/{ref}` takes the first that fits and does not say which.
 * When they disagree the ref is refused as ambiguous; `refs/tags/v1` and `refs/heads/v1` say which one is meant.
 */
import { OutsideError } from "../app/ports.ts";
import { shortCommit } from "../core/release.ts";
import { isMissing, statusOf } from "./failures.ts";
import type { Recent } from "./recent.ts";
import type { Call } from "./session.ts";

type Found = { readonly what: string; readonly sha: string };

const fullSha = /^[0-9a-f]{40}$/i;
const shortSha = /^[0-9a-f]{7,39}$/i;
/** Git allows tags of tags; nobody nests them deeper than this. */
const deepestTag = 5;

/** The commit, or null when there is none. Rejects with `ambiguous_ref` when the ref means several. */
export async function resolveRef(call: Call, ref: string, known: Recent<string>): Promise<string | null> {
  const found = await lookUp(call, ref, known);
  const [first] = found;
  if (first === undefined) {
    await demandRepository(call);
    return null;
  }
  if (found.every(({ sha }) => sha === first.sha)) return first.sha;
  const candidates = found.map(({ what, sha }) => `${what} (${shortCommit(sha)})`).join(" and ");
  throw new OutsideError({ reason: "ambiguous_ref", message: `\`${ref}\` is ${candidates}` });
}

async function lookUp(call: Call, ref: string, known: Recent<string>): Promise<Found[]> {
  if (fullSha.test(ref)) return present([await commitNamed(call, ref.toLowerCase(), known)]);
  if (!isRefName(ref)) return [];
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? [];
  if (kind === "tags" && name !== undefined) return present([await tagNamed(call, name, known)]);
  if (kind === "heads" && name !== undefined) return present([await branchNamed(call, name)]);
  const all = [tagNamed(call, ref, known), branchNamed(call, ref)];
  if (shortSha.test(ref)) all.push(commitStarting(call, ref.toLowerCase()));
  return present(await Promise.all(all));
}

async function commitNamed(call: Call, sha: string, known: Recent<string>): Promise<Found | null> {
  const key = `${call.fullName} ${sha}`;
  if (known.get(key) !== undefined) return { what: "a commit", sha };
  const commit = await orNull(call.rest.git.getCommit({ ...place(call), commit_sha: sha, request: call.read }));
  if (commit === null) return null;
  known.set(key, sha);
  return { what: "a commit", sha };
}

/** GitHub also takes branch and tag names here, so what comes back must begin with what was asked for. */
async function commitStarting(call: Call, short: string): Promise<Found | null> {
  const answer = await orNull(call.rest.repos.getCommit({ ...place(call), ref: short, request: call.read }));
  return answer?.data.sha.startsWith(short) ? { what: "a commit", sha: answer.data.sha } : null;
}

async function branchNamed(call: Call, name: string): Promise<Found | null> {
  const object = await refObject(call, `heads/${name}`);
  return object?.type === "commit" ? { what: "a branch", sha: object.sha } : null;
}

async function tagNamed(call: Call, name: string, known: Recent<string>): Promise<Found | null> {
  const object = await refObject(call, `tags/${name}`);
  if (object === null) return null;
  const sha = object.type === "tag" ? await peeled(call, object.sha, known) : object.type === "commit" ? object.sha : null;
  return sha === null ? null : { what: "a tag", sha };
}

async function refObject(call: Call, ref: string): Promise<{ type: string; sha: string } | null> {
  const answer = await orNull(call.rest.git.getRef({ ...place(call), ref, request: call.read }));
  return answer !== null && answer.data.ref === `refs/${ref}` ? answer.data.object : null;
}

/** The commit under an annotated tag; null for a tag of something else. A tag object never changes. */
async function peeled(call: Call, tagSha: string, known: Recent<string>): Promise<string | null> {
  const key = `${call.fullName} tag ${tagSha}`;
  const remembered = known.get(key);
  if (remembered !== undefined) return remembered;
  let object: { type: string; sha: string } = { type: "tag", sha: tagSha };
  for (let depth = 0; object.type === "tag" && depth < deepestTag; depth += 1) {
    const answer = await orNull(call.rest.git.getTag({ ...place(call), tag_sha: object.sha, request: call.read }));
    if (answer === null) return null;
    object = answer.data.object;
  }
  if (object.type !== "commit") return null;
  known.set(key, object.sha);
  return object.sha;
}

/** GitHub says 404 for a repository that the token may not see, which must not read as "no such ref". */
async function demandRepository(call: Call): Promise<void> {
  try {
    await call.rest.repos.get({ ...place(call), request: call.read });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const message = `There is no repository ${call.fullName} at GitHub, or the token may not see it`;
    throw new OutsideError({ reason: "github_auth", message });
  }
}

/** The rules of `git check-ref-format` that matter: nothing else can be a ref, so GitHub need not be asked. */
function isRefName(ref: string): boolean {
  if (ref.length === 0 || ref.length > 250 || ref.startsWith("-") || /\.\.|@\{|\/\/|^\/|\/$|\.$|\.lock$/.test(ref)) return false;
  return /^[^\p{C}\s~^:?*[\\]+$/u.test(ref);
}

function place(call: Call): { owner: string; repo: string } {
  return { owner: call.owner, repo: call.repo };
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function present(found: readonly (Found | null)[]): Found[] {
  return found.filter((entry) => entry !== null);
}
