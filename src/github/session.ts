/**
 * The connection to GitHub: Octokit with its retry and throttling plugins, as a token or as an App, under deadlines.
 *
 * What the plugins do here: a failed read is tried again twice, soon; a write never (the caller looks first, then repeats
 * the whole effect). A rate limit is waited for only when the wait fits into the caller's deadline. When it does not, the
 * caller is told how long to wait, and until then no request leaves: GitHub bans clients that keep asking.
 */
import { createPrivateKey } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { Octokit } from "@octokit/rest";
import { type Log, OutsideError } from "../app/ports.ts";
import { type Deadline, withDeadline } from "./deadline.ts";
import { isMissing, translated } from "./failures.ts";

export type GitHubCredentials =
  | { readonly token: string }
  /** PEM; newlines may be written as `\n`, as people put them into environment variables. */
  | { readonly app: { readonly id: string; readonly privateKey: string } };

export type Repo = { readonly owner: string; readonly repo: string };

/** One piece of work against one repository, within its deadline. Pass `read` or `write` as `request` to each call. */
export type Call = Repo & {
  readonly fullName: string;
  readonly rest: Octokit["rest"];
  readonly read: object;
  readonly write: object;
};

export interface Session {
  /** Runs the work; rejects with OutsideError. */
  run<T>(repository: string, work: (call: Call) => Promise<T>): Promise<T>;
  /** Who we are at GitHub, for `gantry doctor`. Rejects with OutsideError. */
  whoAmI(): Promise<string>;
}

export type SessionOptions = {
  readonly credentials: GitHubCredentials;
  readonly apiUrl: string;
  readonly timeoutMs: number;
  readonly log: Log;
};

/** Innermost plugin, so that each attempt of the other two passes through it. */
function stopWhenLate(octokit: Pick<Octokit, "hook">): object {
  octokit.hook.wrap("request", async (request, options) => {
    const { signal } = options.request;
    // Octokit's plugins would go on after the caller has left; an error without a request ends that.
    if (signal?.aborted) throw new DOMException("The deadline has passed", "AbortError");
    // The App's sign-in comes without our signal; it is repeated with the request that needs it, not by itself.
    if (signal === undefined) options.request["retries"] = 0;
    return request(options);
  });
  return {};
}

const Client = Octokit.plugin(stopWhenLate, throttling, retry);
let sessions = 0;

export function createSession(options: SessionOptions): Session {
  const clients = createClients(options);
  const secrets = secretsOf(options.credentials);
  let silentUntil = 0;

  async function guarded<T>(work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const waitMs = silentUntil - Date.now();
    if (waitMs > 0) throw new OutsideError({ reason: "github_unreachable", message: waitText(waitMs), retryAfterMs: waitMs });
    try {
      return await withDeadline(options.timeoutMs, work);
    } catch (error) {
      const failure = translated(error, secrets);
      if (failure.retryAfterMs !== null) silentUntil = Date.now() + failure.retryAfterMs;
      throw failure;
    }
  }

  async function run<T>(repository: string, work: (call: Call) => Promise<T>): Promise<T> {
    const repo = parseRepository(repository);
    return guarded(async (deadline) => {
      const octokit = await clients.of(repo, deadline);
      const read = { signal: deadline.signal, deadline };
      return work({ ...repo, fullName: repository, rest: octokit.rest, read, write: { ...read, retries: 0 } });
    });
  }

  return { run, whoAmI: () => guarded((deadline) => clients.whoAmI(deadline)) };
}

type Clients = {
  of(repo: Repo, deadline: Deadline): Promise<Octokit>;
  whoAmI(deadline: Deadline): Promise<string>;
};

function createClients(options: SessionOptions): Clients {
  const { credentials } = options;
  if ("token" in credentials) {
    const octokit = createClient(options, { auth: credentials.token });
    const whoAmI = async (deadline: Deadline) => {
      const { data } = await octokit.rest.users.getAuthenticated({ request: { signal: deadline.signal, deadline } });
      return `user ${data.login}`;
    };
    return { of: async () => octokit, whoAmI };
  }
  return createAppClients(options, credentials.app);
}

/** An App acts through its installations: one client for each, found by repository and kept. */
function createAppClients(options: SessionOptions, app: { readonly id: string; readonly privateKey: string }): Clients {
  const privateKey = app.privateKey.replaceAll("\\n", "\n");
  if (!isPrivateKey(privateKey)) return refusingClients("The GitHub App's private key is not a key in PEM form");
  const auth = { appId: app.id, privateKey };
  const self = createClient(options, { authStrategy: createAppAuth, auth });
  const installations = new Map<string, number>();
  const clients = new Map<number, Octokit>();

  async function installationOf(repo: Repo, deadline: Deadline): Promise<number> {
    const name = `${repo.owner}/${repo.repo}`;
    const known = installations.get(name);
    if (known !== undefined) return known;
    try {
      const { data } = await self.rest.apps.getRepoInstallation({ ...repo, request: { signal: deadline.signal, deadline } });
      installations.set(name, data.id);
      return data.id;
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new OutsideError({ reason: "github_auth", message: `The GitHub App is not installed on ${name}` });
    }
  }

  async function of(repo: Repo, deadline: Deadline): Promise<Octokit> {
    const installationId = await installationOf(repo, deadline);
    const known = clients.get(installationId);
    if (known !== undefined) return known;
    const made = createClient(options, { authStrategy: createAppAuth, auth: { ...auth, installationId } });
    clients.set(installationId, made);
    return made;
  }

  async function whoAmI(deadline: Deadline): Promise<string> {
    const { data } = await self.rest.apps.getAuthenticated({ request: { signal: deadline.signal, deadline } });
    return `App ${data?.name ?? app.id}`;
  }

  return { of, whoAmI };
}

/** A server with an unusable key still starts and deploys; whoever asks GitHub is told. */
function refusingClients(message: string): Clients {
  const refuse = async () => {
    throw new OutsideError({ reason: "github_auth", message });
  };
  return { of: refuse, whoAmI: refuse };
}

function isPrivateKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    return false;
  }
}

function createClient(options: SessionOptions, auth: { readonly auth: unknown; readonly authStrategy?: unknown }): Octokit {
  const quiet = (message: string) => options.log.debug({ adapter: "github" }, message);
  sessions += 1;
  return new Client({
    ...auth,
    userAgent: "gantry",
    baseUrl: options.apiUrl.replace(/\/+$/, ""),
    log: { debug: () => undefined, info: quiet, warn: quiet, error: quiet },
    // App tokens are fetched without our signal, so each request has a limit of its own as well.
    request: {
      fetch: (url: string, init: RequestInit) => fetch(url, { ...init, signal: limited(init.signal, options.timeoutMs) }),
    },
    retry: { doNotRetry: [400, 401, 403, 404, 409, 410, 422, 429, 451], retries: 2, retryAfterBaseValue: 250 },
    throttle: {
      // Queues are shared between clients of one id; ours must not wait behind another's.
      id: `gantry-${sessions}`,
      onRateLimit: (retryAfterS: number, request: object) => fits(retryAfterS, request),
      onSecondaryRateLimit: (retryAfterS: number, request: object) => fits(retryAfterS, request),
    },
  });
}

function limited(signal: AbortSignal | null | undefined, timeoutMs: number): AbortSignal {
  const own = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, own]) : own;
}

/** Whether waiting this long leaves the caller time for the answer. */
function fits(retryAfterS: number, options: object): boolean {
  const request = "request" in options ? (options.request as { deadline?: Deadline }) : {};
  return request.deadline !== undefined && retryAfterS * 1000 < request.deadline.remainingMs();
}

function parseRepository(repository: string): Repo {
  const [, owner, repo] = /^([\w.-]+)\/([\w.-]+)$/.exec(repository) ?? [];
  if (owner === undefined || repo === undefined || /^\.+$/.test(owner) || /^\.+$/.test(repo)) {
    throw new OutsideError({ reason: "github_unreachable", message: "A repository is written owner/name" });
  }
  return { owner, repo };
}

function secretsOf(credentials: GitHubCredentials): readonly string[] {
  return "token" in credentials ? [credentials.token] : [credentials.app.privateKey];
}

function waitText(waitMs: number): string {
  return `GitHub's rate limit is reached; it asks to wait ${Math.ceil(waitMs / 1000)} s`;
}
