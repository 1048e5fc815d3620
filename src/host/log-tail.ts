/** Makes the last lines of a container fit to be shown in chat: short, without control characters, without secrets. */
import { redact } from "../core/redact.ts";

export const tailLines = 20;
const lineLength = 200;

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences are what is being removed
const terminal = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** `environment` are the container's `NAME=value` lines: values of those whose name says secret are taken out wherever they stand. */
export function cleanTail(lines: readonly string[], environment: readonly string[]): string[] {
  const secrets = secretsOf(environment);
  return lines.slice(-tailLines).map((line) => {
    const text = redact(line.slice(0, 10_000).replace(terminal, "").replace(control, "").trimEnd(), secrets);
    return text.length > lineLength ? `${text.slice(0, lineLength - 1)}…` : text;
  });
}

const secretName = /secret|token|passw|credential|private|api_?key|_key$|dsn|auth/i;

function secretsOf(environment: readonly string[]): string[] {
  const secrets: string[] = [];
  for (const line of environment) {
    const equals = line.indexOf("=");
    if (equals > 0 && secretName.test(line.slice(0, equals))) secrets.push(line.slice(equals + 1));
  }
  return secrets;
}
