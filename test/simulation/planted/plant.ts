/** Puts one planted bug into the source of its file when that is loaded. Call it before anything of the simulation is imported. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { type PlantedBug, plantedBugs } from "./bugs.ts";

const root = new URL("../../../", import.meta.url);

/** Where the bug belongs. */
export function fileOf(bug: PlantedBug): string {
  return fileURLToPath(new URL(bug.file, root));
}

/** The source with the bug in it. Throws when its text does not stand there exactly once. */
export function withBug(bug: PlantedBug, source: string): string {
  const parts = source.split(bug.text);
  if (parts.length !== 2) throw new Error(`${bug.name}: its text stands ${parts.length - 1} times in ${bug.file}, not once`);
  return parts.join(bug.instead);
}

export function plant(name: string): void {
  const bug = plantedBugs.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`there is no planted bug ${name}: ${plantedBugs.map((one) => one.name).join(", ")}`);
  const address = new URL(bug.file, root).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== address) return loaded;
      return { ...loaded, source: withBug(bug, String(loaded.source)) };
    },
  });
}
