/**
 * Logins for Amazon's registry, from its own token API: no helper program and no SDK. A token is good for 12 hours for every
 * repository that the keys may read. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
import type { RegistryLogin } from "../app/ports.ts";
import { awsKeys, type Environment } from "./aws-keys.ts";
import { signed } from "./sigv4.ts";
import type { Wire } from "./wire.ts";

export type EcrPlace = { readonly account: string; readonly region: string; readonly domain: string };

/** Null for every other registry. */
export function ecrPlace(host: string): EcrPlace | null {
  const [, account, region, domain] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)$/.exec(host) ?? [];
  return account === undefined || region === undefined || domain === undefined ? null : { account, region, domain };
}

const target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const waitMs = 5_000;
/** A token that is about to end must not end in the middle of a pull. */
const marginMs = 15 * 60_000;
/** Where there are no keys nobody looks again at every pull: the instance's endpoint answers slowly where there is none. */
const askAgainMs = 60_000;

type Held = { readonly login: RegistryLogin | null; readonly until: number };

export type EcrLogins = { find(host: string): Promise<RegistryLogin | null> };

/** `now`: the time of day, which the signature names. */
export function createEcrLogins(facts: { readonly env: Environment; readonly wire: Wire; readonly now: () => Date }): EcrLogins {
  const { env, wire } = facts;
  const held = new Map<string, Held>();
  const fetching = new Map<string, Promise<Held>>();

  async function fetchToken({ account, region, domain }: EcrPlace): Promise<Held> {
    const later = { login: null, until: facts.now().getTime() + askAgainMs };
    const keys = await awsKeys(env, wire);
    if (keys === null) return later;
    const override = env["AWS_ENDPOINT_URL_ECR"] || env["AWS_ENDPOINT_URL"];
    const address = override || `https://api.ecr.${region}.${domain}/`;
    if (!URL.canParse(address)) return later;
    const url = new URL(address);
    const body = JSON.stringify({ registryIds: [account] });
    const plain = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
    const unsigned = { method: "POST", url, headers: plain, body } as const;
    const headers = signed(unsigned, { keys, region, service: "ecr", at: facts.now() });
    const ask = { method: "POST", url: url.href, headers, body, deadlineAt: performance.now() + waitMs } as const;
    const answer = await wire.ask(ask).catch(() => null);
    return (answer?.status === 200 ? tokenIn(answer.body) : null) ?? later;
  }

  return {
    async find(host) {
      const place = ecrPlace(host);
      if (place === null) return null;
      const known = held.get(host);
      if (known !== undefined && known.until > facts.now().getTime()) return known.login;
      const asked = fetching.get(host) ?? fetchToken(place).finally(() => fetching.delete(host));
      fetching.set(host, asked);
      const fetched = await asked;
      held.set(host, fetched);
      return fetched.login;
    },
  };
}

function tokenIn(body: Buffer): Held | null {
  const answer = parsed(body) as { authorizationData?: { authorizationToken?: unknown; expiresAt?: unknown }[] } | null;
  const { authorizationToken, expiresAt } = answer?.authorizationData?.[0] ?? {};
  if (typeof authorizationToken !== "string") return null;
  const [, user, password] = /^([^:]+):(.+)$/s.exec(Buffer.from(authorizationToken, "base64").toString("utf8")) ?? [];
  if (user === undefined || password === undefined) return null;
  const until = typeof expiresAt === "number" ? expiresAt * 1_000 - marginMs : 0;
  return { login: { kind: "password", user, password }, until };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}
