/**
 * Takes secrets out of text before it is logged, stored or shown: values that are known, and texts that look like one.
 * Patterns are linear and need no package, so that the agent and the cards can use them on log lines.
 */

export type SecretKind = { readonly name: string; readonly pattern: RegExp };

/** A match is replaced whole, except that the groups `before` and `after` stay. */
const kinds: readonly SecretKind[] = [
  { name: "a Slack token", pattern: /\bxox[a-z](?:\.xox[a-z])?-[\w-]{6,}/g },
  { name: "a Slack app token", pattern: /\bxapp-[\w-]{6,}/g },
  { name: "a Slack webhook", pattern: /(?<before>hooks\.slack\.com\/)[\w/-]{6,}/g },
  { name: "a GitHub token", pattern: /\bgh[a-z]_[A-Za-z0-9]{16,}/g },
  { name: "a GitHub token", pattern: /\bgithub_pat_\w{16,}/g },
  { name: "a Jira token", pattern: /\bATATT3[\w=-]{16,}/g },
  { name: "an enrolment token", pattern: /\bgnt_[\w-]{8,}/g },
  { name: "an AWS key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  { name: "a Google key", pattern: /\bAIza[\w-]{30,}/g },
  { name: "a Stripe key", pattern: /\b[sr]k_live_[A-Za-z0-9]{10,}/g },
  { name: "a JSON web token", pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+/g },
  {
    name: "a private key",
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----)){0,20000}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?/g,
  },
  {
    name: "a password in a URL",
    pattern: /(?<before>\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/?#@:"'<>]{0,200}:)[^\s/?#@"'<>]{1,500}(?<after>@)/gi,
  },
];

/** Only in running text: a config value that begins with Bearer is caught by its name. */
const inText: readonly SecretKind[] = [
  { name: "a bearer token", pattern: /(?<before>\b(?:Bearer|Basic)\s{1,3})[\w.~+/=-]{8,}/gi },
];

const mask = "[redacted]";

/**
 * The text without secrets. `secrets` are values known to be secret (tokens of the environment); those shorter than 6 characters
 * are left alone, since they would blot out ordinary words.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 6) clean = clean.replaceAll(secret, mask);
  for (const { pattern } of [...kinds, ...inText]) {
    clean = clean.replace(pattern, (...found) => {
      const groups = found.at(-1) as { before?: string; after?: string } | string;
      return typeof groups === "string" ? mask : `${groups.before ?? ""}${mask}${groups.after ?? ""}`;
    });
  }
  return clean;
}

/** A variable of this name holds a secret, as people name them. */
export function isSecretName(name: string): boolean {
  return /(?:^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRET_KEY|PRIVATE_KEY|API_KEY|ACCESS_KEY|TOKEN)$/i.test(name);
}

/** What kind of secret a value looks like ("a GitHub token"), or null. */
export function secretKind(value: string): string | null {
  return kinds.find(({ pattern }) => value.search(pattern) >= 0)?.name ?? null;
}
