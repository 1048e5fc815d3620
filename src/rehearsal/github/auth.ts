/** Who may speak to the stand-in: a personal token, or a GitHub App with its key and installation tokens. */
import { verify } from "node:crypto";
import type { WebAnswer, WebRequest } from "../web/server.ts";

export type SampleApp = {
  readonly id: string;
  /** PEM; the other half of what the App signs its requests with. */
  readonly publicKey: string;
  /** Repositories it is installed on. */
  readonly installedOn: readonly string[];
};

export interface GateKeeper {
  /** null when the request may pass, else the refusal. */
  check(request: WebRequest): WebAnswer | null;
  /** Answers the routes that only an App's own signature opens; null for other routes. */
  answer(request: WebRequest): WebAnswer | null;
  revoke(): void;
}

const installation = 77;

export function createGateKeeper(facts: { token: string; app: SampleApp | null }): GateKeeper {
  const tokens = new Set([facts.token]);
  let issued = 0;

  function isAppRoute(request: WebRequest): boolean {
    return /^\/repos\/[^/]+\/[^/]+\/installation$|^\/app(\/|$)/.test(request.path);
  }

  function check(request: WebRequest): WebAnswer | null {
    const [scheme, credential = ""] = String(request.headers.authorization ?? "").split(" ");
    if (scheme === undefined || !/^(token|bearer)$/i.test(scheme)) return badCredentials();
    if (isAppRoute(request)) return facts.app !== null && isSignedBy(facts.app, credential) ? null : badCredentials();
    return tokens.has(credential) ? null : badCredentials();
  }

  function answer(request: WebRequest): WebAnswer | null {
    if (!isAppRoute(request) || facts.app === null) return null;
    if (request.path === "/app") return { status: 200, body: { slug: "gantry", id: Number(facts.app.id), name: "gantry" } };
    const repository = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(request.path)?.[1];
    if (repository !== undefined) {
      if (!facts.app.installedOn.includes(repository)) return { status: 404, body: { message: "Not Found" } };
      return { status: 200, body: { id: installation, app_id: Number(facts.app.id) } };
    }
    if (request.path !== `/app/installations/${installation}/access_tokens`)
      return { status: 404, body: { message: "Not Found" } };
    issued += 1;
    const token = `ghs_rehearsal${String(issued).padStart(26, "0")}`;
    tokens.add(token);
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    return {
      status: 201,
      body: { token, expires_at: expires, permissions: { deployments: "write" }, repository_selection: "all" },
    };
  }

  return { check, answer, revoke: () => tokens.clear() };
}

/** A JSON Web Token signed RS256 by the App's key, issued by it and not expired. */
function isSignedBy(app: SampleApp, jwt: string): boolean {
  const [head, body, signature] = jwt.split(".");
  if (head === undefined || body === undefined || signature === undefined) return false;
  const genuine = verify("sha256", Buffer.from(`${head}.${body}`), app.publicKey, Buffer.from(signature, "base64url"));
  if (!genuine) return false;
  const claims = JSON.parse(Buffer.from(body, "base64url").toString("utf8"));
  return String(claims.iss) === app.id && claims.exp * 1000 > Date.now();
}

function badCredentials(): WebAnswer {
  return { status: 401, body: { message: "Bad credentials", documentation_url: "https://docs.github.com/rest", status: "401" } };
}
