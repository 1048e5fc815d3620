/** Debian's docker-registry on a port of its own, with images pushed by its own API. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const login = { user: "gantry", password: "s3cret-word" };
/** bcrypt of the password above, at the lowest cost. */
const htpasswd = `${login.user}:$2b$04$AUuP44GcJWPpS4u6yA7vKeplVHSnLP24qA.U4fcCVrHWbx9oXvQba\n`;

export type RealRegistry = {
  /** 127.0.0.1:port */
  readonly host: string;
  /** Pushes an image that nobody could run under the tag; other `content` gives another digest, which is returned. */
  push(facts: { path: string; tag: string; content: string }): Promise<string>;
  remove(facts: { path: string; digest: string }): Promise<void>;
  stop(): Promise<void>;
};

export async function startRealRegistry(options: { password?: boolean } = {}): Promise<RealRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "gantry-registry-"));
  writeFileSync(join(folder, "htpasswd"), htpasswd);
  const config = {
    version: 0.1,
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr: "127.0.0.1:0" },
    ...(options.password ? { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } } : {}),
  };
  // JSON is YAML.
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const host = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error("docker-registry ended")));
    createInterface(child.stderr).on("line", (line) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  const headers = { authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}` };
  return {
    host,
    push: (facts) => push(`http://${host}/v2/${facts.path}`, headers, facts),
    async remove({ path, digest }) {
      await expectStatus(202, fetch(`http://${host}/v2/${path}/manifests/${digest}`, { method: "DELETE", headers }));
    },
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function push(base: string, headers: Record<string, string>, image: { tag: string; content: string }): Promise<string> {
  const blob = JSON.stringify({ content: image.content });
  const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;
  const upload = await expectStatus(202, fetch(`${base}/blobs/uploads/`, { method: "POST", headers }));
  const place = new URL(upload.headers.get("location") ?? "", base);
  place.searchParams.set("digest", digest);
  await expectStatus(201, fetch(place, { method: "PUT", headers, body: blob }));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: blob.length };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] });
  const put = { method: "PUT", headers: { ...headers, "content-type": mediaType }, body: manifest };
  const done = await expectStatus(201, fetch(`${base}/manifests/${image.tag}`, put));
  return done.headers.get("docker-content-digest") as string;
}

async function expectStatus(status: number, answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.status !== status) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  return response;
}
