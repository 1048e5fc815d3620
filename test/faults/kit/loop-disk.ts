/**
 * An ext4 file system in a file, whose power can be cut: what it has not flushed is not in the file. Needs root, so a file that imports
 * this runs in the group of those on real Docker hosts.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../kit/leaks.ts";

export type LoopDisk = {
  readonly folder: string;
  /** The disk as it would be found if the power went now, repaired by its journal; goes with the first. */
  afterPowerCut(): { readonly folder: string };
  /** Fills it to the last byte, and gives that room back. */
  fill(): void;
  free(): void;
  remove(): void;
};

const prefix = "gantry-loop-";

/** `commit=300`: the file system flushes nothing by itself for five minutes; only who asks for it (fsync) gets it on the disk. */
export function mountLoopDisk(megabytes: number): LoopDisk {
  sweep();
  const base = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  const mounts: string[] = [];
  let cuts = 0;

  function mount(image: string, name: string): string {
    const folder = join(base, name);
    mkdirSync(folder);
    execFileSync("mount", ["-o", "loop,commit=300", image, folder]);
    mounts.push(folder);
    return folder;
  }

  function remove(): void {
    for (const folder of mounts.splice(0).reverse()) unmount(folder);
    rmSync(base, { recursive: true, force: true });
  }

  try {
    const image = join(base, "disk");
    execFileSync("truncate", ["-s", `${megabytes}M`, image]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", image]);
    const folder = mount(image, "mnt");
    const ballast = join(folder, "ballast");
    return {
      folder,
      afterPowerCut() {
        cuts += 1;
        const copy = join(base, `disk-${cuts}`);
        execFileSync("cp", ["--sparse=always", image, copy]);
        return { folder: mount(copy, `mnt-${cuts}`) };
      },
      fill() {
        mkdirSync(ballast, { recursive: true });
        // Each ends when there is no room left: first in large, then the last blocks one by one.
        const large = `dd if=/dev/zero of=${ballast}/large bs=4k conv=fsync 2>/dev/null`;
        const blocks = `i=0; while echo block > ${ballast}/$i 2>/dev/null && sync ${ballast}/$i; do i=$((i+1)); done`;
        execFileSync("sh", ["-c", `${large}; ${blocks}`], { stdio: "ignore" });
      },
      free: () => rmSync(ballast, { recursive: true, force: true }),
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Lazily: a server that a failed test left open must not keep the mount. */
function unmount(folder: string): void {
  execFileSync("umount", ["-l", folder]);
}

/** What a killed test left behind. */
function sweep(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(prefix))) {
    const owner = Number(name.slice(prefix.length).split("-")[0]);
    if (isAlive(owner)) continue;
    const base = join(tmpdir(), name);
    for (const mount of readdirSync(base).filter((each) => each.startsWith("mnt"))) {
      try {
        unmount(join(base, mount));
      } catch {
        // It was not mounted any more.
      }
    }
    rmSync(base, { recursive: true, force: true });
  }
}
