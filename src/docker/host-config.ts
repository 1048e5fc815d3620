/** The part of a create call that says how a container sits on its host. */
import type Dockerode from "dockerode";
import type { BlockIo, ContainerSpec, DeviceLimit, Mount, PublishedPort, Volume } from "../core/release.ts";

/** The engine's fields that were given: one that is absent is the engine's default. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export function portKey(port: PublishedPort): string {
  return `${port.target}/${port.protocol}`;
}

type HostConfig = Dockerode.HostConfig & { readonly Annotations?: Readonly<Record<string, string>> };

export function hostConfigOf(spec: ContainerSpec): HostConfig {
  return {
    NetworkMode: spec.network,
    // A candidate must not come back by itself after a power cut; promotion changes this.
    RestartPolicy: { Name: "no" },
    ...limitsOf(spec),
    ...storageOf(spec),
    ...rightsOf(spec),
    ...networkOf(spec),
    ...present({ LogConfig: logOf(spec), Init: spec.init, Runtime: spec.runtime, Annotations: copied(spec.annotations) }),
  };
}

function limitsOf(spec: ContainerSpec): Dockerode.HostConfig {
  return {
    Ulimits: spec.ulimits.map((u) => ({ Name: u.name, Soft: u.soft, Hard: u.hard })),
    ...present({
      Memory: spec.memoryBytes ?? undefined,
      NanoCpus: spec.cpus === null ? undefined : Math.round(spec.cpus * 1e9),
      MemoryReservation: spec.memoryReservationBytes,
      MemorySwap: spec.memorySwapBytes,
      MemorySwappiness: spec.memorySwappiness,
      CpuShares: spec.cpuShares,
      CpuQuota: spec.cpuQuotaUs,
      CpuPeriod: spec.cpuPeriodUs,
      CpusetCpus: spec.cpuset,
      PidsLimit: spec.pidsLimit,
      OomScoreAdj: spec.oomScoreAdj,
    }),
    ...blockIoOf(spec.blockIo ?? {}),
  };
}

function blockIoOf(blockIo: BlockIo): Dockerode.HostConfig {
  const limits = (list: readonly DeviceLimit[] | undefined) => list?.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return present({
    BlkioWeight: blockIo.weight,
    BlkioWeightDevice: blockIo.weightDevice?.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: limits(blockIo.readBps),
    BlkioDeviceReadIOps: limits(blockIo.readIops),
    BlkioDeviceWriteBps: limits(blockIo.writeBps),
    BlkioDeviceWriteIOps: limits(blockIo.writeIops),
  });
}

function storageOf(spec: ContainerSpec): Dockerode.HostConfig {
  const mounts = [...spec.volumes.filter((v) => v.mustExist).map(strictBind), ...(spec.mounts ?? []).map(mountOf)];
  return {
    // The engine makes a folder that is missing for these, and for no others.
    Binds: spec.volumes.filter((v) => !v.mustExist).map(bindOf),
    ...present({
      Mounts: mounts.length === 0 ? undefined : mounts,
      Tmpfs: spec.tmpfs === undefined ? undefined : Object.fromEntries(spec.tmpfs.map(tmpfsOf)),
      ShmSize: spec.shmBytes,
      ReadonlyRootfs: spec.readOnlyRoot,
      StorageOpt: copied(spec.storageOptions),
    }),
  };
}

function bindOf(volume: Volume): string {
  const options = [volume.readOnly ? "ro" : "rw", volume.selinux, volume.propagation].filter((word) => word !== undefined);
  return `${volume.source}:${volume.target}:${options.join(",")}`;
}

function strictBind(volume: Volume): Dockerode.MountSettings {
  const { source: Source, target: Target, readOnly: ReadOnly, propagation } = volume;
  const options = propagation === undefined ? {} : { BindOptions: { Propagation: propagation } };
  return { Type: "bind", Source, Target, ReadOnly, ...options };
}

function mountOf(mount: Mount): Dockerode.MountSettings {
  if (mount.kind === "tmpfs") {
    const options = present({ SizeBytes: mount.bytes, Mode: mount.mode });
    return { Type: "tmpfs", Target: mount.target, TmpfsOptions: options } as unknown as Dockerode.MountSettings;
  }
  const { driver, driverOptions } = mount;
  const options = present({
    NoCopy: mount.noCopy,
    Labels: copied(mount.labels),
    DriverConfig:
      driver === undefined && driverOptions === undefined
        ? undefined
        : { Name: driver ?? "local", Options: { ...driverOptions } },
  });
  const place = { Type: "volume" as const, Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly };
  return { ...place, VolumeOptions: options } as unknown as Dockerode.MountSettings;
}

function tmpfsOf(line: string): [string, string] {
  const [target = "", ...options] = line.split(":");
  return [target, options.join(":")];
}

function rightsOf(spec: ContainerSpec): Dockerode.HostConfig {
  return present({
    CapAdd: listed(spec.capAdd),
    CapDrop: listed(spec.capDrop),
    SecurityOpt: listed(spec.securityOptions),
    GroupAdd: listed(spec.groupAdd),
    IpcMode: spec.ipc,
    CgroupnsMode: spec.cgroup,
    Sysctls: copied(spec.sysctls),
  });
}

function networkOf(spec: ContainerSpec): Dockerode.HostConfig {
  return present({
    Dns: listed(spec.dns),
    DnsSearch: listed(spec.dnsSearch),
    DnsOptions: listed(spec.dnsOptions),
    ExtraHosts: listed(spec.extraHosts),
    PortBindings: bindingsOf(spec.ports),
  });
}

function bindingsOf(
  ports: readonly PublishedPort[] | undefined,
): Record<string, { HostIp: string; HostPort: string }[]> | undefined {
  if (ports === undefined) return undefined;
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), { HostIp: port.address ?? "", HostPort: port.published }];
  }
  return bindings;
}

function logOf(spec: ContainerSpec): { Type: string; Config: Record<string, string> } | undefined {
  if (spec.logging !== null) return { Type: spec.logging.driver, Config: { ...spec.logging.options } };
  return spec.logOptions === undefined ? undefined : { Type: "", Config: { ...spec.logOptions } };
}

function listed(list: readonly string[] | undefined): string[] | undefined {
  return list === undefined ? undefined : [...list];
}

function copied(map: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  return map === undefined ? undefined : { ...map };
}
