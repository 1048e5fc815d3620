/** A GitHub that runs on loopback, with state and faults: real HTTP, real REST shapes, sample repositories. */
import { createFaults, type Fault, type Faults } from "../web/faults.ts";
import { startWebServer, type WebAnswer, type WebRequest } from "../web/server.ts";
import { createGateKeeper, type SampleApp } from "./auth.ts";
import { createDeploymentBook, notFound, type SampleDeployment, type SampleStatus } from "./deployments.ts";
import { createHistory, type SampleRepository } from "./history.ts";
import { answerRepository } from "./routes.ts";

export type RehearsalGitHub = {
  /** For GITHUB_API_URL. */
  readonly url: string;
  /** For GITHUB_TOKEN. */
  readonly token: string;
  readonly faults: Faults;
  /** Request lines in the order of their arrival. */
  readonly requests: readonly string[];
  deployments(): readonly SampleDeployment[];
  statuses(): readonly SampleStatus[];
  /** Every token stops working, as when someone revokes it. */
  revokeTokens(): void;
  stop(): Promise<void>;
};

export async function startGitHub(options: {
  readonly repositories: readonly SampleRepository[];
  readonly app?: SampleApp;
  readonly port?: number;
}): Promise<RehearsalGitHub> {
  const token = "ghp_rehearsal0000000000000000000000000000";
  const faults = createFaults();
  const book = createDeploymentBook();
  const keeper = createGateKeeper({ token, app: options.app ?? null });
  const histories = new Map(options.repositories.map((repository) => [repository.fullName, createHistory(repository)]));

  function handle(request: WebRequest): WebAnswer {
    return keeper.check(request) ?? keeper.answer(request) ?? route(request);
  }

  function route(request: WebRequest): WebAnswer {
    if (request.path === "/user") return { status: 200, body: { login: "gantry-bot", id: 1, type: "User" } };
    if (request.path.startsWith("/repos/")) return answerRepository({ request, histories, book });
    return notFound();
  }

  const server = await startWebServer({ faults, handle, ...(options.port === undefined ? {} : { port: options.port }) });
  return {
    url: server.url,
    token,
    faults,
    requests: server.requests,
    deployments: () => [...book.deployments],
    statuses: () => [...book.statuses],
    revokeTokens: () => keeper.revoke(),
    stop: () => server.stop(),
  };
}

/** What GitHub answers when a client is too lively; see "Rate limits for the REST API" in its documentation. */
export function secondaryRateLimit(retryAfterS: number): Fault {
  return {
    kind: "answer",
    status: 403,
    headers: { "retry-after": String(retryAfterS) },
    body: { message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again." },
  };
}

/** What GitHub answers when the hour's requests are used up. */
export function primaryRateLimit(resetAtS: number): Fault {
  return {
    kind: "answer",
    status: 403,
    headers: { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(resetAtS) },
    body: { message: "API rate limit exceeded for user ID 1." },
  };
}
