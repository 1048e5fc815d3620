/** `volumes` at the top of a service file, and what the mounts of its containers make of them. */
import type { ContainerSpec, Mount } from "../core/release.ts";
import { pairs } from "./compose-process.ts";
import { given } from "./given.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { text, truth } from "./scalars.ts";
import { field, mapOf, nearest, nothingMeans, type RecordOf, record, refined, type Shape } from "./shape.ts";

const engineName = text({
  expected: "a volume's name",
  pattern: /^[A-Za-z0-9][\w.-]{0,127}$/,
  fix: "use letters, digits, and . _ - after the first",
});

const fields = {
  name: field(engineName, "As the engine knows it. Default: <service>_<name>, as in Compose; when external, the name alone."),
  external: field(truth, "true: it is there already. A host that lacks it fails the swap."),
  driver: field(engineName, "The volume driver. Default: local."),
  driver_opts: field(
    pairs({ what: "options", key: () => null }),
    "Options of the driver. The local driver mounts only nfs, cifs and tmpfs for you: anything else of the host is a bind.",
  ),
  labels: field(pairs({ what: "labels", key: () => null }), "Labels of the volume, when the engine makes it."),
};

type RawVolume = RecordOf<typeof fields>;

/** A volume as declared. */
export type NamedVolume = { readonly key: string; readonly spot: Spot; readonly raw: RawVolume };

const nothing: RawVolume = { name: undefined, external: undefined, driver: undefined, driver_opts: undefined, labels: undefined };

const volume: Shape<RawVolume> = nothingMeans(
  nothing,
  refined(record({ expected: "a map, or nothing", fields }), (raw, spot, report) => {
    const trouble = volumeComplaint(raw);
    if (trouble === null) return { value: { ...nothing, ...raw } };
    report(spot, trouble);
    return null;
  }),
);

/** An option of mount(8) can name any folder or disk of the host, past every check of a bind. */
function volumeComplaint(raw: RawVolume): Complaint | null {
  const { driver = "local", driver_opts, external, labels } = raw;
  const described = raw.driver !== undefined || driver_opts !== undefined || labels !== undefined;
  if (external === true && described)
    return { what: "driver, driver_opts or labels of an external volume", fix: "remove them: it is there already" };
  const { type = "", o = "" } = driver_opts ?? {};
  const ofTheHost = !["nfs", "nfs4", "cifs", "tmpfs"].includes(type) || /(^|,)r?bind(,|$)/.test(o);
  if (driver !== "local" || driver_opts?.["device"] === undefined || !ofTheHost) return null;
  return { what: "device: it gives the container power over the host", fix: "mount the folder as a bind in the container" };
}

export const namedVolumes: Shape<readonly NamedVolume[]> = refined(
  mapOf({
    expected: "a map of volumes",
    key: (key) =>
      /^[A-Za-z0-9][\w.-]{0,62}$/.test(key)
        ? null
        : { what: `${quote(key)} cannot be a volume`, fix: "use letters, digits, and . _ - after the first" },
    value: volume,
  }),
  (all) => ({ value: all.map(({ key, spot, value }) => ({ key, spot, raw: value })) }),
);

type Facts = {
  readonly spec: ContainerSpec;
  /** The file's `name`: what Compose puts before the names of its volumes. */
  readonly project: string;
  readonly declared: readonly NamedVolume[];
  /** Where the container's `volumes` stands. */
  readonly spot: Spot;
  readonly report: Report;
};

/** The spec with each named volume called as the engine knows it. Complains of one that is not declared. */
export function withNamedVolumes(facts: Facts): ContainerSpec {
  const { mounts } = facts.spec;
  return mounts === undefined ? facts.spec : { ...facts.spec, mounts: mounts.map((mount) => named(mount, facts)) };
}

function named(mount: Mount, { project, declared, spot, report }: Facts): Mount {
  if (mount.kind === "tmpfs") return mount;
  const found = declared.find(({ key }) => key === mount.source);
  if (found === undefined) {
    report(spot, undeclared(mount.source, declared));
    return mount;
  }
  const { name, external, driver, driver_opts: driverOptions, labels } = found.raw;
  const source = name ?? (external === true ? found.key : `${project}_${found.key}`);
  const mustExist = external === true ? (true as const) : undefined;
  return { ...mount, source, ...given({ driver, driverOptions, labels, mustExist }) };
}

function undeclared(source: string, declared: readonly NamedVolume[]): Complaint {
  const names = declared.map(({ key }) => key);
  const near = nearest(source, names);
  const fix = near === null ? `declare it at the top: volumes: { ${source}: {} }` : `did you mean "${near}"?`;
  return { what: `the volume ${quote(source)} is not declared`, fix };
}
