/** Basic and bearer authorization of registries: what a 401 asks for, and the tokens it is answered with. */
import { OutsideError, type RegistryLogin, type RegistryLogins } from "../app/ports.ts";
import type { Endpoint } from "./endpoints.ts";
import { type Answer, unreachable, type Wire } from "./wire.ts";

export type Challenge =
  | { readonly kind: "basic" }
  | { readonly kind: "bearer"; readonly realm: string; readonly service: string | null; readonly scope: string | null };

/** Reads WWW-Authenticate, or null when it asks for something else. */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme = "", rest = ""] = /^\s*(\w+)\s*([\s\S]{0,4096})$/.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() === "basic") return { kind: "basic" };
  if (scheme.toLowerCase() !== "bearer") return null;
  const values = new Map([...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key.toLowerCase(), value]));
  const realm = values.get("realm");
  if (realm === undefined || !URL.canParse(realm)) return null;
  return { kind: "bearer", realm, service: values.get("service") ?? null, scope: values.get("scope") ?? null };
}

type Held = { readonly header: string; readonly until: number };

/** Holds authorizations between calls, per endpoint and repository. */
export class Authority {
  private readonly held = new Map<string, Held>();
  private readonly wire: Wire;
  private readonly logins: RegistryLogins | null;

  constructor(facts: { wire: Wire; logins: RegistryLogins | null }) {
    this.wire = facts.wire;
    this.logins = facts.logins;
  }

  /** The Authorization header to send without being asked, or null. */
  remembered(key: string): string | null {
    const held = this.held.get(key);
    return held !== undefined && held.until > performance.now() ? held.header : null;
  }

  forget(key: string): void {
    this.held.delete(key);
  }

  /** Answers a 401. Rejects with OutsideError: `registry_auth` when there is nothing to answer with. */
  async answer(facts: { key: string; endpoint: Endpoint; refusal: Answer; deadlineAt: number }): Promise<string> {
    const { key, endpoint, deadlineAt } = facts;
    const challenge = parseChallenge(facts.refusal.headers["www-authenticate"]);
    if (challenge === null) throw refused(`${endpoint.host} asks for an unknown kind of login`);
    const credentials = (await this.logins?.find(endpoint.host))?.login ?? null;
    const held =
      challenge.kind === "basic"
        ? { header: basicHeader(endpoint, credentials), until: performance.now() + 300_000 }
        : await this.token({ endpoint, challenge, credentials, deadlineAt });
    if (this.held.size > 1000) this.held.clear();
    this.held.set(key, held);
    return held.header;
  }

  private async token(facts: {
    endpoint: Endpoint;
    challenge: Extract<Challenge, { kind: "bearer" }>;
    credentials: RegistryLogin | null;
    deadlineAt: number;
  }): Promise<Held> {
    const { endpoint, challenge, credentials, deadlineAt } = facts;
    const realm = new URL(challenge.realm);
    // A registry over https must not talk us into sending the password in clear.
    const safe = realm.protocol === "https:" || (realm.protocol === "http:" && endpoint.origin.startsWith("http:"));
    if (!safe) throw refused(`${endpoint.host} names a token service that is not https`);
    const answer = await this.wire.ask({ ...tokenRequest(realm, challenge, credentials), deadlineAt });
    if (answer.status !== 200) throw refused(`${endpoint.host} gives no token (HTTP ${answer.status})`);
    const { token, access_token, expires_in } = parseObject(answer.body, endpoint.host);
    const value = token ?? access_token;
    if (typeof value !== "string" || !/^[\w.~+/=-]+$/.test(value)) throw refused(`${endpoint.host} gives no usable token`);
    const seconds = typeof expires_in === "number" ? Math.min(Math.max(expires_in, 10), 3600) : 60;
    return { header: `Bearer ${value}`, until: performance.now() + seconds * 800 };
  }
}

function tokenRequest(realm: URL, challenge: Extract<Challenge, { kind: "bearer" }>, credentials: RegistryLogin | null) {
  const wanted = new URLSearchParams();
  if (challenge.service !== null) wanted.set("service", challenge.service);
  if (challenge.scope !== null) wanted.set("scope", challenge.scope);
  if (credentials?.kind === "identity") {
    const body = new URLSearchParams([
      ...wanted,
      ["grant_type", "refresh_token"],
      ["client_id", "gantry"],
      ["refresh_token", credentials.token],
    ]);
    return {
      method: "POST",
      url: realm.href,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: body.toString(),
    } as const;
  }
  for (const [key, value] of wanted) realm.searchParams.set(key, value);
  const headers: Record<string, string> =
    credentials === null ? {} : { authorization: basic(credentials.user, credentials.password) };
  return { method: "GET", url: realm.href, headers } as const;
}

function basicHeader(endpoint: Endpoint, credentials: RegistryLogin | null): string {
  if (credentials?.kind === "password") return basic(credentials.user, credentials.password);
  throw refused(`${endpoint.host} asks for a login and there is none for it`);
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export function refused(message: string): OutsideError {
  return new OutsideError({ reason: "registry_auth", message });
}

/** JSON of an answer, as an object. Rejects what is not: something else than a registry answers there. */
export function parseObject(body: Buffer, host: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (value !== null && typeof value === "object") return value as Record<string, unknown>;
  } catch {
    // Told below, without the parser's words.
  }
  throw unreachable(`${host} does not answer like a registry`);
}
