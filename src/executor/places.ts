/**
 * Where the source of a bind really is. The engine follows links anew at every start, long after this look, so the path that
 * is passed on has none, and nobody but root can put one there: each folder above it is root's alone. (The policy's reader
 * sees to it that none of them is given to a container either.)
 */
import { lstat, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ContainerSpec } from "../core/release.ts";
import type { Place, Places } from "./judge.ts";

const root = 0;
export const writableByOthers = 0o022;

export async function placesOf(spec: Pick<ContainerSpec, "volumes">): Promise<Places> {
  const sources = [...new Set(spec.volumes.map(({ source }) => source))];
  return new Map(await Promise.all(sources.map(async (source) => [source, await placeOf(source)] as const)));
}

/** One that is not there yet is the folder that the engine would make. */
async function placeOf(source: string): Promise<Place> {
  // The engine splits a bind at colons.
  const isPlain = /^\/[^:\p{Cc}]*$/u.test(source) && !source.split("/").includes("..") && source.length < 4_096;
  if (!isPlain) return { path: source, trouble: "not a plain absolute path" };
  try {
    const path = await resolved(source);
    if (/[:\p{Cc}]/u.test(path)) return { path, trouble: "its real path is not plain" };
    return { path, trouble: (await whoeverMayPutAnother(path)) ?? (await strange(path)) };
  } catch (thrown) {
    return { path: source, trouble: (thrown as Error).message };
  }
}

async function resolved(path: string): Promise<string> {
  const plain = path.replace(/(.)\/+$/, "$1");
  try {
    return await realpath(plain);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT" || plain === "/") throw thrown;
    if ((await lstat(plain).catch(() => null)) !== null) throw new Error("a link to nothing");
    return join(await resolved(dirname(plain)), basename(plain));
  }
}

/** Whether somebody but root could put something else in the place of the path: null, or where. */
export async function whoeverMayPutAnother(path: string): Promise<string | null> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const facts = await stat(folder).catch(() => null);
    if (facts !== null && (facts.uid !== root || (facts.mode & writableByOthers) !== 0))
      return `others than root can change what is in ${folder}`;
    if (folder === "/") return null;
  }
}

async function strange(path: string): Promise<string | null> {
  const facts = await lstat(path).catch(() => null);
  if (facts === null || facts.isDirectory() || facts.isFile()) return null;
  return facts.isSocket() ? "a socket" : "neither a folder nor a file";
}
