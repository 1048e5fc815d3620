/** Folders with something wrong in them, to prove that the guards can see. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { projectRoot } from "../../scripts/checks.ts";

/** Path below the folder to content. */
export type Planted = Readonly<Record<string, string>>;

/** A new folder with these files, and copies of what is named of the project. Removed when the work is done. */
export async function withFolder<T>(
  facts: { readonly files: Planted; readonly copies?: readonly string[] },
  work: (folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "gantry-planted-"));
  try {
    for (const name of facts.copies ?? []) cpSync(path.join(projectRoot, name), path.join(folder, name), { recursive: true });
    for (const [file, text] of Object.entries(facts.files)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
