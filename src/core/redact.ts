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

/** How names end that hold a secret, in words: DB_PASS, dbPassword, db.password. */
const secretEnds =
  /(?:^| )(?:\w*(?:password|passwd|passphrase)|pass|secret|token|(?:auth|access|api|bot)token|credentials?|secret key base|(?:api|secret|private|access|signing|encryption|master|hmac) ?key)$/;

/** A variable of this name holds a secret, as people name them. What is about one (TOKEN_TTL, PUBLIC_KEY, MAX_TOKENS) does not. */
export function isSecretName(name: string): boolean {
  const apart = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  const words = apart
    .replace(/[^A-Za-z0-9]+/g, " ")
    .trim()
    .toLowerCase();
  // PWD itself is the folder that a shell is in.
  return secretEnds.test(words.replace(/ ?\d+$/, "")) || / pwd$/.test(words);
}

/** Wider, for what is only blotted out where it shows up in a log: also names that are secret more often than not. */
export function mayBeSecretName(name: string): boolean {
  return isSecretName(name) || /secret|token|passw|credential|private|api_?key|_key$|dsn|auth/i.test(name);
}

/** This value is a secret by its variable's name: not empty, no switch, and not where the secret is to be found. */
export function holdsSecret(name: string, value: string): boolean {
  return isSecretName(name) && value !== "" && !/^(?:true|false|yes|no|on|off|0|1)$/i.test(value) && !isPlace(value);
}

/** A path or a plain address. Base64 may begin with a slash, too: letters of both cases and digits in a long segment are no name. */
function isPlace(value: string): boolean {
  if (/^https?:\/\/[^\s@?#]+$/.test(value)) return true;
  const isFile = /^\.{0,2}\/?(?:[\w.-]+\/)*[\w-][\w.-]*\.(?:json|pem|key|crt|p12|jks)$/.test(value);
  const isPath = isFile || /^(?:\/[\w.@-]+){2,}\/?$/.test(value);
  return isPath && !value.split("/").some(looksRandom);
}

function looksRandom(segment: string): boolean {
  return /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9]{10,}$/.test(segment);
}

/** What kind of secret a value looks like ("a GitHub token"), or null. */
export function secretKind(value: string): string | null {
  return kinds.find(({ pattern }) => value.search(pattern) >= 0)?.name ?? null;
}
