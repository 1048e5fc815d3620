/** `x-gantry.swap`: how the old and the new container of a service change places. */
import type { HealthProbe, ReleaseSpec } from "../core/release.ts";
import type { SwapSpec } from "../core/swap.ts";
import { type Complaint, quote, type Report } from "./raw.ts";
import { duration, integer, oneOf, text, truth } from "./scalars.ts";
import { byKind, field, type Located, listOf, located, type RecordOf, record, refined, type Shape } from "./shape.ts";

const defaults = { holdMs: 3_000, drainMs: 30_000, variable: "PORT", servers: ["blue", "green"] } as const;

const order = oneOf(["stop-first", "start-first"]);
const holdTime = duration({ minMs: 100, maxMs: 30_000 });

/** `true`, or the longest that somebody may wait. */
const hold: Shape<number | null> = {
  schema: { anyOf: [truth.schema, holdTime.schema] },
  read(written, report) {
    if (written.kind !== "text" || !/^(true|false)$/.test(written.text)) return holdTime.read(written, report);
    return { value: written.text === "true" ? defaults.holdMs : null };
  },
};

const proxyName = text({
  expected: "a name in HAProxy's configuration",
  pattern: /^[A-Za-z0-9_.:-]{1,64}$/,
  fix: "write it as in haproxy.cfg: letters, digits and _ . : -",
});

const haproxy = record({
  expected: "a map with socket and backend",
  fields: {
    socket: field(
      text({
        expected: "the path of a Unix socket",
        pattern: /^\/(?!.*\.\.)[\w./-]{1,106}$/,
        fix: "write the path of `stats socket … level admin`, such as /run/haproxy/admin.sock",
      }),
      "HAProxy's runtime API on each host: the Unix socket of `stats socket`, level admin. Default /run/haproxy/admin.sock.",
    ),
    backend: field(proxyName, "The backend of this service. Default: the service's compose name."),
    servers: field(listOf(proxyName), "Its two servers, in the order of the ports. Default [blue, green]."),
  },
});

const fields = {
  order: field(
    order,
    "`stop-first` (the default): the old container ends before the new one begins. `start-first`: both run for a moment.",
  ),
  hold: field(
    hold,
    "stop-first on host network: new connections wait during the switch instead of failing; true, or for how long at most. Default false.",
  ),
  haproxy: field(haproxy, "start-first: the proxy that sends requests to one of two ports."),
  ports: field(
    listOf(integer({ min: 1, max: 65_535 })),
    "start-first with a proxy: the two ports that old and new take in turn.",
  ),
  variable: field(
    text({ expected: "the name of a variable", pattern: /^[A-Za-z_]\w{0,63}$/, fix: "write a name such as PORT" }),
    "start-first with a proxy: the environment variable that tells the service its port. Default PORT.",
  ),
  drain: field(
    duration({ minMs: 0, maxMs: 3_600_000 }),
    "start-first with a proxy: how long open requests of the old container may take. Default 30s.",
  ),
  reusePort: field(truth, "start-first without a proxy: the service listens with SO_REUSEPORT, so that two share the port."),
};

type Raw = RecordOf<typeof fields>;
type RawSwap = Located<Raw>;

const plain: Raw = {
  order: undefined,
  hold: undefined,
  haproxy: undefined,
  ports: undefined,
  variable: undefined,
  drain: undefined,
  reusePort: undefined,
};

export const swap: Shape<RawSwap> = located(
  byKind<Raw, never, Raw>({
    expected: "stop-first, or a map with order",
    text: refined(order, (word) => ({ value: { ...plain, order: word } })),
    map: record({ expected: "a map with order", fields }),
  }),
);

/**
 * The spec with its strategy, or null when that was reported. Behind a proxy the container's own port is the first of the two:
 * so an agent that does not know strategies yet, and `docker compose up`, start it where the proxy looks for it.
 */
export function withSwap(
  spec: ReleaseSpec,
  facts: { readonly raw: RawSwap | undefined; readonly name: string; readonly report: Report },
): ReleaseSpec | null {
  const { raw, name, report } = facts;
  if (raw === undefined) return spec;
  const meant = meaningOf(raw.value, { spec, name });
  if (meant === null) return spec;
  if (!("kind" in meant)) {
    report(raw.spot, meant);
    return null;
  }
  if (meant.kind !== "proxy") return { ...spec, swap: meant };
  const environment = { ...spec.container.environment, [meant.variable]: String(meant.ports[0]) };
  return { ...spec, container: { ...spec.container, environment }, swap: meant };
}

function meaningOf(raw: Raw, facts: { spec: ReleaseSpec; name: string }): SwapSpec | Complaint | null {
  const { spec } = facts;
  const wrong = misplaced(raw) ?? (spec.container.network === "host" || isPlain(raw) ? null : onlyHost);
  if (wrong !== null) return wrong;
  if (raw.order !== "start-first") return holding(raw, spec);
  if (raw.reusePort === true) return raw.haproxy === undefined ? { kind: "reuse-port" } : twoWays;
  return behindProxy(raw, facts);
}

function isPlain(raw: Raw): boolean {
  return raw.order !== "start-first" && (raw.hold ?? null) === null;
}

const onlyHost: Complaint = {
  what: "swap: only a container on the host's network has ports that can be held or switched",
  fix: "write network_mode: host, or leave swap out",
};
const twoWays: Complaint = { what: "swap: both haproxy and reusePort", fix: "keep one of them" };

/** A key that means nothing in this order was meant for the other one. */
function misplaced(raw: Raw): Complaint | null {
  const { order: word = "stop-first" } = raw;
  const ofOther = word === "stop-first" ? (["haproxy", "ports", "variable", "drain", "reusePort"] as const) : (["hold"] as const);
  const found = ofOther.find((key) => raw[key] !== undefined);
  if (found === undefined) return null;
  const other = word === "stop-first" ? "start-first" : "stop-first";
  return { what: `swap: ${found} has no meaning with order: ${word}`, fix: `write order: ${other}, or remove ${found}` };
}

function holding(raw: Raw, spec: ReleaseSpec): SwapSpec | Complaint | null {
  const mostMs = raw.hold ?? null;
  if (mostMs === null) return null;
  const port = portOf(spec.health.probe);
  if (port !== null) return { kind: "hold", port, mostMs };
  return { what: "swap: hold without a port", fix: "give health an http or tcp address: its port is the one that is held" };
}

function behindProxy(raw: Raw, { spec, name }: { spec: ReleaseSpec; name: string }): SwapSpec | Complaint {
  const { socket = "/run/haproxy/admin.sock", backend = name, servers = defaults.servers } = raw.haproxy ?? {};
  if (raw.haproxy === undefined) {
    return {
      what: "swap: start-first without haproxy or reusePort",
      fix: "say who lets two of them serve: write one of the two",
    };
  }
  const [first, second, third] = raw.ports ?? [];
  if (first === undefined || second === undefined || third !== undefined || first === second)
    return {
      what: "swap: start-first behind a proxy needs two ports",
      fix: "write ports: [18080, 18081], as in the proxy's configuration",
    };
  const [blue, green, more] = servers;
  if (blue === undefined || green === undefined || more !== undefined || blue === green)
    return { what: "swap: haproxy needs two servers", fix: "write servers: [blue, green], in the order of the ports" };
  const asked = portOf(spec.health.probe);
  if (asked !== null && asked !== first)
    return {
      what: `swap: health asks port ${asked}, which is not the first of ports`,
      fix: `write port ${first} in health: while the container has the other port, that one is asked`,
    };
  const { variable = defaults.variable, drain = defaults.drainMs } = raw;
  const set = spec.container.environment[variable];
  if (set !== undefined && set !== String(first))
    return {
      what: `swap: ${variable} is ${quote(set)} in environment`,
      fix: `remove it there: it is ${first} or ${second} in turn`,
    };
  const proxy = { kind: "haproxy", socket, backend, servers: [blue, green] } as const;
  return { kind: "proxy", proxy, ports: [first, second], variable, drainMs: drain };
}

function portOf(probe: HealthProbe): number | null {
  switch (probe.kind) {
    case "http":
      return Number(new URL(probe.url).port || 80);
    case "tcp":
      return probe.port;
    case "container":
      return probe.port ?? null;
    case "none":
      return null;
  }
}
