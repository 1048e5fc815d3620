/** Compose keys about what a container reads and writes: mounts, its own root, memory as folders. */
import type { ContainerExtras, Volume } from "../core/release.ts";
import { pairs } from "./compose-process.ts";
import { given } from "./given.ts";
import { bytes, text, truth } from "./scalars.ts";
import { field, located, oneOrMany, type RecordOf } from "./shape.ts";
import { volumes } from "./volumes.ts";

const tmpfs = oneOrMany(
  text({
    expected: "a path in the container, and options",
    pattern: /^\/[^:]+(:[a-z0-9=,%_-]+)?$/,
    fix: "write a path, such as /tmp or /run:size=64m,mode=1777",
  }),
);

const anyKey = () => null;

export const storageFields = {
  volumes: field(
    located(volumes),
    "Folders of the host, named volumes, and tmpfs. Folders that give power over the host are refused.",
  ),
  tmpfs: field(tmpfs, "Folders in memory, with the options of mount(8)."),
  read_only: field(truth, "true: the container cannot write to its own root."),
  shm_size: field(bytes({ min: 4096, least: "4k" }), "Size of /dev/shm. Default 64m."),
  storage_opt: field(
    pairs({ what: "options", key: anyKey }),
    "Options of the engine's storage driver, such as size. Most engines refuse them.",
  ),
};

type Raw = RecordOf<typeof storageFields>;

export function bindsOf(raw: Raw): readonly Volume[] {
  return (raw.volumes?.value ?? []).flatMap((one) => ("bind" in one ? [one.bind] : []));
}

export function storageExtras(raw: Raw): ContainerExtras {
  const mounts = (raw.volumes?.value ?? []).flatMap((one) => ("mount" in one ? [one.mount] : []));
  return given({
    mounts: mounts.length === 0 ? undefined : mounts,
    tmpfs: raw.tmpfs,
    readOnlyRoot: raw.read_only,
    shmBytes: raw.shm_size,
    storageOptions: raw.storage_opt,
  });
}
