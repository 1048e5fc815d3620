import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of its own that can be filled to the last byte. Needs root. */
export type SmallDisk = { readonly folder: string; fill(): void; free(): void; unmount(): void };

export function mountSmallDisk(size: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "gantry-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "gantry-test", folder]);
  const ballast = join(folder, "ballast");

  function fill(): void {
    for (let kilobytes = 4096; kilobytes >= 4; ) {
      try {
        writeFileSync(ballast, Buffer.alloc(kilobytes * 1024), { flag: "a" });
      } catch {
        kilobytes /= 2;
      }
    }
  }

  return {
    folder,
    fill,
    free: () => rmSync(ballast, { force: true }),
    unmount() {
      // Lazily: a server that a failed test left open must not keep the mount.
      execFileSync("umount", ["-l", folder]);
      rmdirSync(folder);
    },
  };
}
