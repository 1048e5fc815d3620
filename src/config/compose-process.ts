/** Compose keys about the process in a container: what runs, as whom, with which rights, and what it is called. */
import type { ContainerExtras } from "../core/release.ts";
import { given } from "./given.ts";
import { type Complaint, quote } from "./raw.ts";
import { integer, oneOf, text, truth } from "./scalars.ts";
import { byKind, field, listOf, mapOf, nothingMeans, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";
import { shellWords } from "./shell-words.ts";

const power = "it gives the container power over the host";

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

const pairText = nothingMeans("", text({ expected: "a text" }));

/** A map, or a list of `key=value`, as Compose takes it for labels and the like. */
export function pairs(facts: { what: string; key: (key: string) => Complaint | null }): Shape<Readonly<Record<string, string>>> {
  return refined(
    byKind({
      expected: `a map of ${facts.what} or a list of key=value`,
      map: mapOf({ expected: `a map of ${facts.what}`, key: () => null, value: pairText }),
      list: listOf(
        refined(text({ expected: "key=value" }), (line, spot) => {
          const [key = "", ...rest] = line.split("=");
          return { value: { key, spot, value: rest.join("=") } };
        }),
      ),
    }),
    (entries, _spot, report) => {
      const troubles = entries.flatMap(({ key, spot }, at) => {
        const twice = entries.findIndex((other) => other.key === key) < at;
        const trouble = twice ? { what: `${quote(key)} a second time`, fix: "keep one of the two" } : facts.key(key);
        return trouble === null ? [] : [{ spot, trouble }];
      });
      for (const { spot, trouble } of troubles) report(spot, trouble);
      return troubles.length === 0 ? { value: Object.fromEntries(entries.map(({ key, value }) => [key, value])) } : null;
    },
  );
}

function labelComplaint(key: string): Complaint | null {
  if (key === "gantry" || key.startsWith("gantry."))
    return { what: `${quote(key)}: labels with gantry. belong to Gantry`, fix: "choose another name" };
  if (/^[a-zA-Z0-9][\w./-]{0,127}$/.test(key)) return null;
  return { what: `${quote(key)} cannot be a label`, fix: "use letters, digits, and . _ / - after the first" };
}

/** Runtimes obey some of them: properties of the systemd unit (devices among them), hooks, the program of a virtual machine. */
const obeyed = /^(org\.systemd\.property|run\.oci|io\.katacontainers|io\.podman)\./;

function annotationComplaint(key: string): Complaint | null {
  if (obeyed.test(key)) return { what: `${quote(key)}: ${power}`, fix: "remove it" };
  if (/^[a-zA-Z0-9][\w./-]{0,127}$/.test(key)) return null;
  return { what: `${quote(key)} cannot be an annotation`, fix: "use letters, digits, and . _ / - after the first" };
}

/** What Docker gives every container. https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities */
const usual =
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT";
/** Docker's own, and two that reach no further than the container's own memory and its share of the CPUs. */
const addable = [...usual.split(" "), "IPC_LOCK", "SYS_NICE"];
const known =
  `${usual} AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE NET_ADMIN NET_BROADCAST PERFMON SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(
    " ",
  );

function capability(allowed: readonly string[]): Shape<string> {
  return scalar({
    expected: "a capability such as NET_BIND_SERVICE",
    schema: { type: "string" },
    parse(value) {
      const name = value.toUpperCase().replace(/^CAP_/, "");
      if (allowed.includes(name)) return { value };
      if (name === "ALL" || known.includes(name))
        return { what: `${name}: ${power}`, fix: `remove it; these may be added: ${addable.join(", ")}` };
      return { what: `${quote(value)} is not a capability`, fix: "write a name of capabilities(7), such as NET_BIND_SERVICE" };
    },
  });
}

const securityOption: Shape<string> = scalar({
  expected: "no-new-privileges:true",
  schema: { enum: ["no-new-privileges", "no-new-privileges:true", "no-new-privileges:false"] },
  parse(value) {
    if (/^no-new-privileges(:(true|false))?$/.test(value)) return { value };
    const profile = /^(seccomp|apparmor|label|systempaths)[:=]/.test(value);
    const what = profile ? `${quote(value)}: ${power}` : `${quote(value)} is not a security option that Gantry knows`;
    return { what, fix: "remove it; no-new-privileges:true is possible" };
  },
});

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const group = text({ expected: "a group", pattern: /^[A-Za-z0-9_][\w.-]{0,63}$/, fix: "write a group's name or number" });
const otherContainer = { what: "another container's", fix: "remove it: a swap puts another container in its place" };

const namespaces = { host: { what: `host: ${power}`, fix: "remove it" }, service: otherContainer, container: otherContainer };
const ownIpc: Shape<"none" | "private" | "shareable"> = scalar({
  expected: "one of none, private, shareable",
  schema: { enum: ["none", "private", "shareable"] },
  parse(value) {
    const word = (["none", "private", "shareable"] as const).find((candidate) => candidate === value);
    if (word !== undefined) return { value: word };
    const [kind = ""] = value.split(":");
    const fix = "write none, private or shareable";
    const known = Object.hasOwn(namespaces, kind) ? namespaces[kind as keyof typeof namespaces] : undefined;
    return known ?? { what: `${quote(value)} is not one of none, private, shareable`, fix };
  },
});

const logging = refined(
  record({
    expected: "a map with driver and options",
    fields: {
      driver: field(
        text({ expected: "a logging driver", pattern: /^[a-z][a-z0-9/:._-]{0,127}$/ }),
        "Docker's logging driver. Default: the engine's.",
      ),
      options: field(mapOf({ expected: "a map of options", key: () => null, value: pairText }), "Options of the driver."),
    },
  }),
  ({ driver, options = [] }, spot, report) => {
    const named = Object.fromEntries(options.map(({ key, value }) => [key, value]));
    if (driver !== undefined || options.length > 0) return { value: { driver: driver ?? null, options: named } };
    report(spot, { what: "logging without driver and options", fix: "write driver:, such as json-file, local or journald" });
    return null;
  },
);

export const processFields = {
  command: field(words, "Replaces the image's command."),
  entrypoint: field(words, "Replaces the image's entrypoint, and its command with it."),
  working_dir: field(text({ expected: "an absolute path", pattern: /^\// }), "Where the process begins. Default: the image's."),
  user: field(
    text({ expected: "a user or user:group", pattern: /^[A-Za-z0-9_][\w.-]{0,63}(:[A-Za-z0-9_][\w.-]{0,63})?$/ }),
    "User, and group.",
  ),
  group_add: field(listOf(group), "More groups of the user."),
  hostname: field(text({ expected: "a host name", pattern: namePattern }), "Default: the host's on network_mode host."),
  domainname: field(text({ expected: "a domain name", pattern: namePattern }), "The NIS domain name."),
  init: field(truth, "true: a small init process comes first, which reaps what the service leaves."),
  stdin_open: field(truth, "Keeps standard input open."),
  tty: field(truth, "Gives it a terminal; its log then has one stream."),
  attach: field(truth, "Only says whose output `docker compose up` shows: no effect here."),
  stop_signal: field(signal, "Default SIGTERM, or the image's."),
  cap_add: field(
    listOf(capability(addable)),
    `Capabilities. Only those that Docker gives by itself (to add again after cap_drop: [ALL]), and IPC_LOCK and SYS_NICE: any other gives power over the host.`,
  ),
  cap_drop: field(listOf(capability(["ALL", ...known])), "Capabilities taken away; ALL for every one."),
  security_opt: field(
    listOf(securityOption),
    "Only no-new-privileges: profiles other than the engine's give power over the host.",
  ),
  ipc: field(ownIpc, "none, private or shareable. Default: the engine's."),
  cgroup: field(
    oneOf<"private">(["private"], { host: { what: `host: ${power}`, fix: "remove it" } }),
    "Only private. Default: the engine's.",
  ),
  runtime: field(
    text({ expected: "a runtime", pattern: /^[a-zA-Z0-9][\w.-]{0,63}$/ }),
    "An OCI runtime that the host's engine was set up with, such as runsc.",
  ),
  labels: field(pairs({ what: "labels", key: labelComplaint }), "Labels of the container."),
  annotations: field(
    pairs({ what: "annotations", key: annotationComplaint }),
    "Annotations. Those that runtimes obey (org.systemd.property, run.oci and the like) give power over the host, and are refused. Engines before 25 pass them over.",
  ),
  logging: field(logging, "The logging driver. Default: the engine's."),
  oom_score_adj: field(
    integer({ min: 0, max: 1000 }),
    "How soon the kernel ends it when memory is short. Negative values would put the host's own processes first, and are refused.",
  ),
};

type Raw = RecordOf<typeof processFields>;

export function processExtras(raw: Raw): ContainerExtras {
  return given({
    workingDir: raw.working_dir,
    hostname: raw.hostname,
    domainname: raw.domainname,
    init: raw.init,
    tty: raw.tty,
    stdinOpen: raw.stdin_open,
    groupAdd: raw.group_add,
    capAdd: raw.cap_add,
    capDrop: raw.cap_drop,
    securityOptions: raw.security_opt,
    ipc: raw.ipc,
    cgroup: raw.cgroup,
    runtime: raw.runtime,
    annotations: raw.annotations,
    oomScoreAdj: raw.oom_score_adj,
    logOptions: raw.logging?.driver === null ? raw.logging.options : undefined,
  });
}
