/** From what a person typed to one build: ref -> commit -> digest, once, at request time. */
import type { ServiceConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { isCommit, isDigest, shortCommit } from "../core/release.ts";
import { type Forge, type Log, OutsideError, type Registry } from "./ports.ts";

export type Build = { readonly commit: string; readonly digest: string };

/** Shorter ones are likely to fit another build tomorrow. */
const shortestCommit = 6;
const candidatesShown = 5;

export async function findBuild(
  parts: { readonly registry: Registry; readonly forge: Forge | null; readonly log: Log },
  facts: { readonly service: ServiceConfig; readonly ref: string },
): Promise<Build | Refusal> {
  const image = facts.service.spec.container.image;
  try {
    const tags = await parts.registry.tags(image);
    const tag = await tagOf(parts, { ...facts, tags });
    if (typeof tag !== "string") return tag;
    const digest = await parts.registry.digest(image, tag);
    if (digest === null || !isDigest(digest)) {
      return refuse("image_missing", `${image} has the tag \`${tag}\`, but no image behind it.`);
    }
    return { commit: await commitOf(parts, facts.service, tag), digest };
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    return refuse(error.reason, `The registry of ${facts.service.name} cannot be asked: ${error.message}`);
  }
}

/**
 * The commit that an image tag stands for. Only a git tag is looked up: an image tag named after a branch (`main`, `latest`) may be
 * older than the branch. Where it cannot be told, the tag itself is the name of what is deployed; what runs is the digest anyway.
 */
async function commitOf(
  parts: { readonly forge: Forge | null; readonly log: Log },
  service: ServiceConfig,
  tag: string,
): Promise<string> {
  if (isCommit(tag)) return tag;
  const asked = await askForge(parts, { service, ref: `refs/tags/${tag}` });
  return "next" in asked ? tag : (asked.commit ?? tag);
}

/** The tag that the ref means: itself, the one commit that begins with it, or the commit GitHub knows it as. */
async function tagOf(
  parts: { readonly forge: Forge | null; readonly log: Log },
  facts: { readonly service: ServiceConfig; readonly ref: string; readonly tags: readonly string[] },
): Promise<string | Refusal> {
  const { ref, tags } = facts;
  if (tags.includes(ref)) return ref;
  if (/^[0-9a-f]+$/i.test(ref)) {
    const found = tags.filter((tag) => isCommit(tag) && tag.startsWith(ref.toLowerCase()));
    if (found.length === 1 && found[0] !== undefined && ref.length >= shortestCommit) return found[0];
    if (found.length > 1 || (found.length === 1 && ref.length < shortestCommit)) return ambiguous(ref, found);
  }
  const asked = await askForge(parts, facts);
  if ("next" in asked) return asked;
  if (asked.commit !== null && tags.includes(asked.commit)) return asked.commit;
  return unknown({ ...facts, ...asked });
}

/** The commit that GitHub knows the ref as, or the refusal to stop with. `gap`: why GitHub could not be asked. */
async function askForge(
  parts: { readonly forge: Forge | null; readonly log: Log },
  facts: { readonly service: ServiceConfig; readonly ref: string },
): Promise<{ readonly commit: string | null; readonly gap: string | null } | Refusal> {
  const { repository, name } = facts.service;
  if (parts.forge === null || repository === null) return { commit: null, gap: null };
  try {
    return { commit: await parts.forge.resolve({ repository, ref: facts.ref }), gap: null };
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    if (error.reason === "ambiguous_ref") return refuse("ambiguous_ref", `${error.message}.`);
    parts.log.warn({ service: name, ref: facts.ref, reason: error.reason }, "the ref could not be looked up at GitHub");
    return { commit: null, gap: ` GitHub could not be asked (${error.reason}), so a branch or tag is not known; a commit is.` };
  }
}

function ambiguous(ref: string, found: readonly string[]): Refusal {
  const list = found.slice(0, candidatesShown).map((c) => `\`${c.slice(0, 12)}\``);
  const more = found.length > candidatesShown ? ` and ${found.length - candidatesShown} more` : "";
  const why = found.length === 1 ? `is shorter than ${shortestCommit} digits; it begins` : "begins";
  return refuse("ambiguous_ref", `\`${ref}\` ${why} ${list.join(", ")}${more}.`);
}

function unknown(facts: {
  readonly service: ServiceConfig;
  readonly ref: string;
  readonly tags: readonly string[];
  readonly commit: string | null;
  readonly gap: string | null;
}): Refusal {
  const { service, ref, tags, commit } = facts;
  const commits = tags.filter(isCommit);
  const shown = commits.slice(-candidatesShown).map((c) => `\`${shortCommit(c)}\``);
  const known =
    commit === null ? "" : ` GitHub knows it as \`${shortCommit(commit)}\`, but CI has pushed no image of that commit.`;
  const have = commits.length === 0 ? " The registry has no build of it at all." : ` Builds there: ${shown.join(", ")}.`;
  return refuse("unknown_ref", `No build of ${service.name} for \`${ref}\`.${known}${have}`);
}
