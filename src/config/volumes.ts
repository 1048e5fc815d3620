/** Mounts: which paths of the host a container may see, named volumes, and memory that looks like a folder. */
import { posix } from "node:path";
import { givesPowerOverHost } from "../core/host-paths.ts";
import type { Mount, Volume } from "../core/release.ts";
import { given } from "./given.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { bytes, oneOf, text, truth } from "./scalars.ts";
import { byKind, field, listOf, type RecordOf, record, refined, type Shape, scalar } from "./shape.ts";

/** What is wrong with a path on the host, or null. */
function hostPathComplaint(source: string): Complaint | null {
  if (!source.startsWith("/")) {
    return { what: `${quote(source)} is not an absolute path`, fix: "write the path on the host in full, such as /srv/api/data" };
  }
  if (source.split("/").includes("..")) return { what: `${quote(source)} goes up (..)`, fix: "write the path without .." };
  if (!givesPowerOverHost(posix.normalize(source))) return null;
  return {
    what: `${quote(source)} would give the container power over the host`,
    fix: "mount only the folder that the service needs",
  };
}

function targetComplaint(target: string): Complaint | null {
  const good = target.startsWith("/") && posix.normalize(target) !== "/" && !target.split("/").includes("..");
  return good
    ? null
    : { what: `${quote(target)} is not a path in the container`, fix: "write an absolute path below /, without .." };
}

/** A folder of the host, or something else. A named volume's source is the name under the file's own `volumes`. */
export type Mounted = { readonly bind: Volume } | { readonly mount: Mount };

const isVolumeName = (source: string) => /^[A-Za-z0-9][\w.-]{0,127}$/.test(source);
const propagations = ["private", "rprivate", "slave", "rslave"] as const;
const shared = {
  what: "mounts that come back to the host (shared): it gives the container power over the host",
  fix: "write rslave or nothing",
};
const anonymous = "an anonymous volume is empty again after each swap";

const shortForm: Shape<Mounted> = scalar<Mounted>({
  expected: "source:target or source:target:ro",
  schema: { type: "string" },
  parse(line) {
    const [source = "", target, modes = "rw", ...rest] = line.split(":");
    if (target === undefined) return { what: `${quote(line)} has no source: ${anonymous}`, fix: "write source:target" };
    const named = isVolumeName(source);
    const trouble = (named ? null : hostPathComplaint(source)) ?? targetComplaint(target);
    if (trouble !== null) return trouble;
    const known = rest.length === 0 ? optionsOf(modes.split(","), named) : null;
    if (known === null) {
      const fix = named ? "write ro, rw, nocopy or nothing" : "write ro, rw, z, Z, rslave or nothing";
      return { what: `the mount option ${quote([modes, ...rest].join(":"))}`, fix };
    }
    if ("what" in known) return known;
    const { readOnly, noCopy, propagation, selinux } = known;
    if (named) return { value: { mount: { kind: "volume", source, target, readOnly, ...given({ noCopy }) } } };
    return { value: { bind: { source, target, readOnly, ...given({ propagation, selinux }) } } };
  },
});

type Options = Pick<Volume, "readOnly" | "propagation" | "selinux"> & { readonly noCopy?: true };

/** Null: one of them is not known. Those about caching mean something on a Mac only. */
function optionsOf(words: readonly string[], named: boolean): Options | Complaint | null {
  let options: Options = { readOnly: false };
  for (const word of words) {
    const propagation = propagations.find((candidate) => candidate === word);
    if (/^r?shared$/.test(word)) return shared;
    if (word === "ro") options = { ...options, readOnly: true };
    else if (named && word === "nocopy") options = { ...options, noCopy: true };
    else if (!named && (word === "z" || word === "Z")) options = { ...options, selinux: word };
    else if (!named && propagation !== undefined) options = { ...options, propagation };
    else if (!["rw", "cached", "delegated", "consistent"].includes(word)) return null;
  }
  return options;
}

const bindFields = {
  propagation: field(
    oneOf(propagations, { shared, rshared: shared }),
    "Whether mounts made later on the host are seen: private, rprivate (default), slave or rslave.",
  ),
  create_host_path: field(truth, "false: a missing folder is an error. Default: the engine makes it, empty."),
  selinux: field(oneOf<"z" | "Z">(["z", "Z"]), "Relabels for SELinux: z shared, Z for this container alone."),
};
const recursive = { what: "recursive: engines before 25 do not know it", fix: "remove it" };
const subpath = { what: "subpath: engines before 26 do not know it", fix: "remove it, or use a volume of its own" };
const mode = scalar({
  expected: "a mode such as 1777",
  schema: { type: ["integer", "string"] },
  parse(written) {
    const octal = /^(?:0o?)?([0-7]{1,4})$/.exec(written);
    if (octal === null) return { what: `${quote(written)} is not a mode`, fix: "write octal digits, such as 1777" };
    return { value: Number.parseInt(octal[1] as string, 8) };
  },
});
const longFields = {
  type: field(
    oneOf(["bind", "volume", "tmpfs"], {
      npipe: { what: "npipe is Windows'", fix: "write bind, volume or tmpfs" },
      cluster: { what: "cluster volumes are a swarm's", fix: "write bind, volume or tmpfs" },
      image: { what: "image: engines before 28 do not know it", fix: "write bind, volume or tmpfs" },
    }),
    "bind, volume or tmpfs.",
  ),
  source: field(text({ expected: "a path on the host, or a volume" }), "Absolute path on the host, or a name under volumes."),
  target: field(text({ expected: "a path in the container" }), "Absolute path in the container."),
  read_only: field(truth, "Default false."),
  consistency: field(text({ expected: "a word" }), "Means something on a Mac only: no effect."),
  bind: field(record({ expected: "a map of options", fields: bindFields, refused: { recursive } }), "Options of a bind."),
  volume: field(
    record({
      expected: "a map of options",
      fields: { nocopy: field(truth, "true: an empty volume is not filled with what the image has there.") },
      refused: {
        subpath,
        labels: { what: "labels: a volume that is there keeps those it has", fix: "write them under volumes of the file" },
      },
    }),
    "Options of a volume.",
  ),
  tmpfs: field(
    record({
      expected: "a map of options",
      fields: {
        size: field(bytes({ min: 4096, least: "4k" }), "At most this much. Default: half of the memory."),
        mode: field(mode, "Permissions, in octal. Default 1777."),
      },
    }),
    "Options of a tmpfs.",
  ),
};

const longForm: Shape<Mounted> = refined(
  record({ expected: "a mount with type, source and target", fields: longFields }),
  (raw, spot, report) => {
    const { type, source, target } = raw;
    if (type === undefined || target === undefined || (source === undefined) !== (type === "tmpfs")) {
      report(spot, sourceComplaint(raw));
      return null;
    }
    const trouble = targetComplaint(target) ?? foreignOptions(raw);
    if (trouble === null) return meant(raw, { source: source ?? "", target, spot, report });
    report(spot, trouble);
    return null;
  },
);

type RawLong = RecordOf<typeof longFields>;

function sourceComplaint({ type, source }: RawLong): Complaint {
  if (type === "tmpfs" && source !== undefined) return { what: "a tmpfs with a source", fix: "remove source:" };
  if (type === "volume" && source === undefined) return { what: anonymous, fix: "write source:, a name under volumes" };
  return { what: "a mount without type, source or target", fix: "write type: bind, source: and target:" };
}

function foreignOptions(raw: RawLong): Complaint | null {
  const other = (["bind", "volume", "tmpfs"] as const).find((kind) => kind !== raw.type && raw[kind] !== undefined);
  return other === undefined ? null : { what: `options of a ${other} on a ${raw.type}`, fix: `remove ${other}:` };
}

type LongFacts = { readonly source: string; readonly target: string; readonly spot: Spot; readonly report: Report };

function meant(raw: RawLong, { source, target, spot, report }: LongFacts): { value: Mounted } | null {
  const readOnly = raw.read_only ?? false;
  if (raw.type === "tmpfs") {
    const { size, mode } = raw.tmpfs ?? {};
    return { value: { mount: { kind: "tmpfs", target, ...given({ bytes: size, mode }) } } };
  }
  if (raw.type === "volume") {
    const noCopy = raw.volume?.nocopy === true ? (true as const) : undefined;
    if (isVolumeName(source)) return { value: { mount: { kind: "volume", source, target, readOnly, ...given({ noCopy }) } } };
    report(spot, { what: `${quote(source)} is not a volume`, fix: "write a name that stands under volumes of the file" });
    return null;
  }
  const { propagation, selinux, create_host_path } = raw.bind ?? {};
  const mustExist = create_host_path === false ? (true as const) : undefined;
  const both = { what: "selinux with create_host_path: false", fix: "keep one of them: the engine cannot do both" };
  const trouble = hostPathComplaint(source) ?? (selinux !== undefined && mustExist ? both : null);
  if (trouble === null) return { value: { bind: { source, target, readOnly, ...given({ propagation, selinux, mustExist }) } } };
  report(spot, trouble);
  return null;
}

const expected = "source:target, source:target:ro or a map with type, source and target";

const targetOf = (mounted: Mounted) => ("bind" in mounted ? mounted.bind : mounted.mount).target;

export const volumes: Shape<readonly Mounted[]> = refined(
  listOf(byKind({ expected, text: shortForm, map: longForm }), { expected: "a list of mounts" }),
  (mounts, spot, report) => {
    const targets = mounts.map(targetOf);
    const twice = targets.find((target, at) => targets.indexOf(target) < at);
    if (twice === undefined) return { value: mounts };
    report(spot, { what: `two mounts on ${twice}`, fix: "keep one of the two" });
    return null;
  },
);
