/** Docker Registry HTTP API v2: tags and digests, from the registry or, when it does not answer, from its mirrors. */
import { createHash } from "node:crypto";
import { OutsideError, type Registry, type RegistryLogins } from "../app/ports.ts";
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
  /** Without it nobody logs in. */
  readonly logins?: RegistryLogins;
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
  const { registries, logins = null, timeoutMs = 10_000, stallMs = 3000 } = options;
  const wire = new Wire({ stallMs });
  const client = new Client(wire, new Authority({ wire, logins }));

  /** A digest never means anything else. */
  const platforms = new Map<string, readonly string[]>();

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
      if (!isDigest(tag) && !/^\w[\w.-]{0,127}$/.test(tag)) return null;
      return await firstAnswer(repository, (target) => client.digest(target, tag));
    },
    async platforms(repository, digest) {
      const known = platforms.get(digest);
      if (known !== undefined || !isDigest(digest)) return known ?? null;
      const found = await firstAnswer(repository, (target) => client.platforms(target, digest));
      if (platforms.size > 1000) platforms.clear();
      if (found !== null) platforms.set(digest, found);
      return found;
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

  /** Of an index those of its images, of one image that of its configuration; null when it is not there or does not say. */
  async platforms(target: Target, digest: string): Promise<readonly string[] | null> {
    const manifest = await this.contents(target, `/v2/${target.path}/manifests/${digest}`, digest);
    if (manifest === null) return null;
    const { manifests, config } = manifest;
    if (Array.isArray(manifests)) return platformsOf(manifests.map((each) => each?.platform));
    const configDigest = (config as { digest?: unknown } | undefined)?.digest;
    if (typeof configDigest !== "string" || !isDigest(configDigest)) return null;
    const image = await this.contents(target, `/v2/${target.path}/blobs/${configDigest}`, configDigest);
    return image === null ? null : platformsOf([image]);
  }

  /** What the digest names, as an object, or null when it is not there. Rejects when other bytes come. */
  private async contents(target: Target, path: string, digest: string): Promise<Readonly<Record<string, unknown>> | null> {
    const { endpoint, deadlineAt } = target;
    const first = await this.ask({ target, method: "GET", path });
    const elsewhere = first.status >= 300 && first.status < 400 ? first.headers.location : undefined;
    // Where blobs lie in a store of their own: an address that needs, and must get, no login of ours.
    const url = elsewhere !== undefined && URL.canParse(elsewhere, endpoint.origin) ? new URL(elsewhere, endpoint.origin) : null;
    const answer = url === null ? first : await this.wire.ask({ method: "GET", url: url.href, headers: {}, deadlineAt });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw strange(endpoint, answer.status);
    if (`sha256:${createHash("sha256").update(answer.body).digest("hex")}` !== digest)
      throw new OutsideError({ reason: "digest_mismatch", message: `${endpoint.host} gives something else than ${digest}` });
    return parseObject(answer.body, endpoint.host);
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

/** Attestations stand in an index as images for `unknown/unknown`. */
function platformsOf(images: readonly unknown[]): readonly string[] | null {
  const names = images.flatMap((image) => {
    const { os, architecture } = (image ?? {}) as { os?: unknown; architecture?: unknown };
    const known = typeof os === "string" && typeof architecture === "string" && os !== "unknown";
    return known ? [`${os}/${architecture}`] : [];
  });
  return names.length === 0 ? null : [...new Set(names)].sort();
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
