/**
 * Ticket keys in what people write: commit titles, branch names, links.
 *
 * Only keys of the allowed projects count, so that UTF-8 or SHA-256 are no tickets. A key stands alone: not inside a
 * longer word, a version (`api-1.2`) or a hash (`api-12ab34f`). In lower case the dash before it counts as part of a
 * word too, and seven digits are taken for the start of a commit: `my-api-12` and `api-1234567` are names of things.
 */

const mostKeys = 20;

/** Keys in order of appearance, in capitals, each once, at most `limit`. */
export function ticketKeysIn(texts: readonly string[], projects: readonly string[], limit: number = mostKeys): string[] {
  const allowed = new Set(projects.map((project) => project.toUpperCase()));
  const found = new Set<string>();
  for (const text of texts) {
    for (const match of text.matchAll(/(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_]{1,19})-([1-9]\d{0,8})(?![A-Za-z0-9_]|\.\d)/g)) {
      const [, project = "", number = ""] = match;
      const before = text.charAt(match.index - 1);
      if (!allowed.has(project.toUpperCase()) || (project !== project.toUpperCase() && isDoubtful(before, number))) continue;
      found.add(`${project.toUpperCase()}-${number}`);
      if (found.size >= limit) return [...found];
    }
  }
  return [...found];
}

function isDoubtful(before: string, number: string): boolean {
  return before === "-" || number.length > 6;
}
