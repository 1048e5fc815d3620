/** Puts one planted bug into the source of its file when that is loaded. Call it before anything of the simulation is imported. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { type PlantedBug, plantedBugs } from "./bugs.ts";

const root = new URL("../../../", import.meta.url);

export type Edit = PlantedBug["edits"][number];

/** Where the edit belongs. */
export function fileOf({ file }: Edit): string {
  return fileURLToPath(new URL(file, root));
}

/** The source with the edit made. Throws when its text does not stand there exactly once. */
export function withEdit({ file, text, instead }: Edit, source: string): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`this stands ${parts.length - 1} times in ${file}, not once: ${text}`);
  return parts.join(instead);
}

export function plant(name: string): void {
  const bug = plantedBugs.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`there is no planted bug ${name}: ${plantedBugs.map((one) => one.name).join(", ")}`);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const edits = bug.edits.filter(({ file }) => new URL(file, root).href === url);
      if (edits.length === 0) return loaded;
      return { ...loaded, source: edits.reduce((source, edit) => withEdit(edit, source), String(loaded.source)) };
    },
  });
}
