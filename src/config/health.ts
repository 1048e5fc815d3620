/** `x-gantry.health`: what the agent asks the new container. Only this host's loopback, so that a service file cannot make agents call elsewhere. */
import type { ContainerProbe, Health, HealthProbe } from "../core/release.ts";
import { httpFields, httpProbe } from "./health-http.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { duration, durationText, integer, text, truth } from "./scalars.ts";
import { byKind, field, listOf, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";
import { shellWords } from "./shell-words.ts";

/** null: as the container's healthcheck says. */
export type RawHealth = Omit<Health, "probe"> & { readonly probe: HealthProbe | null };

const defaults = { intervalMs: 1000, deadlineMs: 60_000 };
export const defaultHealth: RawHealth = { probe: null, ...defaults };

const loopback = /^(127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|localhost|\[::1\])$/;

type Parsed<T> = { readonly value: T } | Complaint;

function parseHttp(text: string): Parsed<HealthProbe> {
  const example = "write an address such as http://127.0.0.1:8080/healthz";
  if (/^https:/i.test(text))
    return { what: "https is not supported for health checks", fix: "write http: the check does not leave the host" };
  const parts = /^http:\/\/([^/?#\s:@\][]+|\[[^/?#\s@\]]+\])(?::(\d{1,6}))?([/?][!-"$-~]*)?$/.exec(text);
  if (parts === null || text.length > 2048 || !URL.canParse(text))
    return { what: `${quote(text)} is not a health address`, fix: example };
  const [, host = "", port = "80"] = parts;
  if (!loopback.test(host))
    return { what: `${quote(host)} is not this host`, fix: "write 127.0.0.1, localhost or [::1]: every agent asks its own host" };
  const trouble = portComplaint(port);
  return trouble ?? { value: { kind: "http", url: new URL(text).href } };
}

function parseTcp(text: string): Parsed<HealthProbe> {
  const parts = /^(?:(.*):)?(\d{1,6})$/.exec(text);
  if (parts === null)
    return { what: `${quote(text)} is not a TCP address`, fix: "write a port, or host:port such as 127.0.0.1:8080" };
  const [, host = "127.0.0.1", port = ""] = parts;
  if (!loopback.test(host))
    return { what: `${quote(host)} is not this host`, fix: "write 127.0.0.1, localhost, [::1] or the port alone" };
  return portComplaint(port) ?? { value: { kind: "tcp", host: host.replace(/^\[|\]$/g, ""), port: Number(port) } };
}

function portComplaint(port: string): Complaint | null {
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? null : { what: `${port} is not a port`, fix: "write a number from 1 to 65535" };
}

const shortForm: Shape<RawHealth> = scalar({
  expected: "an address, container or none",
  schema: { type: "string" },
  parse(text) {
    if (text === "container" || text === "none") return { value: { probe: { kind: text }, ...defaults } };
    const parsed = text.startsWith("tcp://") ? parseTcp(text.slice("tcp://".length)) : parseHttp(text);
    return "value" in parsed ? { value: { probe: parsed.value, ...defaults } } : parsed;
  },
});

const probe = (parse: (text: string) => Parsed<HealthProbe>, expected: string) =>
  scalar({ expected, schema: { type: ["string", "integer"] }, parse });

const day = 24 * 3_600_000;

const word = text({ expected: "a word" });
const command = refined(
  byKind({
    expected: "a command line, or a list of words",
    text: scalar({ expected: "a command line", schema: { type: "string" }, parse: shellWords }),
    list: listOf(word),
  }),
  (words, spot, report) => {
    if (words.length > 0 && words[0] !== "" && words.length <= 256) return { value: words };
    report(spot, { what: "not a command", fix: 'write a program and its words, such as ["/bin/check", "--fast"]' });
    return null;
  },
);

const fields = {
  http: field(probe(parseHttp, "an address such as http://127.0.0.1:8080/healthz"), "Healthy when it answers 2xx."),
  ...httpFields,
  tcp: field(probe(parseTcp, "a port or host:port"), "Healthy when it accepts a connection."),
  container: field(truth, "true: ask the container's own healthcheck."),
  command: field(command, "Healthy when this ends with exit code 0, run in the container, without a shell."),
  port: field(
    integer({ min: 1, max: 65_535 }),
    "With `command` or `container`: a port that this very container must hold, since on the host's network another process may answer.",
  ),
  interval: field(duration({ minMs: 50, maxMs: 3_600_000 }), "Between two checks of a serving container. Default 1s."),
  deadline: field(duration({ minMs: 1000, maxMs: day }), "From start to healthy. Default 60s."),
  timeout: field(duration({ minMs: 50, maxMs: 60_000 }), "For one answer. Default 2s."),
  startPeriod: field(
    duration({ minMs: 0, maxMs: day }),
    "Failures this early do not count; after it `failures` in a row end the wait. Default: only the deadline does.",
  ),
  startInterval: field(
    duration({ minMs: 1, maxMs: 60_000 }),
    "Between two checks of a starting container. Default 5ms, after 2 s 50ms; for a command 100ms.",
  ),
  threshold: field(
    integer({ min: 1, max: 100 }),
    "Good answers in a row that make it healthy. Default 2 while it starts, 1 when it has failed in service.",
  ),
  failures: field(integer({ min: 1, max: 100 }), "Failures in a row that make it unhealthy. Default 3."),
};

export const health: Shape<RawHealth> = byKind({
  expected: "an address, container, none, or a map with http, tcp, command or container",
  text: shortForm,
  map: refined(record({ expected: "a map with http, tcp, command or container", fields }), meant),
});

type RawFields = RecordOf<typeof fields>;

function meant(raw: RawFields, spot: Spot, report: Report): { value: RawHealth } | null {
  const kinds = [raw.http, raw.tcp, raw.command, raw.container || undefined].filter((kind) => kind !== undefined);
  const complaint = kinds.length > 1 ? tooMany : (misplaced(raw) ?? unreachable(raw));
  if (complaint !== null) report(spot, complaint);
  const found = complaint === null ? probeOf(raw, spot, report) : null;
  return found === null ? null : { value: { ...paceOf(raw), probe: found.probe } };
}

const tooMany = { what: "more than one health check", fix: "keep one of http, tcp, command and container" };

/** A key whose kind of check is not there: it would do nothing. */
function misplaced(raw: RawFields): Complaint | null {
  const alone = (Object.keys(httpFields) as (keyof typeof httpFields)[]).find((key) => raw[key] !== undefined);
  if (alone !== undefined && raw.http === undefined)
    return { what: `${alone} without http`, fix: "write http: with the address to ask, or remove it" };
  const inContainer = raw.command !== undefined || raw.container === true;
  if (raw.port !== undefined && !inContainer)
    return { what: "port without command or container", fix: "remove it: http and tcp name their port in their address" };
  if (raw.timeout !== undefined && raw.http === undefined && raw.tcp === undefined && raw.command === undefined)
    return { what: "timeout without http, tcp or command", fix: "write it under the container's healthcheck" };
  return null;
}

/** Numbers that leave no way to become healthy. */
function unreachable(raw: RawFields): Complaint | null {
  const { deadline = defaults.deadlineMs, startPeriod = 0, startInterval = 0, threshold = 1 } = raw;
  const until = `the deadline of ${durationText(deadline)}`;
  if (startPeriod >= deadline && startPeriod > 0)
    return { what: `startPeriod does not end before ${until}`, fix: "write a longer deadline, or a shorter startPeriod" };
  if (startInterval * (threshold - 1) >= deadline)
    return {
      what: `${threshold} answers ${durationText(startInterval)} apart do not fit into ${until}`,
      fix: "write a longer deadline",
    };
  return null;
}

function probeOf(raw: RawFields, spot: Spot, report: Report): { readonly probe: HealthProbe | null } | null {
  const timeout = raw.timeout === undefined ? {} : { timeoutMs: raw.timeout };
  if (raw.http?.kind === "http") {
    const probe = httpProbe({ url: raw.http.url, raw, spot, report });
    return probe === null ? null : { probe: { ...probe, ...timeout } };
  }
  if (raw.tcp?.kind === "tcp") return { probe: { ...raw.tcp, ...timeout } };
  const port = raw.port === undefined ? {} : { port: raw.port };
  const inContainer: ContainerProbe = { kind: "container", ...port, ...timeout };
  if (raw.command !== undefined) return { probe: { ...inContainer, command: raw.command } };
  return { probe: raw.container === true ? inContainer : null };
}

/** What was not written stays absent, so that the spec of an older file is what it was. */
function paceOf(raw: RawFields): Omit<Health, "probe"> {
  const { interval = defaults.intervalMs, deadline = defaults.deadlineMs, startPeriod, startInterval, threshold, failures } = raw;
  return {
    intervalMs: interval,
    deadlineMs: deadline,
    ...(startPeriod === undefined ? {} : { startPeriodMs: startPeriod }),
    ...(startInterval === undefined ? {} : { startIntervalMs: startInterval }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(failures === undefined ? {} : { failures }),
  };
}
