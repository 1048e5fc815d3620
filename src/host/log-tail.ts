/** Makes the lines of a container fit to be shown: short, without control characters, without secrets. */
import { printable } from "../core/logs.ts";
import { mayBeSecretName, redact } from "../core/redact.ts";

export const tailLines = 20;
const lineLength = 200;
const mostOfALine = 10_000;

/** The last lines, short enough for chat. `environment` are the container's `NAME=value` lines. */
export function cleanTail(lines: readonly string[], environment: readonly string[]): string[] {
  return lines.slice(-tailLines).map(createCleaner({ environment, lineLength }));
}

const keyBegins = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
const keyEnds = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----/;

/**
 * Cleans one line after the other. Values of variables whose name says secret are taken out wherever they stand, and so is a
 * private key that goes over several lines.
 */
export function createCleaner(facts: {
  readonly environment: readonly string[];
  readonly lineLength: number;
}): (line: string) => string {
  const { lineLength } = facts;
  const secrets = secretsOf(facts.environment);
  let isInKey = false;
  return (line) => {
    const plain = printable(line.slice(0, mostOfALine)).trimEnd();
    const wasInKey = isInKey;
    if (keyBegins.test(plain)) isInKey = true;
    if (keyEnds.test(plain)) isInKey = false;
    const text = wasInKey ? "[redacted]" : redact(plain, secrets);
    return text.length > lineLength ? `${text.slice(0, lineLength - 1)}…` : text;
  };
}

/** A value of several lines is looked for line by line, as it is printed. */
function secretsOf(environment: readonly string[]): string[] {
  const secrets: string[] = [];
  for (const line of environment) {
    const equals = line.indexOf("=");
    if (equals > 0 && mayBeSecretName(line.slice(0, equals))) secrets.push(...line.slice(equals + 1).split(/\r?\n/));
  }
  return secrets.filter((secret) => secret.trim() !== "").sort((a, b) => b.length - a.length);
}
