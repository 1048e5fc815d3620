/** `x-gantry.health`: what the agent asks the new container. Only this host's loopback, so that a service file cannot make agents call elsewhere. */
import type { HealthProbe } from "../core/release.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { duration, truth } from "./scalars.ts";
import { byKind, field, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";

/** null: as the container's healthcheck says. */
export type RawHealth = { readonly probe: HealthProbe | null; readonly intervalMs: number; readonly deadlineMs: number };

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

const fields = {
  http: field(probe(parseHttp, "an address such as http://127.0.0.1:8080/healthz"), "Healthy when it answers 2xx or 3xx."),
  tcp: field(probe(parseTcp, "a port or host:port"), "Healthy when it accepts a connection."),
  container: field(truth, "true: ask the container's own healthcheck."),
  interval: field(duration({ minMs: 50, maxMs: 3_600_000 }), "Between two checks of a serving container. Default 1s."),
  deadline: field(duration({ minMs: 1000, maxMs: 24 * 3_600_000 }), "From start to healthy. Default 60s."),
};

export const health: Shape<RawHealth> = byKind({
  expected: "an address, container, none, or a map with http or tcp",
  text: shortForm,
  map: refined(record({ expected: "a map with http or tcp", fields }), meant),
});

function meant(raw: RecordOf<typeof fields>, spot: Spot, report: Report): { value: RawHealth } | null {
  const container: HealthProbe | undefined = raw.container === true ? { kind: "container" } : undefined;
  const probes = [raw.http, raw.tcp, container].filter((candidate) => candidate !== undefined);
  if (probes.length > 1) {
    report(spot, { what: "more than one health check", fix: "keep one of http, tcp and container" });
    return null;
  }
  const { interval = defaults.intervalMs, deadline = defaults.deadlineMs } = raw;
  return { value: { probe: probes[0] ?? null, intervalMs: interval, deadlineMs: deadline } };
}
