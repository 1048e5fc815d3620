/** The policy as a file of this host: who may write it, and what it says. Every mistake is told; nothing is guessed. */
import { constants, type FileHandle, open } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { givesPowerOverHost } from "../core/host-paths.ts";
import { hostCapabilities } from "./judge.ts";
import { whoeverMayPutAnother, writableByOthers } from "./places.ts";
import { type Allowed, type BindRule, nothing, type Policy, type PolicyKey, policyKeys, type Range } from "./policy.ts";

/** What the root of the host must put right. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
}

const mostBytes = 64 * 1024;

/** Null: there is no such file. Rejects with PolicyError when it is not root's alone to write, or does not say a policy. */
export async function readPolicy(path: string): Promise<Policy | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    throw new PolicyError(`${path}: ${code === "ELOOP" ? "a link; write the file itself there" : message}`);
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > mostBytes) throw new PolicyError(`${path}: not a file of up to 64 KiB`);
    demandRoots(path, facts);
    const loose = await whoeverMayPutAnother(path);
    if (loose !== null) throw new PolicyError(`${path}: ${loose}`);
    return parsePolicy(path, await file.readFile("utf8"));
  } finally {
    await file.close();
  }
}

function demandRoots(path: string, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
  if (uid !== 0) throw new PolicyError(`${path} belongs to user ${uid}, not to root: \`chown root:root ${path}\``);
  if ((mode & writableByOthers) !== 0)
    throw new PolicyError(`${path} can be written by others than root: \`chmod go-w ${path}\``);
}

/** Throws PolicyError. */
export function parsePolicy(file: string, text: string): Policy {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const [fault] = document.errors;
  if (fault !== undefined) throw new PolicyError(`${file}: ${fault.message.split("\n")[0]}`);
  const raw = plainOf(document, file);
  const read = shape.safeParse(raw);
  const lines = linesOf(document.contents, counter);
  if (!read.success) throw new PolicyError(`${file}: ${wordsOf(read.error, lines)}`);
  const policy: Policy = { ...allowedOf(read.data), file, lines };
  const wrong = troubleIn(policy);
  if (wrong !== null) throw new PolicyError(`${file}, line ${lines[wrong.key]}: ${wrong.what}`);
  return policy;
}

/** Without aliases: they could let a few lines grow without end. */
function plainOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (thrown) {
    throw new PolicyError(`${file}: ${(thrown as Error).message}`);
  }
}

type Contents = ReturnType<typeof parseDocument>["contents"];
type Pair = { readonly key: { readonly value?: unknown; readonly range?: readonly number[] | null } };

function linesOf(contents: Contents, counter: LineCounter): Partial<Record<PolicyKey, number>> {
  const pairs = contents !== null && "items" in contents ? (contents.items as readonly Pair[]) : [];
  const known = (value: unknown): value is PolicyKey => policyKeys.includes(value as PolicyKey);
  return Object.fromEntries(
    pairs.flatMap(({ key }) => (known(key?.value) ? [[key.value, counter.linePos(key.range?.[0] ?? 0).line]] : [])),
  );
}

function wordsOf(error: z.ZodError, lines: Partial<Record<string, number>>): string {
  const [issue] = error.issues;
  const key = String(issue?.path[0] ?? "");
  const where = lines[key] === undefined ? "" : `line ${lines[key]}, `;
  const hint = issue?.code === "unrecognized_keys" ? `; it knows ${policyKeys.join(", ")}` : "";
  return `${where}${key === "" ? "" : `${key}: `}${issue?.message ?? "not a policy"}${hint}`;
}

const words = z.array(z.string().min(1).max(512)).max(500);
const port = z.union([
  z.int().min(1).max(65_535),
  z.string().regex(/^\d{1,5}(-\d{1,5})?$/, 'write a port, or a range such as "8000-8099"'),
]);
const shape = z.strictObject({
  images: words.optional(),
  binds: words.optional(),
  volumes: words.optional(),
  networks: z.array(z.enum(["host", "bridge", "none"])).optional(),
  ports: z.array(port).optional(),
  root: z.boolean().optional(),
  capabilities: words.optional(),
  memory: z
    .string()
    .regex(/^[1-9]\d{0,12}[kmg]?$/i, "write a size such as 512m or 8g")
    .optional(),
  logging: words.optional(),
  runtimes: words.optional(),
  hold: z.array(port).optional(),
});

function allowedOf(raw: z.infer<typeof shape>): Allowed {
  return {
    images: (raw.images ?? []).map((pattern) => pattern.replace(/^[^/]+/, (host) => host.toLowerCase())),
    binds: (raw.binds ?? []).map(bindOf),
    volumes: raw.volumes ?? nothing.volumes,
    networks: raw.networks ?? nothing.networks,
    ports: (raw.ports ?? []).map(rangeOf),
    root: raw.root ?? nothing.root,
    capabilities: (raw.capabilities ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, "")),
    memoryBytes: raw.memory === undefined ? nothing.memoryBytes : bytesOf(raw.memory),
    logging: raw.logging ?? nothing.logging,
    runtimes: raw.runtimes ?? nothing.runtimes,
    hold: (raw.hold ?? []).map(rangeOf),
  };
}

function bindOf(line: string): BindRule {
  const readOnly = line.endsWith(":ro");
  const pattern = (readOnly ? line.slice(0, -3) : line).replace(/(.)\/+$/, "$1");
  return { pattern, readOnly };
}

function rangeOf(written: number | string): Range {
  const [from = 0, to = from] = String(written).split("-").map(Number);
  return { from, to };
}

function bytesOf(size: string): number {
  const unit = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[size.slice(-1).toLowerCase()];
  return unit === undefined ? Number(size) : Number(size.slice(0, -1)) * unit;
}

type Trouble = { readonly key: PolicyKey; readonly what: string };

/** What a policy cannot mean. */
function troubleIn({ images, binds, ports, hold, capabilities }: Policy): Trouble | null {
  const image = images.find((pattern) => !/^[^/*]+(\/([^/*]+|\*))*(\/\*\*)?$/.test(pattern) || !/[.:/]/.test(pattern));
  if (image !== undefined)
    return { key: "images", what: `${image}: write a repository with its registry, such as registry.example.com/team/**` };
  for (const bind of binds) {
    const what = troubleWith(bind, binds);
    if (what !== null) return { key: "binds", what };
  }
  const isWrong = ({ from, to }: Range) => from < 1 || to > 65_535 || from > to;
  if (ports.some(isWrong)) return { key: "ports", what: "a port is from 1 to 65535, the smaller first" };
  if (hold.some(isWrong)) return { key: "hold", what: "a port is from 1 to 65535, the smaller first" };
  const capability = capabilities.find((name) => hostCapabilities.split(" ").includes(name));
  if (capability !== undefined) return { key: "capabilities", what: `${capability} is the host's root by another name` };
  return null;
}

/** A container that can write to a folder could put a link in the place of one beneath it, before that is mounted. */
function troubleWith({ pattern }: BindRule, all: readonly BindRule[]): string | null {
  const parts = pattern.split("/");
  if (givesPowerOverHost(pattern)) return `${pattern} would give a container power over the host`;
  if (!pattern.startsWith("/") || parts.slice(1).some((part) => part === "" || part === "." || part === ".." || part === "**"))
    return `${pattern}: write an absolute path, in which * stands for one name`;
  if (parts.some((part) => part.includes("*") && part !== "*")) return `${pattern}: * stands for a whole name`;
  const above = all.find((other) => !other.readOnly && isAbove(other.pattern.split("/"), parts));
  if (above === undefined) return null;
  return `${pattern} is inside ${above.pattern}, where containers may write: whoever writes there could put a link in its place`;
}

function isAbove(upper: readonly string[], lower: readonly string[]): boolean {
  if (upper.length >= lower.length) return false;
  return upper.every((part, at) => part === "*" || lower[at] === "*" || part === lower[at]);
}
