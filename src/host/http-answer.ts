/** Whether an HTTP answer is what a health check asked for. */
import { type HttpProbe, isCommit, releaseName } from "../core/release.ts";
import type { Answer, ReleaseNames } from "./engine.ts";

/** More of a body is never read: a health check answers in a line. */
export const mostBodyBytes = 64 * 1024;

export type HttpHead = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>> };

/** What is wrong with status and headers, after "it"; null when nothing is. Redirects are never followed: they lead to a place that says nothing about this container. */
export function headFault(probe: HttpProbe, head: HttpHead, names: ReleaseNames | null): string | null {
  const { status } = head;
  const ranges = probe.status ?? [[200, 299]];
  if (!ranges.some(([from, to]) => status >= from && status <= to)) return `answered ${status}${redirectOf(head)}`;
  for (const [name, wanted] of Object.entries(probe.header ?? {})) {
    const value = headerOf(head, name);
    if (value === null) return `answered ${status} without the header ${name}`;
    if (wanted !== null && value !== wanted) return `answered ${status}, but its header ${name} is not ${JSON.stringify(wanted)}`;
  }
  const { echo } = probe;
  if (echo === undefined || echo === "body" || namesRelease(headerOf(head, echo.header) ?? "", names)) return null;
  const value = headerOf(head, echo.header);
  const says = value === null ? "is missing" : `says ${JSON.stringify(value.slice(0, 60))}`;
  return `answered ${status}, but not as ${wordsOf(names)}: its header ${echo.header} ${says}`;
}

export function needsBody(probe: HttpProbe): boolean {
  return probe.body !== undefined || probe.echo === "body";
}

/** Whether nothing that comes later could change that the body is good. */
export function isEnough(probe: HttpProbe, body: string): boolean {
  return probe.echo !== "body" && probe.body !== undefined && "contains" in probe.body && body.includes(probe.body.contains);
}

/** `body`: at most `mostBodyBytes` of it. */
export function bodyFault(probe: HttpProbe, body: string, names: ReleaseNames | null): string | null {
  const wanted = probe.body;
  if (wanted !== undefined && "contains" in wanted && !body.includes(wanted.contains))
    return `answered without ${JSON.stringify(wanted.contains.slice(0, 60))} in its body`;
  if (wanted !== undefined && "equals" in wanted && body.trim() !== wanted.equals.trim())
    return `answered with another body than ${JSON.stringify(wanted.equals.slice(0, 60))}`;
  if (probe.echo === "body" && !namesRelease(body, names))
    return `answered, but not as ${wordsOf(names)}: its body names neither`;
  return null;
}

/**
 * Whether one word of the text is the release's number (r42), its commit (whole, or at least 7 digits of it) or its digest.
 * Whole words: r4 is not r42, and v1.10.1 not v1.10.12.
 */
function namesRelease(text: string, names: ReleaseNames | null): boolean {
  if (names === null) return false;
  const { number, commit, digest } = names;
  const words = text.split(/[^\w.:+-]+/).map((word) => word.replace(/[.:]+$/, ""));
  const isShort = (word: string) => isCommit(commit) && /^[0-9a-f]{7,}$/.test(word) && commit.startsWith(word);
  return words.some((word) => word === releaseName(number) || word === commit || word === digest || isShort(word));
}

export function answered(what: string, fault: string | null, status: number): Answer {
  return fault === null ? { ok: true, detail: `${what} answered ${status}` } : { ok: false, detail: `${what} ${fault}` };
}

function wordsOf(names: ReleaseNames | null): string {
  return names === null
    ? "a release, since the container does not say which it is"
    : `${releaseName(names.number)} or its commit`;
}

/** Without its query: that may hold a token. */
function redirectOf(head: HttpHead): string {
  const to = head.status >= 300 && head.status < 400 ? headerOf(head, "location") : null;
  return to === null ? "" : `, a redirect to ${(to.split(/[?#]/)[0] ?? "").slice(0, 100)}, which is not followed`;
}

function headerOf({ headers }: HttpHead, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return value === undefined ? null : (Array.isArray(value) ? value.join(", ") : value).trim();
}
