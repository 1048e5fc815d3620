/** Docker Registry HTTP API v2: tags and digests, from the registry or, when it does not answer, from its mirrors. */
import { createHash } from "node:crypto";
import { OutsideError, type Registry } from "../app/ports.ts";
import { isDigest } from "../core/release.ts";
import { Authority, parseObject, refused } from "./auth.ts";
import { type Endpoint, endpointOf, locate, type RegistrySetting } from "./endpoints.ts";
import { type Answer, unreachable, Wire } from "./wire.ts";

export type RegistryAdapter = Registry & {
  /** Whether the registry answers and takes the login. Rejects with OutsideError. */
  check(host: string): Promise<void>;
  close(): Promise<void>;
};

export type RegistryOptions = {
  readonly registries: readonly RegistrySetting[];
  /** Where Docker's config.json lies; null for no logins. */
  readonly dockerConfigDir?: string | null;
  /** For a whole call, mirrors and tries included. */
  readonly timeoutMs?: number;
  /** Without any sign of life. */
  readonly stallMs?: number;
};

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const pageSize = 1000;
const maxPages = 100;

export function createRegistry(options: RegistryOptions): RegistryAdapter {
  const { registries, dockerConfigDir = null, timeoutMs = 10_000, stallMs = 3000 } = options;
  const wire = new Wire({ stallMs });
  const client = new Client(wire, new Authority({ wire, dockerConfigDir }));

  /** The first endpoint that answers. Only the first one's "there is none" counts: a mirror may be behind. */
  async function firstAnswer<T>(repository: string, ask: (at: Target) => Promise<T | null>): Promise<T | null> {
    const { endpoints, path } = locate(repository, registries);
    const endAt = performance.now() + timeoutMs;
    let failure: OutsideError | null = null;
    for (const [index, endpoint] of endpoints.entries()) {
      const left = endAt - performance.now();
      // The last one may have all the time that is left, the others leave some for it.
      const deadlineAt = performance.now() + (index === endpoints.length - 1 ? left : left / 2);
      try {
        const answer = await ask({ endpoint, path, deadlineAt });
        if (answer !== null || index === 0) return answer;
      } catch (error) {
        const hopeless = !(error instanceof OutsideError) || (error.reason !== "registry_unreachable" && index === 0);
        if (hopeless) throw error;
        failure ??= error;
      }
    }
    throw failure ?? unreachable(`${endpoints[0].host} does not answer`);
  }

  return {
    async tags(repository) {
      return (await firstAnswer(repository, (target) => client.tags(target))) ?? [];
    },
    async digest(repository, tag) {
      if (!/^\w[\w.-]{0,127}$/.test(tag)) return null;
      return await firstAnswer(repository, (target) => client.digest(target, tag));
    },
    async check(host) {
      const target = { endpoint: endpointOf(host, registries), path: "", deadlineAt: performance.now() + timeoutMs };
      const { status } = await client.ask({ target, method: "GET", path: "/v2/" });
      if (status !== 200) throw unreachable(`${host} does not answer like a registry (HTTP ${status})`);
    },
    close: () => wire.close(),
  };
}

type Target = { readonly endpoint: Endpoint; readonly path: string; readonly deadlineAt: number };

class Client {
  private readonly wire: Wire;
  private readonly authority: Authority;

  constructor(wire: Wire, authority: Authority) {
    this.wire = wire;
    this.authority = authority;
  }

  /** null: the repository is not there. */
  async tags(target: Target): Promise<readonly string[] | null> {
    const tags: string[] = [];
    let path: string | null = `/v2/${target.path}/tags/list?n=${pageSize}`;
    for (let page = 0; path !== null; page++) {
      const answer: Answer = await this.ask({ target, method: "GET", path });
      if (answer.status === 404) return page === 0 ? null : tags;
      if (answer.status !== 200 || page === maxPages) throw strange(target.endpoint, answer.status);
      const found = parseObject(answer.body, target.endpoint.host).tags;
      if (Array.isArray(found)) tags.push(...found.filter((tag) => typeof tag === "string"));
      path = nextPage(answer.headers.link, `${target.endpoint.origin}${path}`);
    }
    return tags;
  }

  async digest(target: Target, tag: string): Promise<string | null> {
    const path = `/v2/${target.path}/manifests/${tag}`;
    const head = await this.ask({ target, method: "HEAD", path });
    if (head.status === 404) return null;
    if (head.status !== 200) throw strange(target.endpoint, head.status);
    const told = head.headers["docker-content-digest"];
    if (told !== undefined && isDigest(told)) return told;
    // A proxy may drop the header. The digest is the hash of the manifest's bytes.
    const whole = await this.ask({ target, method: "GET", path });
    if (whole.status === 404) return null;
    if (whole.status !== 200) throw strange(target.endpoint, whole.status);
    return `sha256:${createHash("sha256").update(whole.body).digest("hex")}`;
  }

  /** One call with authorization. A refused one is authorized anew once. */
  async ask(facts: { target: Target; method: "GET" | "HEAD"; path: string }): Promise<Answer> {
    const { endpoint, deadlineAt, path: repository } = facts.target;
    const key = `${endpoint.origin} ${repository}`;
    const url = `${endpoint.origin}${facts.path}`;
    const send = (authorization: string | null) => {
      const headers = authorization === null ? { accept: manifestTypes } : { accept: manifestTypes, authorization };
      return this.wire.ask({ method: facts.method, url, headers, deadlineAt });
    };
    const answer = await send(this.authority.remembered(key));
    if (answer.status !== 401) return allowed(answer, endpoint);
    this.authority.forget(key);
    const again = await send(await this.authority.answer({ key, endpoint, refusal: answer, deadlineAt }));
    if (again.status === 401) this.authority.forget(key);
    return allowed(again, endpoint);
  }
}

function allowed(answer: Answer, endpoint: Endpoint): Answer {
  if (answer.status === 401 || answer.status === 403) throw refused(`${endpoint.host} refuses the login (HTTP ${answer.status})`);
  return answer;
}

function strange(endpoint: Endpoint, status: number): OutsideError {
  return unreachable(`${endpoint.host} gives an answer that makes no sense (HTTP ${status})`);
}

/** The path in `Link: <…>; rel="next"`, on the same registry only, or null. */
function nextPage(link: string | undefined, current: string): string | null {
  const [, target] = /<([^<>]{1,4096})>\s*;\s*rel="?next"?/i.exec(link ?? "") ?? [];
  if (target === undefined || !URL.canParse(target, current)) return null;
  const url = new URL(target, current);
  return url.host === new URL(current).host ? url.pathname + url.search : null;
}
