/**
 * A registry that runs on loopback, as far as a server asks it: tags and manifest digests over the real HTTP API, with
 * faults. It holds no layers: hosts with real engines need a real registry (fleet/registry.ts), which takes seconds to fill.
 */
import { createHash } from "node:crypto";
import { createFaults, type Faults } from "../web/faults.ts";
import { startWebServer, type WebAnswer, type WebRequest } from "../web/server.ts";

export type RehearsalRegistry = {
  /** `127.0.0.1:port`: what stands in front of image names. */
  readonly address: string;
  readonly faults: Faults;
  /** Request lines in the order of their arrival. */
  readonly requests: readonly string[];
  /** Puts an image under a tag and returns its digest. Equal contents have equal digests. */
  push(image: { readonly repository: string; readonly tag: string; readonly content: string }): string;
  stop(): Promise<void>;
};

const manifestType = "application/vnd.oci.image.manifest.v1+json";

export async function startRegistry(): Promise<RehearsalRegistry> {
  const repositories = new Map<string, Map<string, string>>();
  const faults = createFaults();

  function handle({ path }: WebRequest): WebAnswer {
    if (path === "/v2/") return { status: 200, body: {} };
    const [, name = "", kind, tag = ""] = /^\/v2\/(.+)\/(tags|manifests)\/([^/]+)$/.exec(path) ?? [];
    const tags = repositories.get(name);
    if (tags === undefined) return missing("NAME_UNKNOWN");
    if (kind === "tags") return { status: 200, body: { name, tags: [...tags.keys()] } };
    const content = tags.get(tag);
    if (content === undefined) return missing("MANIFEST_UNKNOWN");
    const headers = { "content-type": manifestType, "docker-content-digest": digestOf(content) };
    return { status: 200, headers, body: { schemaVersion: 2, mediaType: manifestType, annotations: { content } } };
  }

  const server = await startWebServer({ faults, handle });
  return {
    address: new URL(server.url).host,
    faults,
    requests: server.requests,
    push({ repository, tag, content }) {
      const tags = repositories.get(repository) ?? new Map<string, string>();
      repositories.set(repository, tags.set(tag, content));
      return digestOf(content);
    },
    stop: () => server.stop(),
  };
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function missing(code: string): WebAnswer {
  return { status: 404, body: { errors: [{ code, message: "not here" }] } };
}
