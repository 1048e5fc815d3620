/** Credentials from Docker's own config.json and its credential helpers. Read anew each time: `docker login` needs no restart of Gantry. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RegistryLogin } from "../app/ports.ts";

type DockerConfig = {
  readonly auths?: Readonly<Record<string, unknown>>;
  readonly credHelpers?: Readonly<Record<string, unknown>>;
  readonly credsStore?: unknown;
};

const helperMs = 10_000;
const maxOutput = 64 * 1024;

export type Found = { readonly login: RegistryLogin; readonly source: string; readonly isHelper: boolean };

/** What Docker would send to this registry, or null. Never rejects: a broken helper is like no login, and the registry says the rest. */
export async function findInConfig(host: string, configDir: string | null): Promise<Found | null> {
  const config = configDir === null ? null : await readConfig(configDir);
  if (config === null || configDir === null) return null;
  const names =
    host === "docker.io" ? ["https://index.docker.io/v1/", "docker.io"] : [host, `https://${host}`, `https://${host}/v1/`];
  for (const name of names) {
    const helper = own(config.credHelpers, name) ?? config.credsStore;
    const helped = typeof helper === "string" ? await askHelper(helper, name) : null;
    if (helped !== null) return { login: helped, source: `docker-credential-${helper}`, isHelper: true };
    const written = fromAuth(own(config.auths, name));
    if (written !== null) return { login: written, source: join(configDir, "config.json"), isHelper: false };
  }
  return null;
}

/**
 * The registries that somebody has logged in to here, by host. Not Docker's own: whoever may pull there may pull what anybody
 * has put there. Never rejects.
 */
export async function registriesIn(configDir: string): Promise<string[]> {
  const { auths = {}, credHelpers = {} } = (await readConfig(configDir)) ?? {};
  const names = [...Object.keys(auths ?? {}), ...Object.keys(credHelpers ?? {})];
  const hosts = names.map((name) => name.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "");
  return [...new Set(hosts)].filter((host) => host !== "" && !/(^|\.)docker\.io$/.test(host)).sort();
}

async function readConfig(configDir: string): Promise<DockerConfig | null> {
  try {
    const config: unknown = JSON.parse(await readFile(join(configDir, "config.json"), "utf8"));
    return config !== null && typeof config === "object" ? (config as DockerConfig) : null;
  } catch {
    return null;
  }
}

function own(map: unknown, key: string): unknown {
  return map !== null && typeof map === "object" && Object.hasOwn(map, key) ? (map as Record<string, unknown>)[key] : undefined;
}

function fromAuth(entry: unknown): RegistryLogin | null {
  const { auth, username, password, identitytoken } = (entry ?? {}) as Record<string, unknown>;
  if (typeof identitytoken === "string" && identitytoken !== "") return { kind: "identity", token: identitytoken };
  if (typeof username === "string" && typeof password === "string") return { kind: "password", user: username, password };
  if (typeof auth !== "string" || auth === "") return null;
  const [, user, secret] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(auth, "base64").toString("utf8")) ?? [];
  return user === undefined || secret === undefined ? null : { kind: "password", user, password: secret };
}

/** `docker-credential-<name> get`: the host on stdin, JSON on stdout. */
async function askHelper(name: string, host: string): Promise<RegistryLogin | null> {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return null;
  const output = await runHelper(`docker-credential-${name}`, host);
  try {
    const { Username, Secret } = JSON.parse(output ?? "") as { Username?: unknown; Secret?: unknown };
    if (typeof Username !== "string" || typeof Secret !== "string" || Secret === "") return null;
    return Username === "<token>" ? { kind: "identity", token: Secret } : { kind: "password", user: Username, password: Secret };
  } catch {
    return null;
  }
}

/** What the program printed, or null when it failed, took too long or talked too much. */
function runHelper(program: string, host: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const child = spawn(program, ["get"], { stdio: ["pipe", "pipe", "ignore"] });
  let output = "";
  function giveUp(): void {
    child.kill("SIGKILL");
    // Its own children may live on and hold the pipe: this ends them, too, or at least the wait for them.
    child.stdout.destroy();
    resolve(null);
  }
  const late = setTimeout(giveUp, helperMs);
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (output.length > maxOutput) giveUp();
  });
  // A helper that exits without reading must not bring the server down (EPIPE).
  child.stdin.on("error", () => {}).end(host);
  child.on("error", () => resolve(null));
  child.on("close", (code) => resolve(code === 0 ? output : null));
  return promise.finally(() => clearTimeout(late));
}
