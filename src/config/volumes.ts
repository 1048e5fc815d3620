/** Bind mounts: which host paths a container may see. */
import { posix } from "node:path";
import type { Volume } from "../core/release.ts";
import { type Complaint, quote } from "./raw.ts";
import { oneOf, text, truth } from "./scalars.ts";
import { byKind, field, listOf, record, refined, type Shape, scalar } from "./shape.ts";

/** Whoever can write here owns the host, whatever user the container has. */
const wholeTrees = ["/proc", "/sys", "/boot", "/var/lib/docker", "/var/lib/containerd", "/run/docker", "/run/containerd"];
const exactPaths = ["/", "/dev", "/etc", "/run", "/usr", "/bin", "/sbin", "/lib", "/root", "/home", "/var", "/var/lib"];

/** What is wrong with a path on the host, or null. */
function hostPathComplaint(source: string): Complaint | null {
  if (!source.startsWith("/")) {
    const named = /^[A-Za-z0-9][\w.-]*$/.test(source);
    if (named)
      return {
        what: `the named volume ${quote(source)}`,
        fix: "write an absolute path of the host: named volumes are not supported yet",
      };
    return { what: `${quote(source)} is not an absolute path`, fix: "write the path on the host in full, such as /srv/api/data" };
  }
  if (source.split("/").includes("..")) return { what: `${quote(source)} goes up (..)`, fix: "write the path without .." };
  const path = posix
    .normalize(source)
    .replace(/(.)\/$/, "$1")
    .replace(/^\/var\/run(?=\/|$)/, "/run");
  const forbidden =
    exactPaths.includes(path) ||
    wholeTrees.some((tree) => path === tree || path.startsWith(`${tree}/`)) ||
    /\/(docker|containerd|podman|crio)\.sock$/.test(path);
  if (!forbidden) return null;
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

const shortForm: Shape<Volume> = scalar({
  expected: "source:target or source:target:ro",
  schema: { type: "string", pattern: "^/[^:]*:/[^:]+(:r[ow])?$" },
  parse(line) {
    const [source = "", target, mode = "rw", ...rest] = line.split(":");
    if (target === undefined)
      return { what: `${quote(line)} has no source`, fix: "write source:target: anonymous volumes are not supported" };
    const trouble = hostPathComplaint(source) ?? targetComplaint(target);
    if (trouble !== null) return trouble;
    if (rest.length === 0 && (mode === "ro" || mode === "rw")) return { value: { source, target, readOnly: mode === "ro" } };
    return { what: `the mount option ${quote([mode, ...rest].join(":"))}`, fix: "write ro, rw or nothing" };
  },
});

const longFields = {
  type: field(
    oneOf(["bind"], { volume: { what: "a named volume", fix: "write type: bind with an absolute path of the host" } }),
    "Always bind.",
  ),
  source: field(text({ expected: "a path on the host" }), "Absolute path on the host."),
  target: field(text({ expected: "a path in the container" }), "Absolute path in the container."),
  read_only: field(truth, "Default false."),
};

const longForm: Shape<Volume> = refined(
  record({ expected: "a mount with type, source and target", fields: longFields }),
  ({ type, source, target, read_only }, spot, report) => {
    if (type === undefined || source === undefined || target === undefined) {
      report(spot, { what: "a mount without type, source or target", fix: "write type: bind, source: and target:" });
      return null;
    }
    const trouble = hostPathComplaint(source) ?? targetComplaint(target);
    if (trouble !== null) report(spot, trouble);
    return trouble === null ? { value: { source, target, readOnly: read_only ?? false } } : null;
  },
);

const expected = "source:target, source:target:ro or a map with type: bind";

export const volumes: Shape<readonly Volume[]> = refined(
  listOf(byKind({ expected, text: shortForm, map: longForm }), { expected: "a list of mounts" }),
  (mounts, spot, report) => {
    const twice = mounts.find((mount, at) => mounts.findIndex((other) => other.target === mount.target) < at);
    if (twice === undefined) return { value: mounts };
    report(spot, { what: `two mounts on ${twice.target}`, fix: "keep one of the two" });
    return null;
  },
);
