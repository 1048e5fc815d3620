/** The gate's program: built from gate.c by the project's scripts, or by the agent where the host has a C compiler. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, constants, copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const source = fileURLToPath(new URL("gate.c", import.meta.url));
const built = fileURLToPath(new URL("../../../build", import.meta.url));
const buildMs = 60_000;
/** Static, because it runs in images of every kind. */
const flags = ["-static", "-Os", "-s", "-Wall", "-Wextra"];

/** `npm run gate`: makes the program where agents that start from this folder look for it. Rejects when it cannot be compiled. */
export async function buildGate(): Promise<string> {
  const file = join(built, await programName());
  if (!(await isThere(file))) await compile(file);
  return file;
}

/** The program's path in `dir`, on the file system of the gates; or why there is none. */
export async function provideGate(dir: string): Promise<{ readonly program: string } | { readonly why: string }> {
  const name = await programName();
  const program = join(dir, name);
  try {
    if (await isThere(program)) return { program };
    const ready = join(built, name);
    if (await isThere(ready)) await place(program, (to) => copyFile(ready, to));
    else await compile(program);
    return { program };
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const lines = message.trim().split("\n");
    return { why: code === "ENOENT" ? "it is not built, and there is no gcc here to build it" : (lines[1] ?? lines[0] ?? "") };
  }
}

/** Named after what it was made from: a new version is another program. */
async function programName(): Promise<string> {
  const hash = createHash("sha256").update(await readFile(source));
  return `gate-${process.arch}-${hash.update(flags.join(" ")).digest("hex").slice(0, 12)}`;
}

async function compile(to: string): Promise<void> {
  await place(to, async (file) => {
    await run("gcc", [...flags, "-o", file, source], { timeout: buildMs });
  });
}

/** Whole or not at all, also when two agents do it at once. */
async function place(to: string, make: (file: string) => Promise<void>): Promise<void> {
  await mkdir(join(to, ".."), { recursive: true });
  const draft = `${to}.${process.pid}`;
  try {
    await make(draft);
    await chmod(draft, 0o755);
    await rename(draft, to);
  } finally {
    await rm(draft, { force: true });
  }
}

async function isThere(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
