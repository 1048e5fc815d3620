/** What the environment says (design: 12 factors). Secrets may also come as NAME_FILE. Everything wrong is said at once. */
import { readFileSync } from "node:fs";
import { isLogLevel, type LogLevel } from "./log.ts";

export type Settings = {
  readonly config: string;
  /** The data folder. */
  readonly data: string;
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly slack: {
    readonly botToken: string | null;
    readonly appToken: string | null;
    readonly signingSecret: string | null;
    readonly apiUrl: string | null;
  };
  readonly github: {
    readonly credentials:
      | { readonly token: string }
      | { readonly app: { readonly id: string; readonly privateKey: string } }
      | null;
    readonly apiUrl: string | null;
  };
  readonly jira: { readonly url: string; readonly email: string; readonly token: string } | null;
  readonly dockerConfigDir: string | null;
  /** Values that must never be printed. */
  readonly secrets: readonly string[];
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** Never throws; `errors` are sentences that name the variable. */
export function readSettings(env: Environment): { readonly settings: Settings; readonly errors: readonly string[] } {
  const errors: string[] = [];
  const secrets: string[] = [];

  function plain(name: string): string | null {
    const value = env[name]?.trim();
    return value === undefined || value === "" ? null : value;
  }

  function address(name: string): string | null {
    const value = plain(name);
    if (value === null) return null;
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url?.protocol === "https:" || url?.protocol === "http:") return value;
    const guess = URL.canParse(`https://${value}`) ? `, e.g. https://${value}` : "";
    errors.push(`${name}: "${value}" is not a web address; begin it with https://${guess}`);
    return null;
  }

  function secret(name: string): string | null {
    const file = plain(`${name}_FILE`);
    const value = file === null ? plain(name) : readSecretFile(name, file);
    if (value !== null) secrets.push(value);
    return value;
  }

  function readSecretFile(name: string, file: string): string | null {
    try {
      const value = readFileSync(file, "utf8").trim();
      if (value === "") errors.push(`${name}_FILE: ${file} is empty`);
      return value === "" ? null : value;
    } catch (error) {
      errors.push(`${name}_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
      return null;
    }
  }

  function port(): number {
    const text = plain("GANTRY_PORT") ?? "8080";
    const value = Number(text);
    if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
    errors.push(`GANTRY_PORT: "${text}" is not a port; use a number from 0 to 65535`);
    return 8080;
  }

  function level(): LogLevel {
    const text = plain("LOG_LEVEL") ?? "info";
    if (isLogLevel(text)) return text;
    errors.push(`LOG_LEVEL: "${text}" is not a level; use debug, info, warn, error or silent`);
    return "info";
  }

  function github(): Settings["github"]["credentials"] {
    const token = secret("GITHUB_TOKEN");
    const id = plain("GITHUB_APP_ID");
    const privateKey = secret("GITHUB_APP_PRIVATE_KEY");
    if (token !== null) return { token };
    if ((id === null) !== (privateKey === null)) {
      errors.push("GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY go together: set both, or GITHUB_TOKEN");
    }
    return id === null || privateKey === null ? null : { app: { id, privateKey } };
  }

  function jira(): Settings["jira"] {
    const url = address("JIRA_URL");
    const email = plain("JIRA_EMAIL");
    const token = secret("JIRA_API_TOKEN");
    const set = [plain("JIRA_URL"), email, token].filter((v) => v !== null).length;
    if (set !== 0 && set !== 3) errors.push("JIRA_URL, JIRA_EMAIL and JIRA_API_TOKEN go together: set all three or none");
    return url === null || email === null || token === null ? null : { url, email, token };
  }

  const settings: Settings = {
    config: plain("GANTRY_CONFIG") ?? "gantry.yml",
    data: plain("GANTRY_DATA") ?? "data",
    port: port(),
    logLevel: level(),
    slack: {
      botToken: secret("SLACK_BOT_TOKEN"),
      appToken: secret("SLACK_APP_TOKEN"),
      signingSecret: secret("SLACK_SIGNING_SECRET"),
      apiUrl: address("SLACK_API_URL"),
    },
    github: { credentials: github(), apiUrl: address("GITHUB_API_URL") },
    jira: jira(),
    dockerConfigDir: plain("DOCKER_CONFIG") ?? (plain("HOME") === null ? null : `${plain("HOME")}/.docker`),
    secrets,
  };
  return { settings, errors };
}

/** What the server cannot do without. The CLI's offline commands need none of it. */
export function serverErrors(settings: Settings): string[] {
  const errors: string[] = [];
  const { botToken, appToken, signingSecret } = settings.slack;
  if (botToken === null) errors.push("SLACK_BOT_TOKEN is missing; it begins with xoxb- and stands on the app's OAuth page");
  if (appToken === null && signingSecret === null) {
    errors.push(
      "SLACK_APP_TOKEN (Socket Mode, begins with xapp-) or SLACK_SIGNING_SECRET (HTTP mode) is missing; set one of them",
    );
  }
  return errors;
}
