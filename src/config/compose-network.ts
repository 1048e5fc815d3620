/** Compose keys about the network: which one, names, and published ports. */
import { isIP } from "node:net";
import type { ContainerExtras, PublishedPort } from "../core/release.ts";
import { pairs } from "./compose-process.ts";
import { given } from "./given.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { integer, oneOf, text } from "./scalars.ts";
import {
  byKind,
  field,
  type Located,
  listOf,
  located,
  oneOrMany,
  type RecordOf,
  record,
  refined,
  type Shape,
  scalar,
} from "./shape.ts";

const address: Shape<string> = scalar({
  expected: "an IP address",
  schema: { type: "string" },
  parse(value) {
    return isIP(value) > 0
      ? { value }
      : { what: `${quote(value)} is not an IP address`, fix: "write an address such as 10.0.0.2" };
  },
});

const domain = text({ expected: "a domain", pattern: /^(\.|[A-Za-z0-9_]([\w.-]{0,252}[A-Za-z0-9_])?\.?)$/ });
const resolverOption = text({ expected: "an option of resolv.conf", pattern: /^[a-z][a-z0-9-]{0,31}(:\d{1,5})?$/ });

function hostComplaint(name: string, to: string): Complaint | null {
  if (!/^[A-Za-z0-9_]([\w.-]{0,252}[A-Za-z0-9_])?$/.test(name))
    return { what: `${quote(name)} is not a host's name`, fix: "write name:address" };
  if (isIP(to) > 0 || to === "host-gateway") return null;
  return { what: `${quote(to)} is not an IP address`, fix: "write an address such as 10.0.0.2, or host-gateway" };
}

/** `name:address`, `name=address`, IPv6 addresses with or without brackets. */
const hostLine: Shape<string> = scalar({
  expected: "name:address",
  schema: { type: "string" },
  parse(line) {
    const [, name = "", written = ""] = /^([^:=]*)[:=](.*)$/.exec(line) ?? [];
    return hostEntry(name, written);
  },
});

function hostEntry(name: string, written: string): { value: string } | Complaint {
  const to = written.replace(/^\[(.*)\]$/, "$1");
  return hostComplaint(name, to) ?? { value: `${name}:${to}` };
}

const extraHosts: Shape<readonly string[]> = byKind({
  expected: "a list of name:address or a map",
  list: listOf(hostLine),
  map: refined(pairs({ what: "hosts", key: () => null }), (named, spot, report) => {
    const entries = Object.entries(named).map(([name, to]) => hostEntry(name, to));
    for (const entry of entries) if (!("value" in entry)) report(spot, entry);
    const good = entries.flatMap((entry) => ("value" in entry ? [entry.value] : []));
    return good.length === entries.length ? { value: good } : null;
  }),
});

const protocols = ["tcp", "udp", "sctp"] as const;

function portRange(written: string): readonly [number, number] | null {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written);
  if (match === null) return null;
  const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
  return from >= 1 && to <= 65_535 && from <= to && to - from < 256 ? [from, to] : null;
}

const portForms = 'write "8080:80", "127.0.0.1:8080:80" or "80", with /udp where needed, between quotes';

/** Source of the forms: the Compose specification, `ports`, short syntax. A range is as many ports. */
const portLine: Shape<readonly PublishedPort[]> = scalar({
  expected: 'a port such as "8080:80"',
  schema: { type: ["string", "integer"] },
  parse(line) {
    const wrong = { what: `${quote(line)} is not a port`, fix: portForms };
    const match = /^(?:(?:(\[[0-9a-f:.]+\]|[0-9.]+):)?([0-9-]*):)?([0-9-]+)(?:\/([a-z]+))?$/i.exec(line);
    if (match === null) return wrong;
    const [, host, outer = "", inner = "", protocol = "tcp"] = match;
    const address = host?.replace(/^\[|\]$/g, "");
    const known = protocols.find((candidate) => candidate === protocol.toLowerCase());
    const targets = portRange(inner);
    const published = outer === "" ? null : portRange(outer);
    if (known === undefined || targets === null || (outer !== "" && published === null)) return wrong;
    if (address !== undefined && isIP(address) === 0) return wrong;
    const all = spread({ targets, published, protocol: known, address });
    return all === null ? wrong : { value: all };
  },
});

type PortFacts = {
  readonly targets: readonly [number, number];
  readonly published: readonly [number, number] | null;
  readonly protocol: PublishedPort["protocol"];
  readonly address: string | undefined;
};

/** Two ranges of one length go together port by port; a range for one port leaves the choice to the engine. */
function spread({ targets, published, protocol, address }: PortFacts): readonly PublishedPort[] | null {
  const count = targets[1] - targets[0] + 1;
  const outer = published === null ? 0 : published[1] - published[0] + 1;
  if (published !== null && outer !== count && count > 1) return null;
  return Array.from({ length: count }, (_, at) => {
    const one = published === null ? "" : outer === count ? String(published[0] + at) : published.join("-");
    return { target: targets[0] + at, protocol, published: one, ...given({ address }) };
  });
}

const targetPort = integer({ min: 1, max: 65_535 });
const publishedText: Shape<string> = scalar({
  expected: "a port of the host, or a range",
  schema: { type: ["integer", "string"] },
  parse(value) {
    return portRange(value) === null
      ? { what: `${quote(value)} is not a port`, fix: "write a port or a range such as 8000-8010" }
      : { value };
  },
});
const longPort = refined(
  record({
    expected: "a map with target and published",
    fields: {
      target: field(targetPort, "The port in the container."),
      published: field(publishedText, "The port of the host, or a range. Default: any free one."),
      host_ip: field(address, "Only on this address of the host."),
      protocol: field(oneOf(protocols), "Default tcp."),
      mode: field(oneOf(["host", "ingress"]), "No effect outside a swarm."),
      name: field(text({ expected: "a name" }), "For people: no effect."),
      app_protocol: field(text({ expected: "a protocol" }), "For people: no effect."),
    },
  }),
  ({ target, published = "", host_ip, protocol = "tcp" }, spot, report) => {
    if (target !== undefined)
      return { value: [{ target, protocol, published, ...given({ address: host_ip }) }] as readonly PublishedPort[] };
    report(spot, { what: "a port without target", fix: "write target:, the port in the container" });
    return null;
  },
);
const ports: Shape<readonly PublishedPort[]> = refined(
  listOf(byKind({ expected: 'a port such as "8080:80"', text: portLine, map: longPort }), { expected: "a list of ports" }),
  (lists, spot, report) => {
    const all = lists.flat();
    const taken = all.map((port) => `${port.address ?? ""} ${port.published}/${port.protocol}`);
    const twice = all.find((port, at) => /^\d+$/.test(port.published) && taken.indexOf(taken[at] as string) < at);
    if (twice === undefined) return { value: all };
    report(spot, { what: `the host's port ${twice.published} a second time`, fix: "keep one of the two" });
    return null;
  },
);

const exposed: Shape<readonly string[]> = scalar({
  expected: "a port such as 8080",
  schema: { type: ["string", "integer"] },
  parse(value) {
    const [, range = "", protocol = "tcp"] = /^([0-9-]+)(?:\/(tcp|udp|sctp))?$/.exec(value) ?? [];
    const found = portRange(range);
    if (found === null) return { what: `${quote(value)} is not a port`, fix: "write a port such as 8080 or 8080/udp" };
    return { value: Array.from({ length: found[1] - found[0] + 1 }, (_, at) => `${found[0] + at}/${protocol}`) };
  },
});

/** Those of the kernel that belong to a container's own namespaces; the engine refuses the others. */
function sysctlComplaint(name: string): Complaint | null {
  if (/^(net\.[\w.*/-]+|fs\.mqueue\.\w+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced))$/.test(name))
    return null;
  return {
    what: `${quote(name)} is a setting of the whole host`,
    fix: "remove it; possible are net.*, fs.mqueue.* and kernel.shm*, kernel.msg*, kernel.sem",
  };
}

const network = oneOf(["host", "bridge", "none"], {
  default: { what: `the network "default" is not supported`, fix: "write bridge" },
});

export const networkFields = {
  network_mode: field(network, "host (default, where Compose makes a network for the project), bridge or none."),
  ports: field(located(ports), "Published ports of the host. Only with network_mode: bridge."),
  expose: field(
    refined(listOf(exposed), (lists) => ({ value: lists.flat() })),
    "Ports for other containers to know of: no effect on the host.",
  ),
  dns: field(oneOrMany(address), "Name servers."),
  dns_search: field(oneOrMany(domain), "Domains to search."),
  dns_opt: field(listOf(resolverOption), "Options of resolv.conf."),
  extra_hosts: field(extraHosts, "Lines of /etc/hosts: name:address."),
  sysctls: field(
    located(pairs({ what: "sysctls", key: sysctlComplaint })),
    "Kernel settings of the container's own namespaces; net.* not with network_mode host.",
  ),
};

type Raw = RecordOf<typeof networkFields>;

/** Complains of what means nothing, or too much, on the network that was chosen. */
export function networkExtras(raw: Raw, report: Report): ContainerExtras {
  const mode = raw.network_mode ?? "host";
  checkPorts(raw.ports, mode, report);
  if (mode === "host" && raw.sysctls !== undefined) checkSysctls(raw.sysctls, report);
  return given({
    ports: raw.ports?.value,
    expose: raw.expose,
    dns: raw.dns,
    dnsSearch: raw.dns_search,
    dnsOptions: raw.dns_opt,
    extraHosts: raw.extra_hosts,
    sysctls: raw.sysctls?.value,
  });
}

function checkPorts(ports: Located<readonly PublishedPort[]> | undefined, mode: string, report: Report): void {
  if (ports === undefined || mode === "bridge") return;
  const where = mode === "host" ? "ports: nothing is published from the host's network" : "ports: without network there are none";
  const fix =
    mode === "host"
      ? "remove it: with network_mode host (the default) the container listens on the host itself; or write network_mode: bridge"
      : "remove it, or write network_mode: bridge";
  report(ports.spot, { what: where, fix });
}

function checkSysctls(sysctls: { value: Readonly<Record<string, string>>; spot: Spot }, report: Report): void {
  const name = Object.keys(sysctls.value).find((key) => key.startsWith("net."));
  if (name === undefined) return;
  const fix = "remove it and set it on the host, or write network_mode: bridge";
  report(sysctls.spot, { what: `${quote(name)} on the host's network is a setting of the whole host`, fix });
}
