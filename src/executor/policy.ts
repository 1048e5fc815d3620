/**
 * What the root of a host lets the containers on it be. The policy is a file of that host, owned by root: neither the server
 * nor the agent can change it. What a file does not allow is refused; without a file the policy below holds.
 */
import type { ContainerSpec } from "../core/release.ts";

/** Both ends included. */
export type Range = { readonly from: number; readonly to: number };

/** A path of the host; `*` stands for one name in it. */
export type BindRule = { readonly pattern: string; readonly readOnly: boolean };

export type Allowed = {
  /** Repositories with their registry; `*` stands for one name, `**` at the end for any number. Mirrors are repositories, too. */
  readonly images: readonly string[];
  readonly binds: readonly BindRule[];
  /** Named volumes; `*` stands for anything. */
  readonly volumes: readonly string[];
  readonly networks: readonly ContainerSpec["network"][];
  /** Of the host, to publish. On the host's own network a container opens what it likes. */
  readonly ports: readonly Range[];
  /** Whether a container's processes may be root, in their container. */
  readonly root: boolean;
  /** Besides those that Docker gives every container. */
  readonly capabilities: readonly string[];
  /** What each container must be limited to at least; null: it needs no limit. */
  readonly memoryBytes: number | null;
  readonly logging: readonly string[];
  readonly runtimes: readonly string[];
  /** Ports whose new connections the agent may hold while containers change places. */
  readonly hold: readonly Range[];
};

export type PolicyKey = Exclude<keyof Allowed, "memoryBytes"> | "memory";
export const policyKeys = [
  "images",
  "binds",
  "volumes",
  "networks",
  "ports",
  "root",
  "capabilities",
  "memory",
  "logging",
  "runtimes",
  "hold",
] as const satisfies readonly PolicyKey[];

export type Policy = Allowed & {
  /** The file; it may not be there. */
  readonly file: string;
  /** Where each of its keys stands; null: there is no file. */
  readonly lines: Readonly<Partial<Record<PolicyKey, number>>> | null;
};

/** Nothing that a file does not name. */
export const nothing: Allowed = {
  images: [],
  binds: [],
  volumes: [],
  networks: [],
  ports: [],
  root: false,
  capabilities: [],
  memoryBytes: null,
  logging: [],
  runtimes: [],
  hold: [],
};

/** Without a file: images of the registries that this host's root is logged in to, and nothing that gives power over the host. */
export function plainPolicy(file: string, registries: readonly string[]): Policy {
  return {
    ...nothing,
    images: registries.map((registry) => `${registry}/**`),
    binds: [
      { pattern: "/srv/*", readOnly: false },
      ...["/etc/localtime", "/etc/timezone", "/etc/ssl/certs", "/usr/share/zoneinfo"].map((pattern) => ({
        pattern,
        readOnly: true,
      })),
    ],
    volumes: ["*"],
    networks: ["host", "bridge", "none"],
    ports: [{ from: 1_024, to: 65_535 }],
    root: true,
    logging: ["json-file", "local", "journald", "none"],
    file,
    lines: null,
  };
}

/** `rule`: the key of the policy that would have to say more; null: no policy can allow it. */
export type Refusal = { readonly rule: PolicyKey | null; readonly what: string };

/** For the card: what, which rule, and which line of the policy to change. */
export function refusalText(refusals: readonly Refusal[], { file, lines }: Policy): string {
  return refusals
    .map(({ rule, what }) => {
      if (rule === null) return `${what}: no policy can allow that`;
      const line = lines?.[rule];
      const where =
        line !== undefined ? `line ${line} of ${file}` : lines === null ? `there is no ${file}` : `no such key in ${file}`;
      return `${what} is not allowed by \`${rule}\` (${where})`;
    })
    .join("; ");
}

export function isIn(ranges: readonly Range[], { from, to }: Range): boolean {
  return ranges.some((range) => range.from <= from && to <= range.to);
}

/** `registry.example.com/team/api` of every way to write it: Docker's own registry is the one that is left out. */
export function canonicalRepository(repository: string): string | null {
  const part = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
  const host = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d{1,5})?|\\[[0-9a-fA-F:]+\\](?::\\d{1,5})?";
  if (repository.length > 255 || !new RegExp(`^(?:(?:${host})/)?${part}(?:/${part})*$`).test(repository)) return null;
  const [first = "", ...rest] = repository.split("/");
  const hasHost = rest.length > 0 && (first === "localhost" || /[.:A-Z]/.test(first));
  if (hasHost && !/^(?:index\.)?docker\.io$/.test(first)) return `${first.toLowerCase()}/${rest.join("/")}`;
  const names = hasHost ? rest : [first, ...rest];
  return ["docker.io", ...(names.length === 1 ? ["library"] : []), ...names].join("/");
}

/** `name` is split at slashes; `*` is one part of it, `**` at the end the rest, one part at least. */
export function fitsPattern(name: string, pattern: string): boolean {
  const [names, wanted] = [name.split("/"), pattern.split("/")];
  const isOpen = wanted.at(-1) === "**";
  const fixed = isOpen ? wanted.slice(0, -1) : wanted;
  if (isOpen ? names.length <= fixed.length : names.length !== fixed.length) return false;
  return fixed.every((part, at) => part === "*" || part === names[at]);
}

/** `*` stands for anything, also in a word. */
export function fitsWord(word: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`).test(word);
}

/** Null when some repository of the policy is this one; else why not. */
export function judgeImage(repository: string, policy: Policy): Refusal | null {
  const canonical = canonicalRepository(repository);
  if (canonical === null) return { rule: null, what: `${JSON.stringify(repository.slice(0, 100))} as an image` };
  if (policy.images.some((pattern) => fitsPattern(canonical, pattern))) return null;
  return { rule: "images", what: `the image ${canonical}` };
}
