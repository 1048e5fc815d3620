import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "node:test";
import { fileURLToPath } from "node:url";
import { type OpenedStore, openStore } from "../../src/sqlite/open.ts";

export const migrations = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Data folders of a test file, removed after each test, with the stores that it left open. */
export function dataFolders(): { folder: () => string; open: (folder: string) => OpenedStore } {
  const folders: string[] = [];
  const stores: OpenedStore[] = [];
  afterEach(() => {
    for (const store of stores.splice(0)) store.close();
    for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
  });
  return {
    folder() {
      const made = mkdtempSync(join(tmpdir(), "gantry-store-"));
      folders.push(made);
      return made;
    },
    open(folder) {
      const store = openStore({ folder, migrations });
      stores.push(store);
      return store;
    },
  };
}
