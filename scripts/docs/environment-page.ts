/** docs/reference/environment.md: the variables that src/settings.ts and src/agent.ts read, with their meaning. */
import { readSettings } from "../../src/settings.ts";
import { code, generated, page, table } from "./markdown.ts";

export type Variable = { readonly what: string; readonly otherwise: string };

/** What the server, and the CLI beside it, read. */
export const serverVariables: Readonly<Record<string, Variable>> = {
  SLACK_BOT_TOKEN: {
    what: "The bot token, `xoxb-…`: *OAuth & Permissions* of the Slack app.",
    otherwise: "needed by the server",
  },
  SLACK_APP_TOKEN: {
    what: "Socket Mode: the app-level token, `xapp-…`, with `connections:write`: *Basic Information* of the Slack app. Wins over the signing secret.",
    otherwise: "this or the signing secret is needed",
  },
  SLACK_SIGNING_SECRET: {
    what: "HTTP mode: *Basic Information* of the Slack app. Slack then calls `POST /slack/events`.",
    otherwise: "this or the app token is needed",
  },
  SLACK_API_URL: { what: "Another address of the Web API, ending in `/api/`. For rehearsals.", otherwise: "Slack's own" },
  GITHUB_TOKEN: {
    what: "A token that may read the repositories and write deployments. Wins over the app.",
    otherwise: "commits are not looked up",
  },
  GITHUB_APP_ID: { what: "A GitHub App instead of a token. Goes together with its private key.", otherwise: "none" },
  GITHUB_APP_PRIVATE_KEY: { what: "The app's private key, PEM.", otherwise: "none" },
  GITHUB_API_URL: { what: "GitHub Enterprise: `https://github.example.com/api/v3`.", otherwise: "`https://api.github.com`" },
  JIRA_URL: {
    what: "Where Jira is: `https://example.atlassian.net`. Needs the next two.",
    otherwise: "tickets are not looked up",
  },
  JIRA_EMAIL: { what: "The account that looks tickets up and comments on them.", otherwise: "none" },
  JIRA_API_TOKEN: { what: "That account's API token.", otherwise: "none" },
  GANTRY_CONFIG: { what: "The server's own file.", otherwise: "`gantry.yml`" },
  GANTRY_DATA: {
    what: "The data folder: database, lock and local socket. One server per folder; the CLI finds the server through it.",
    otherwise: "`data`",
  },
  GANTRY_PORT: { what: "The port of everything that listens: agents, Slack's events, health and metrics.", otherwise: "`8080`" },
  LOG_LEVEL: {
    what: "`debug`, `info`, `warn`, `error` or `silent`. The log is JSON lines on standard output.",
    otherwise: "`info`",
  },
  DOCKER_CONFIG: { what: "The folder of Docker's `config.json`, for registry logins.", otherwise: "`$HOME/.docker`" },
  HOME: { what: "Only to find Docker's `config.json`.", otherwise: "no registry logins" },
};

/** What the host agent reads; everything else it is told by flags. */
export const agentVariables: Readonly<Record<string, Variable>> = {
  LOG_LEVEL: { what: "As for the server.", otherwise: "`info`" },
  DOCKER_HOST: {
    what: "The engine's socket, when a program starts the agent without saying it. `gantry agent` always says it: use `--docker-host`.",
    otherwise: "`unix:///var/run/docker.sock`",
  },
  DOCKER_CONFIG: { what: "The folder of Docker's `config.json`, for pulls.", otherwise: "`~/.docker`" },
};

/** What the CLI reads besides the server's. */
export const cliVariables: Readonly<Record<string, Variable>> = {
  SUDO_USER: { what: "Who asked, when the verb was typed through `sudo`.", otherwise: "the operating-system user" },
};

/** What server and agent read for Amazon's registry: the names are those of AWS's own programs. */
export const awsVariables: Readonly<Record<string, Variable>> = {
  AWS_ACCESS_KEY_ID: {
    what: "A key that may call `ecr:GetAuthorizationToken`; with the next one.",
    otherwise: "the next source",
  },
  AWS_SECRET_ACCESS_KEY: {
    what: "Its secret. Signs requests, and is never sent, logged or shown.",
    otherwise: "the next source",
  },
  AWS_SESSION_TOKEN: { what: "Of temporary keys.", otherwise: "none" },
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: { what: "Set by ECS: where a task's keys are.", otherwise: "the next source" },
  AWS_CONTAINER_CREDENTIALS_FULL_URI: { what: "Set by EKS Pod Identity: where a pod's keys are.", otherwise: "the next source" },
  AWS_CONTAINER_AUTHORIZATION_TOKEN: { what: "What the endpoint above asks for.", otherwise: "none" },
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: { what: "The file that holds it; wins.", otherwise: "none" },
  AWS_EC2_METADATA_DISABLED: { what: "`true`: the instance's role is not asked for.", otherwise: "`false`" },
  AWS_EC2_METADATA_SERVICE_ENDPOINT: {
    what: "Another address of the instance's endpoint.",
    otherwise: "`http://169.254.169.254`",
  },
  AWS_ENDPOINT_URL_ECR: {
    what: "Another address of ECR's API, such as a VPC endpoint.",
    otherwise: "`AWS_ENDPOINT_URL`, or the region's",
  },
  AWS_ENDPOINT_URL: { what: "The same for all of AWS.", otherwise: "the region's" },
};

/** The names that readSettings asks for, and those of them that may also come as NAME_FILE. Found by asking it. */
export function variablesRead(): { readonly names: readonly string[]; readonly secrets: readonly string[] } {
  const asked = new Set<string>();
  readSettings(
    new Proxy({} as Record<string, string | undefined>, {
      get(_target, name) {
        asked.add(String(name));
        return undefined;
      },
    }),
  );
  const names = [...asked].filter((name) => !name.endsWith("_FILE"));
  return { names, secrets: names.filter((name) => asked.has(`${name}_FILE`)) };
}

export function environmentPage(): string {
  const { secrets } = variablesRead();
  return page([
    generated("`src/settings.ts` and `src/agent.ts`"),
    "# Environment variables",
    "`gantry server` stops at the start and lists everything that is wrong with them, together with every error of the configuration files. An empty value counts as not set.",
    "## Server, and the CLI on its machine",
    rows(serverVariables, secrets),
    `Secrets may also come from a file: \`NAME_FILE\` names it, and wins over \`NAME\`. This holds for ${secrets.map(code).join(", ")}. Their values are never logged, shown or stored.`,
    "## CLI",
    rows(cliVariables, []),
    "## Agent",
    rows(agentVariables, []),
    "## Amazon ECR",
    "Read by server and agent, for images of `ACCOUNT.dkr.ecr.REGION.amazonaws.com` only: see [registries and mirrors](../how-to/registries-and-mirrors.md#amazon-ecr).",
    rows(awsVariables, ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]),
  ]);
}

function rows(variables: Readonly<Record<string, Variable>>, secrets: readonly string[]): string {
  return table(
    ["variable", "what", "when not set"],
    Object.entries(variables).map(([name, { what, otherwise }]) => [
      secrets.includes(name) ? `${code(name)} (secret)` : code(name),
      what,
      otherwise,
    ]),
  );
}
