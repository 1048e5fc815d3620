import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Behaviour } from "../../../examples/sample-service/history.ts";
import { findProgram } from "./run.ts";
import { type TarEntry, tar } from "./tar.ts";

/**
 * The images of the sample service: static busybox and the entrypoint in one layer, what the build is in a second.
 * They are put together here and pushed over the registry's HTTP API: no engine, compiler or base image is needed, equal
 * commits give equal digests, and a push of what is there already is one request.
 */

export type SampleBuild = {
  /** 40 hex digits: the image's tag. */
  readonly commit: string;
  readonly behaviour: Behaviour;
  /** Stands in the image's labels. */
  readonly message: string;
  /** Baked in as environment variables: see entrypoint.sh for those that the service obeys. */
  readonly environment?: Readonly<Record<string, string>>;
  /** That many random bytes more, for pulls that take time. */
  readonly ballastBytes?: number;
};

type Blob = { readonly digest: string; readonly bytes: Buffer };
type Layer = Blob & { readonly diffId: string };

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";

/**
 * Builds and pushes one image per build as `<registry>/<service>:<commit>`. `registry` is `host:port`, plain HTTP.
 * Returns the manifest digests by commit.
 */
export async function buildSampleImages(facts: {
  registry: string;
  service: string;
  builds: readonly SampleBuild[];
  onProgress?: (line: string) => void;
}): Promise<ReadonlyMap<string, string>> {
  const repository = `http://${facts.registry}/v2/${facts.service}`;
  const base = baseLayer();
  const digests = new Map<string, string>();
  for (const build of facts.builds) {
    const layers = [base, buildLayer(facts.service, build)];
    const config = blob(Buffer.from(JSON.stringify(imageConfig(facts.service, build, layers))));
    const manifest = blob(Buffer.from(JSON.stringify(imageManifest(config, layers))));
    const fresh = await pushImage({ repository, tag: build.commit, blobs: [config, ...layers], manifest });
    digests.set(build.commit, manifest.digest);
    facts.onProgress?.(
      `${fresh ? "built" : "found"} ${facts.service}:${build.commit.slice(0, 7)} "${build.message}" (${build.behaviour})`,
    );
  }
  return digests;
}

let cachedBase: Layer | null = null;

function baseLayer(): Layer {
  cachedBase ??= layer([
    { kind: "folder", path: "bin", mode: 0o755 },
    { kind: "file", path: "bin/busybox", mode: 0o755, content: readFileSync(busybox()) },
    ...applets.map((name): TarEntry => ({ kind: "link", path: `bin/${name}`, target: "busybox" })),
    { kind: "file", path: "entrypoint.sh", mode: 0o755, content: readFileSync(entrypointFile) },
  ]);
  return cachedBase;
}

const applets = [
  "sh",
  "cat",
  "echo",
  "printf",
  "httpd",
  "hostname",
  "usleep",
  "sleep",
  "mkdir",
  "chmod",
  "kill",
  "ls",
  "ps",
  "wget",
];
const entrypointFile = new URL("../../../examples/sample-service/entrypoint.sh", import.meta.url);

function buildLayer(service: string, build: SampleBuild): Layer {
  const facts = `BUILD_SERVICE='${service}'\nBUILD_COMMIT='${build.commit}'\nBUILD_BEHAVIOUR='${build.behaviour}'\n`;
  const entries: TarEntry[] = [{ kind: "file", path: "build.env", mode: 0o644, content: Buffer.from(facts) }];
  if (build.ballastBytes)
    entries.push({ kind: "file", path: "ballast", mode: 0o644, content: noise(build.commit, build.ballastBytes) });
  return layer(entries);
}

function imageConfig(service: string, build: SampleBuild, layers: readonly Layer[]): object {
  return {
    architecture: { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch,
    os: "linux",
    config: {
      Entrypoint: ["/bin/busybox", "sh", "/entrypoint.sh"],
      Env: ["PATH=/bin", ...Object.entries(build.environment ?? {}).map(([name, value]) => `${name}=${value}`)],
      Labels: {
        "org.opencontainers.image.revision": build.commit,
        "org.opencontainers.image.title": service,
        message: build.message,
      },
    },
    rootfs: { type: "layers", diff_ids: layers.map((each) => each.diffId) },
  };
}

function imageManifest(config: Blob, layers: readonly Layer[]): object {
  const type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  return {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.docker.container.image.v1+json", size: config.bytes.length, digest: config.digest },
    layers: layers.map((each) => ({ mediaType: type, size: each.bytes.length, digest: each.digest })),
  };
}

/** False when the tag already is this very image. */
async function pushImage(image: { repository: string; tag: string; blobs: readonly Blob[]; manifest: Blob }): Promise<boolean> {
  const url = `${image.repository}/manifests/${image.tag}`;
  const there = await ask(url, { method: "HEAD", headers: { accept: manifestType } }, [200, 404]);
  if (there.headers.get("docker-content-digest") === image.manifest.digest) return false;
  for (const each of image.blobs) await pushBlob(image.repository, each);
  await ask(url, { method: "PUT", headers: { "content-type": manifestType }, body: image.manifest.bytes }, [201]);
  return true;
}

async function pushBlob(repository: string, { digest, bytes }: Blob): Promise<void> {
  const there = await ask(`${repository}/blobs/${digest}`, { method: "HEAD" }, [200, 404]);
  if (there.status === 200) return;
  const upload = await ask(`${repository}/blobs/uploads/`, { method: "POST" }, [202]);
  const location = new URL(upload.headers.get("location") ?? "", repository);
  location.searchParams.set("digest", digest);
  await ask(location.href, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes }, [201]);
}

async function ask(url: string, init: RequestInit, expected: readonly number[]): Promise<Response> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
  if (!expected.includes(response.status)) throw new Error(`${init.method} ${url}: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return response;
}

function layer(entries: readonly TarEntry[]): Layer {
  const plain = tar(entries);
  return { ...blob(gzipSync(plain, { level: 6 })), diffId: sha256(plain) };
}

function blob(bytes: Buffer): Blob {
  return { digest: sha256(bytes), bytes };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes that do not compress, yet are the same for the same seed. */
function noise(seed: string, size: number): Buffer {
  return createHash("shake256", { outputLength: size }).update(seed).digest();
}

function busybox(): string {
  const file = findProgram("busybox");
  if (file === null) throw new Error("busybox is missing: apt-get install -y busybox-static");
  return file;
}
