/**
 * The engine as one host sees it. Two agents on one engine (a copied state directory, a socket that was passed on) would each
 * take the other's containers for leftovers, so every container names its host, and those of another host are left alone.
 */
import type { Log } from "../app/ports.ts";
import type { ContainerState, Engine } from "./engine.ts";
import { hostLabel } from "./labels.ts";

/** Containers without the label, of an earlier agent, count as this host's. */
export function createOwnEngine(facts: { engine: Engine; host: string; log: Log }): Engine {
  const { engine, host, log } = facts;
  const told = new Set<string>();
  const isOurs = (owner: string | null | undefined) => owner === undefined || owner === null || owner === host;

  function tell({ id, name, labels }: ContainerState): void {
    if (told.has(id)) return;
    told.add(id);
    const owner = labels[hostLabel];
    log.warn({ container: name, owner, host }, "leaves a container of another host alone: no two agents may share an engine");
  }

  return {
    ...engine,
    async list(key) {
      const all = await engine.list(key);
      const others = all.filter((c) => !isOurs(c.labels[hostLabel]));
      for (const other of others) tell(other);
      return all.filter((c) => !others.includes(c));
    },
    create: (order) => engine.create({ ...order, labels: { ...order.labels, [hostLabel]: host } }),
    clone: (order) => engine.clone({ ...order, labels: { ...order.labels, [hostLabel]: host } }),
    watch: ({ onEvent, onEnd }) => engine.watch({ onEvent: (event) => (isOurs(event.host) ? onEvent(event) : undefined), onEnd }),
  };
}
