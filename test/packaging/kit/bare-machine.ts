import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram } from "../../../src/rehearsal/fleet/run.ts";

/** What the packed agent asks of a machine, and no more. */
const programs = ["sh", "env", "gzip", "ln", "mkdir", "mv", "readlink", "rm", "sync", "tail", "tar"];

/** Fills a folder with glibc (without libstdc++) and a shell's few programs: a root to change to, or an image to build on. */
export function makeBareMachine(folder: string): void {
  const busybox = findProgram("busybox");
  if (busybox === null) throw new Error("busybox is missing");
  for (const name of ["bin", "etc", "proc", "dev", "tmp"]) mkdirSync(path.join(folder, name), { recursive: true });
  copyFileSync(busybox, path.join(folder, "bin/busybox"));
  for (const name of programs) symlinkSync("busybox", path.join(folder, "bin", name));
  writeFileSync(path.join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  for (const file of glibc()) {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    copyFileSync(file, path.join(folder, file));
  }
}

function glibc(): string[] {
  const needed = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
  return [...needed.matchAll(/(\/\S+) \(0x/g)].map(([, file = ""]) => file).filter((file) => !/lib(stdc\+\+|gcc_s)/.test(file));
}
