/**
 * What the agent asks the executor, as JSON over HTTP on a Unix socket: `POST /NAME` with these bodies. The answer is `{ok}` or
 * `{fault}`. `POST /watch` and `/logs` answer with a line for each event as it comes, `{told}`, and then with such an end. Agent and executor are one program, so
 * nothing here bears another age: what the executor does not know it refuses.
 */
import { z } from "zod";
import type { ReasonCode } from "../core/reasons.ts";
import { containerSpec } from "../fleet/container-shape.ts";
import type { ContainerState } from "../host/engine.ts";

export const mostRequestBytes = 1024 * 1024;
export const mostAnswerBytes = 64 * 1024 * 1024;

const id = z.string().min(1).max(256);
const text = z.string().max(4_096);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const labels = z.record(z.string().min(1).max(512), z.string().max(65_536));
const owner = z.int().min(0).max(4_294_967_294);
const port = z.int().min(1).max(65_535);
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/);

export const calls = {
  info: z.strictObject({}),
  list: z.strictObject({ key: z.exactOptional(z.strictObject({ service: id, environment: id })) }),
  inspect: z.strictObject({ id }),
  findImage: z.strictObject({ repositories: z.array(text).max(64), digest }),
  pull: z.strictObject({ repository: text, digest }),
  removeImage: z.strictObject({ ref: text }),
  freeBytes: z.strictObject({}),
  create: z.strictObject({
    name: text,
    imageRef: text,
    spec: containerSpec,
    environment: z.array(z.string().max(65_536)).max(4_096),
    labels,
    gate: z.exactOptional(text),
  }),
  clone: z.strictObject({ id, name: text, labels }),
  start: z.strictObject({ id }),
  setRestartPolicy: z.strictObject({ id, policy: z.enum(["no", "unless-stopped"]) }),
  stop: z.strictObject({ id, stopGraceMs: z.int().min(0).max(86_400_000) }),
  remove: z.strictObject({ id }),
  exec: z.strictObject({ id, command: z.array(text).min(1).max(256), timeoutMs: z.int().min(1).max(3_600_000) }),
  usage: z.strictObject({ id }),
  logTail: z.strictObject({ id, lines: z.int().min(1).max(10_000) }),
  /** Who holds a port, in the network of a process of ours. */
  holder: z.strictObject({ port, pid: z.int().min(1) }),
  makeGate: z.strictObject({ name }),
  openGate: z.strictObject({ name }),
  /** Answers when a gate that was opened would be open after a power cut, too. */
  gateKept: z.strictObject({ name }),
  mendGate: z.strictObject({ name }),
  removeGate: z.strictObject({ name }),
  sweepGates: z.strictObject({}),
  /** Bytes in base64. Mode: of ordinary files, so that nobody becomes another user by them. */
  putSecrets: z.strictObject({
    name,
    files: z
      .array(z.strictObject({ bytes: z.base64().max(1_000_000), uid: owner, gid: owner, mode: z.int().min(0).max(0o777) }))
      .max(100),
  }),
  readSecrets: z.strictObject({ name }),
  removeSecrets: z.strictObject({ name }),
  sweepSecrets: z.strictObject({}),
  hold: z.strictObject({ port, to: port, mostMs: z.number().min(1).max(60_000) }),
  letGo: z.strictObject({ port }),
  letAllGo: z.strictObject({}),
};

/** Whose answers come piece by piece. */
export const streams = {
  watch: z.strictObject({}),
  logs: z.strictObject({ id, lines: z.int().min(0).max(100_000), since: z.number().nullable(), follow: z.boolean() }),
};

export type Calls = typeof calls;
export type CallName = keyof Calls;
export type CallBody<N extends CallName> = z.infer<Calls[N]>;

export type StreamName = keyof typeof streams;
export type StreamBody<N extends StreamName> = z.infer<(typeof streams)[N]>;

/** An EngineError as it travels. */
export type Fault = {
  readonly reason: ReasonCode;
  readonly message: string;
  readonly gone: boolean;
  readonly conflict: boolean;
  readonly retryAfterMs: number | null;
};

/** The containers, and which of their gates are open: the agent cannot look itself. */
export type Listed = { readonly containers: readonly ContainerState[]; readonly openGates: readonly string[] };
