import type { Engine } from "./engine.ts";

/**
 * Names in the paths that anybody's containers have mounted: a folder of such a name is not to be removed. An agent in a container,
 * or behind a link, sees its folders below another path than the engine does, so that only names can be compared.
 */
export async function mountedNames(engine: Pick<Engine, "mounts">): Promise<readonly string[]> {
  return (await engine.mounts()).flatMap((path) => path.split("/"));
}
