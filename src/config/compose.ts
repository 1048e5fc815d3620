/** One Compose service to a `ContainerSpec`: the keys that Gantry supports, with its defaults. */
import type { ContainerSpec, Ulimit } from "../core/release.ts";
import { refusedDeployKeys, refusedServiceKeys } from "./compose-refused.ts";
import { envFiles, environment } from "./environment-variables.ts";
import { healthcheck } from "./healthcheck.ts";
import { parseImage } from "./image.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { duration, integer, oneOf, size, text } from "./scalars.ts";
import {
  byKind,
  field,
  type Located,
  listOf,
  located,
  mapOf,
  type RecordOf,
  record,
  refined,
  type Shape,
  scalar,
} from "./shape.ts";
import { shellWords } from "./shell-words.ts";
import { volumes } from "./volumes.ts";

const words: Shape<readonly string[]> = refined(
  byKind({
    expected: "a command line or a list of words",
    text: scalar({ expected: "a command line", schema: { type: "string" }, parse: shellWords }),
    list: listOf(text({ expected: "a word", max: 32_768 })),
  }),
  (value, spot, report) => {
    if (value.length > 0 && value[0] !== "") return { value };
    report(spot, { what: "an empty command", fix: "leave the key out to keep the image's own" });
    return null;
  },
);

const signals = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP WINCH PWR".split(" ");
const signal: Shape<string> = scalar({
  expected: "a signal such as SIGTERM",
  schema: { type: ["string", "integer"] },
  parse(value) {
    const name = value.replace(/^SIG/, "");
    const realtime = /^RTMIN(\+([0-9]|[12][0-9]|30))?$/.test(name);
    if (signals.includes(name) || realtime) return { value: `SIG${name}` };
    if (/^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 64) return { value };
    return { what: `${quote(value)} is not a signal`, fix: "write a name such as SIGTERM or SIGINT" };
  },
});

const limitNames = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");
const limit = integer({ min: -1, max: 1e12 });
const bothLimits = record({
  expected: "a map with soft and hard",
  fields: { soft: field(limit, "What the process starts with."), hard: field(limit, "What it may raise it to.") },
});
const limitPair: Shape<{ soft: number; hard: number }> = byKind({
  expected: "a number, or a map with soft and hard",
  text: refined(limit, (value) => ({ value: { soft: value, hard: value } })),
  map: refined(bothLimits, ({ soft, hard }, spot, report) => {
    const good = soft !== undefined && hard !== undefined && (hard === -1 || (soft !== -1 && soft <= hard));
    if (good) return { value: { soft, hard } };
    report(spot, {
      what: "soft is above hard, or one of the two is missing",
      fix: "write both, soft at most hard (-1: without limit)",
    });
    return null;
  }),
});
const ulimits: Shape<readonly Ulimit[]> = refined(
  mapOf({
    expected: "a map of limits",
    key: (name) => wordComplaint(name, limitNames, "a limit of the kernel"),
    value: limitPair,
  }),
  (pairs) => ({ value: pairs.map(({ key, value }) => ({ name: key, ...value })) }),
);

function wordComplaint(word: string, known: readonly string[], kind: string): Complaint | null {
  return known.includes(word) ? null : { what: `${quote(word)} is not ${kind}`, fix: `use one of ${known.join(", ")}` };
}

const cpus: Shape<number> = scalar({
  expected: "a number of CPUs such as 1.5",
  schema: { type: ["number", "string"] },
  parse(value) {
    const number = /^\d{1,4}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
    if (number >= 0.01 && number <= 1024) return { value: number };
    return { what: `${quote(value)} is not a number of CPUs`, fix: "write a number from 0.01 to 1024, such as 1.5" };
  },
});

const labelText = text({ expected: "a text" });
const labels: Shape<Readonly<Record<string, string>>> = refined(
  byKind({
    expected: "a map of labels or a list of key=value",
    map: mapOf({ expected: "a map of labels", key: () => null, value: labelText }),
    list: listOf(
      refined(labelText, (line, spot) => {
        const [key = "", ...rest] = line.split("=");
        return { value: { key, spot, value: rest.join("=") } };
      }),
    ),
  }),
  (pairs, _spot, report) => {
    const bad = pairs.filter(
      ({ key }) => !/^[a-zA-Z0-9][\w./-]{0,127}$/.test(key) || key === "gantry" || key.startsWith("gantry."),
    );
    for (const { key, spot } of bad) report(spot, labelComplaint(key));
    return bad.length === 0 ? { value: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) } : null;
  },
);

function labelComplaint(key: string): Complaint {
  if (key.startsWith("gantry"))
    return { what: `${quote(key)}: labels with gantry. belong to Gantry`, fix: "choose another name" };
  return { what: `${quote(key)} cannot be a label`, fix: "use letters, digits, and . _ / - after the first" };
}

const oneNetwork = "is not supported";
const network = oneOf(["host", "bridge", "none"], {
  default: { what: `the network "default" ${oneNetwork}`, fix: "write bridge" },
});

const logging = refined(
  record({
    expected: "a map with driver and options",
    fields: {
      driver: field(text({ expected: "a logging driver", pattern: /^[a-z][a-z0-9/:._-]{0,127}$/ }), "Docker's logging driver."),
      options: field(mapOf({ expected: "a map of options", key: () => null, value: labelText }), "Options of the driver."),
    },
  }),
  ({ driver, options = [] }, spot, report) => {
    if (driver !== undefined)
      return { value: { driver, options: Object.fromEntries(options.map(({ key, value }) => [key, value])) } };
    report(spot, { what: "logging without driver", fix: "write driver:, such as json-file, local or journald" });
    return null;
  },
);

const limitFields = { memory: field(size, "Memory limit, such as 512m."), cpus: field(cpus, "CPU limit, such as 1.5.") };
const onlyLimits = { what: "only limits of memory and cpus are supported", fix: "remove it" };
const deploy = record({
  expected: "a map with resources",
  refused: refusedDeployKeys,
  fields: {
    resources: field(
      record({
        expected: "a map with limits",
        refused: { reservations: onlyLimits },
        fields: {
          limits: field(
            record({ expected: "a map with memory and cpus", refused: { pids: onlyLimits }, fields: limitFields }),
            "Limits.",
          ),
        },
      }),
      "Resource limits.",
    ),
  },
});

const image = scalar({ expected: "an image repository", schema: { type: "string" }, parse: parseImage });
const hourMs = 3_600_000;

const fields = {
  image: field(located(image), "The image repository, with its registry and without tag or digest."),
  environment: field(environment, "Variables; secrets belong into env_file."),
  env_file: field(envFiles, "Files on the hosts with more variables."),
  command: field(words, "Replaces the image's command."),
  entrypoint: field(words, "Replaces the image's entrypoint."),
  volumes: field(volumes, "Folders of the host."),
  user: field(
    text({ expected: "a user or user:group", pattern: /^[A-Za-z0-9_][\w.-]{0,63}(:[A-Za-z0-9_][\w.-]{0,63})?$/ }),
    "User, and group.",
  ),
  healthcheck: field(healthcheck, "The container's own healthcheck."),
  stop_signal: field(signal, "Default SIGTERM, or the image's."),
  stop_grace_period: field(duration({ minMs: 0, maxMs: hourMs }), "From the stop signal to the kill. Default 10s."),
  ulimits: field(ulimits, "Limits of the kernel."),
  mem_limit: field(located(size), "Memory limit, such as 512m."),
  cpus: field(located(cpus), "CPU limit, such as 1.5."),
  deploy: field(deploy, "Only resources.limits."),
  labels: field(labels, "Labels of the container."),
  network_mode: field(network, "host (default), bridge or none."),
  logging: field(logging, "The logging driver. Default: the engine's."),
};

/** A container as meant, and where its image was written. */
export type ComposeService = { readonly spec: ContainerSpec; readonly imageSpot: Spot };

export const composeService: Shape<ComposeService> = refined(
  record({ expected: "a map with image", fields, refused: refusedServiceKeys }),
  (raw, spot, report) => {
    if (raw.image === undefined) {
      report(spot, { what: "a service without image", fix: "write image: registry.example.com/name" });
      return null;
    }
    const limits = raw.deploy?.resources?.limits;
    const memoryBytes = agreed(raw.mem_limit, limits?.memory, "mem_limit", report);
    const cpuLimit = agreed(raw.cpus, limits?.cpus, "cpus", report);
    const facts = { raw, image: raw.image.value, memoryBytes, cpus: cpuLimit };
    return { value: { spec: containerSpec(facts), imageSpot: raw.image.spot } };
  },
);

type Raw = RecordOf<typeof fields>;

function containerSpec(facts: { raw: Raw; image: string; memoryBytes: number | null; cpus: number | null }): ContainerSpec {
  const { raw, image, memoryBytes, cpus } = facts;
  return {
    image,
    environment: raw.environment ?? {},
    envFiles: raw.env_file ?? [],
    command: raw.command ?? null,
    entrypoint: raw.entrypoint ?? null,
    volumes: raw.volumes ?? [],
    user: raw.user ?? null,
    healthcheck: raw.healthcheck ?? null,
    stopSignal: raw.stop_signal ?? null,
    stopGraceMs: raw.stop_grace_period ?? 10_000,
    ulimits: raw.ulimits ?? [],
    memoryBytes,
    cpus,
    labels: raw.labels ?? {},
    network: raw.network_mode ?? "host",
    logging: raw.logging ?? null,
  };
}

/** Compose has two places for a limit; they must not disagree. */
function agreed(short: Located<number> | undefined, long: number | undefined, key: string, report: Report): number | null {
  if (short !== undefined && long !== undefined && short.value !== long) {
    report(short.spot, { what: `${key} and deploy.resources.limits say different things`, fix: "keep one of the two" });
  }
  return short?.value ?? long ?? null;
}
