/**
 * What server and agent say to each other: JSON texts over one WebSocket at `/agent`, dialled by the agent. Version 1.
 *
 *   server  challenge   a nonce to sign, which server this is, and how far its history goes
 *   agent   enrol       a one-time token and the host's new public key, or
 *           prove       a signature by the key that the server knows; in both, how much it has heard of that history
 *   server  welcome     or refused, and the connection is closed
 *   agent   observed    the whole observed picture, at connect and on every change
 *   server  desired     the whole desired picture, at connect and on every change
 *   agent   usage       what is used now, every few seconds, to a server that says in its welcome that it wants it
 *
 *   either  ask         a question that the other side's `can` names; it comes with `answer`s, and `enough` ends it (asking.ts)
 *
 * Both pictures are absolute, so a lost or repeated message does no harm. Either side sends WebSocket pings and takes the
 * other for dead when it hears nothing for a while.
 *
 * What was added to version 1 since is optional, and what is not known is passed over: server and agent of either age work
 * together. A change that cannot be made so gets another number, which both sides look at before anything else.
 */
import { z } from "zod";
import { mostContainers } from "../core/members.ts";
import type { DesiredPicture, ObservedPicture } from "../core/slot.ts";
import type { UsageSample } from "../core/usage.ts";
import { abilities, askShapes } from "./ask-shape.ts";
import { containerSpec, count, name, text } from "./container-shape.ts";
import { swapShape } from "./swap-shape.ts";
import { usageSample } from "./usage-shape.ts";

export const protocolVersion = 1;
export const maxMessageBytes = 1024 * 1024;
const maxDepth = 24;

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const lines = z.array(z.string().max(1_024)).max(100);
const labels = z.record(z.string().max(128), z.string().max(256)).refine((l) => Object.keys(l).length <= 64);

const timeoutMs = z.exactOptional(count);
const header = z.string().min(1).max(128);
const httpProbe = z.object({
  kind: z.literal("http"),
  url: z.url().max(2_048),
  method: z.exactOptional(z.literal("HEAD")),
  send: z.exactOptional(z.record(header, text)),
  status: z.exactOptional(z.array(z.tuple([count, count])).max(32)),
  body: z.exactOptional(z.union([z.object({ contains: text }), z.object({ equals: text })])),
  header: z.exactOptional(z.record(header, text.nullable())),
  echo: z.exactOptional(z.union([z.object({ header }), z.literal("body")])),
  timeoutMs,
});
const port = z.number().int().min(1).max(65_535);

const health = z.object({
  probe: z.discriminatedUnion("kind", [
    httpProbe,
    z.object({ kind: z.literal("tcp"), host: name, port, timeoutMs }),
    z.object({
      kind: z.literal("container"),
      command: z.exactOptional(z.array(text).min(1).max(256)),
      timeoutMs,
      port: z.exactOptional(port),
    }),
    z.object({ kind: z.literal("none") }),
  ]),
  intervalMs: count,
  deadlineMs: count,
  startPeriodMs: z.exactOptional(count),
  startIntervalMs: z.exactOptional(count),
  threshold: z.exactOptional(count),
  failures: z.exactOptional(count),
});

const slotKey = { service: name, environment: name };
const mirrors = z.array(text).max(32);
const head = z.object({ seq: count, hash: z.string().max(128) });

const dependsOn = z.array(z.object({ on: name, condition: z.enum(["started", "healthy", "completed"]) }));
const supporting = z.object({
  name,
  container: containerSpec,
  reference: text.nullable(),
  digest: digest.nullable(),
  health,
  dependsOn,
});
const releaseSpec = z.object({
  container: containerSpec,
  health,
  supporting: z.exactOptional(z.array(supporting).max(mostContainers)),
  name: z.exactOptional(name),
  dependsOn: z.exactOptional(dependsOn),
  swap: z.exactOptional(swapShape),
});

const desiredSlot = z.object({
  ...slotKey,
  generation: count,
  rollout: count,
  release: z
    .object({
      number: count,
      digest,
      commit: name,
      spec: releaseSpec,
      mirrors,
      supportingMirrors: z.exactOptional(z.record(name, mirrors)),
    })
    .nullable(),
  fresh: z.exactOptional(z.boolean()),
  keep: z.exactOptional(count),
  // Of two releases.
  wayBack: z.exactOptional(z.array(digest).max(2 * mostContainers)),
});

const desiredPicture = z.object({
  epoch: count,
  serverId: name,
  head: z.exactOptional(head),
  slots: z.array(desiredSlot),
  prepare: z.array(z.object({ ...slotKey, rollout: count, image: text.min(1), digest, mirrors })),
}) satisfies z.ZodType<DesiredPicture>;

const tookMs = z.number().nonnegative();

const outcome = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), tookMs }),
  z.object({
    ok: z.literal(false),
    tookMs,
    reason: name,
    detail: text,
    logTail: lines,
    after: z.enum(["restored", "empty", "down"]),
  }),
]);

const live = z.object({
  containerId: name,
  release: count,
  digest: text,
  generation: count,
  startedAt: z.number(),
  restarts: count,
  health: z.enum(["ok", "starting", "failing", "restarting", "exited"]),
  detail: text.nullable(),
  logTail: z.exactOptional(lines),
});

const supportingLive = z.object({
  name,
  containerId: name,
  digest: text,
  restarts: count,
  health: live.shape.health,
  detail: text.nullable(),
});

const image = { ...slotKey, digest, rollout: count };

const observedPicture = z.object({
  bootId: name,
  agentVersion: name,
  epoch: count,
  head: z.exactOptional(head),
  orders: z.exactOptional(z.array(desiredSlot)),
  refuses: z.exactOptional(z.object({ reason: z.enum(["stale_desired", "foreign_server"]), detail: text })),
  engine: z.object({
    ok: z.boolean(),
    reason: name.nullable(),
    detail: text.nullable(),
    liveRestore: z.boolean().nullable(),
    platform: z.exactOptional(name),
  }),
  whole: z.exactOptional(z.boolean()),
  slots: z.array(
    z.object({
      ...slotKey,
      generation: count,
      newest: z.exactOptional(count),
      unseen: z.exactOptional(z.literal(true)),
      step: z.enum([
        "idle",
        "pulling",
        "creating",
        "stopping_old",
        "starting",
        "checking",
        "promoting",
        "serving",
        "restoring",
        "failed",
      ]),
      outcome: outcome.nullable(),
      live: live.nullable(),
      // In the middle of a swap those of two releases.
      supporting: z.exactOptional(z.array(supportingLive).max(2 * mostContainers)),
      previous: z.object({ containerId: name, release: count, digest: text }).nullable(),
    }),
  ),
  images: z.array(
    z.discriminatedUnion("state", [
      z.object({ ...image, state: z.literal("pulling") }),
      z.object({ ...image, state: z.literal("present"), warning: z.exactOptional(text) }),
      z.object({ ...image, state: z.literal("failed"), reason: name, detail: text }),
    ]),
  ),
}) satisfies z.ZodType<ObservedPicture>;

const protocol = count;

const fromServer = z.discriminatedUnion("type", [
  z.object({ type: z.literal("challenge"), protocol, nonce: name, serverId: name, epoch: count, head: z.exactOptional(head) }),
  // `orders`: the server needs to hear what the agent was last told.
  // `can`: the questions that the server answers.
  // `usage`: samples are wanted. Old servers close the connection over what they do not know.
  z.object({
    type: z.literal("welcome"),
    orders: z.exactOptional(z.boolean()),
    can: abilities,
    usage: z.exactOptional(z.literal(true)),
  }),
  z.object({ type: z.literal("refused"), reason: name, text }),
  // `asked`: when it was sent, by the server's time.
  z.object({ type: z.literal("desired"), picture: desiredPicture, asked: z.exactOptional(count) }),
  ...askShapes,
]);

/** `instance` names the agent's process, so that its own reconnection is told from a second agent. */
const introduction = {
  protocol,
  name,
  labels,
  agentVersion: name,
  instance: name,
  signature: text,
  head: z.exactOptional(head),
  epoch: z.exactOptional(count),
  // What it can do besides what the first agents could (core/abilities.ts), and the questions that it answers.
  can: abilities,
};

const fromAgent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("enrol"), ...introduction, token: text, publicKey: text }),
  z.object({ type: z.literal("prove"), ...introduction }),
  // `answers`: the newest `asked` of this connection, 0 before there is one.
  z.object({ type: z.literal("observed"), picture: observedPicture, answers: z.exactOptional(count) }),
  z.object({ type: z.literal("usage"), sample: usageSample }),
  ...askShapes,
]);

export type FromServer =
  | Exclude<z.infer<typeof fromServer>, { type: "desired" }>
  | { readonly type: "desired"; readonly picture: DesiredPicture; readonly asked?: number };
export type FromAgent =
  | Exclude<z.infer<typeof fromAgent>, { type: "observed" | "usage" }>
  | { readonly type: "usage"; readonly sample: UsageSample }
  | { readonly type: "observed"; readonly picture: ObservedPicture; readonly answers?: number };
export type Introduction = Extract<FromAgent, { type: "enrol" | "prove" }>;

export type Parsed<T> = { readonly ok: true; readonly message: T } | { readonly ok: false; readonly why: string };

export function parseFromServer(raw: string): Parsed<FromServer> {
  return parse(fromServer, raw);
}

export function parseFromAgent(raw: string): Parsed<FromAgent> {
  return parse(fromAgent, raw);
}

/** The name in a message of whatever version, for the log. */
export function nameOf(raw: string): string | null {
  const value = (json(raw) as { name?: unknown } | null)?.name;
  return typeof value === "string" ? value.slice(0, 128) : null;
}

/** The version that a first message names, whatever else it holds: another version may have another shape. */
export function versionOf(raw: string): number | null {
  const value = json(raw);
  const version = (value as { protocol?: unknown } | null)?.protocol;
  return typeof version === "number" ? version : null;
}

function parse<T>(schema: z.ZodType<T>, raw: string): Parsed<T> {
  const value = json(raw);
  if (value === null) return { ok: false, why: "not a JSON object, too long or too deep" };
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, message: result.data };
  const issue = result.error.issues[0];
  return { ok: false, why: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}` };
}

function json(raw: string): unknown {
  if (raw.length > maxMessageBytes || depthOf(raw) > maxDepth) return null;
  try {
    return JSON.parse(raw);
  } catch {
    return null;
  }
}

/** Nesting, counted without parsing; brackets inside strings do not count. */
function depthOf(raw: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < raw.length; at += 1) {
    const char = raw[at];
    if (inString) {
      if (char === "\\") at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") deepest = Math.max(deepest, ++depth);
    else if (char === "}" || char === "]") depth -= 1;
  }
  return deepest;
}
