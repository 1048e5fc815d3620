/** A container's spec as it travels. A key that was added later is optional: an agent of another age passes it over. */
import { z } from "zod";
import type { ContainerSpec } from "../core/release.ts";

export const name = z.string().min(1).max(128);
export const text = z.string().max(4_096);
export const count = z.number().int().nonnegative().safe();
const map = z.record(z.string().max(512), z.string().max(65_536));

const healthcheck = z.union([
  z.object({ disabled: z.literal(true) }),
  z.object({
    disabled: z.literal(false),
    test: z.array(z.string()),
    intervalMs: count,
    timeoutMs: count,
    retries: count,
    startPeriodMs: count,
    startIntervalMs: z.exactOptional(count),
  }),
]);

const maybe = z.exactOptional;
const words = z.array(text);
const deviceLimits = maybe(z.array(z.object({ path: text, rate: count })));

const mount = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tmpfs"), target: text, bytes: maybe(count), mode: maybe(count) }),
  z.object({
    kind: z.literal("volume"),
    source: name,
    target: text,
    readOnly: z.boolean(),
    noCopy: maybe(z.literal(true)),
    mustExist: maybe(z.literal(true)),
    driver: maybe(name),
    driverOptions: maybe(map),
    labels: maybe(map),
  }),
]);

const publishedPort = z.object({
  target: z.number().int().min(1).max(65_535),
  protocol: z.enum(["tcp", "udp", "sctp"]),
  published: z.string().max(11),
  address: maybe(name),
});

const secretUse = z.object({
  name,
  from: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("host"), path: text }),
    z.object({ kind: z.literal("server"), name }),
  ]),
  to: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("file"), target: text, uid: count, gid: count, mode: count }),
    z.object({ kind: z.literal("variable"), variable: name }),
  ]),
  version: maybe(name),
});

/** Absent: the engine's default. */
const containerExtras = {
  workingDir: maybe(text),
  hostname: maybe(text),
  domainname: maybe(text),
  init: maybe(z.boolean()),
  tty: maybe(z.boolean()),
  stdinOpen: maybe(z.boolean()),
  readOnlyRoot: maybe(z.boolean()),
  tmpfs: maybe(words),
  mounts: maybe(z.array(mount)),
  shmBytes: maybe(count),
  storageOptions: maybe(map),
  sysctls: maybe(map),
  capAdd: maybe(words),
  capDrop: maybe(words),
  securityOptions: maybe(words),
  groupAdd: maybe(words),
  ipc: maybe(name),
  cgroup: maybe(z.literal("private")),
  runtime: maybe(name),
  annotations: maybe(map),
  dns: maybe(words),
  dnsSearch: maybe(words),
  dnsOptions: maybe(words),
  extraHosts: maybe(words),
  ports: maybe(z.array(publishedPort)),
  expose: maybe(words),
  pidsLimit: maybe(z.number().int()),
  memoryReservationBytes: maybe(count),
  memorySwapBytes: maybe(z.number().int()),
  memorySwappiness: maybe(count),
  cpuShares: maybe(count),
  cpuQuotaUs: maybe(count),
  cpuPeriodUs: maybe(count),
  cpuset: maybe(text),
  blockIo: maybe(
    z.object({
      weight: maybe(count),
      weightDevice: maybe(z.array(z.object({ path: text, weight: count }))),
      readBps: deviceLimits,
      readIops: deviceLimits,
      writeBps: deviceLimits,
      writeIops: deviceLimits,
    }),
  ),
  oomScoreAdj: maybe(z.number().int()),
  logOptions: maybe(map),
  optionalEnvFiles: maybe(words),
  rawEnvFiles: maybe(words),
  secrets: maybe(z.array(secretUse).max(64)),
};

export const containerSpec = z.object({
  ...containerExtras,
  image: text.min(1),
  environment: map,
  envFiles: z.array(text),
  command: z.array(z.string()).nullable(),
  entrypoint: z.array(z.string()).nullable(),
  volumes: z.array(
    z.object({
      source: text,
      target: text,
      readOnly: z.boolean(),
      propagation: maybe(z.enum(["private", "rprivate", "slave", "rslave"])),
      selinux: maybe(z.enum(["z", "Z"])),
      mustExist: maybe(z.literal(true)),
    }),
  ),
  user: text.nullable(),
  healthcheck: healthcheck.nullable(),
  stopSignal: text.nullable(),
  stopGraceMs: count,
  ulimits: z.array(z.object({ name, soft: z.number().int(), hard: z.number().int() })),
  memoryBytes: count.nullable(),
  cpus: z.number().positive().nullable(),
  labels: map,
  network: z.enum(["host", "bridge", "none"]),
  logging: z.object({ driver: name, options: map }).nullable(),
}) satisfies z.ZodType<ContainerSpec>;
