/** What helps a swap on this host. Each is optional: without it the old container stops first and the new one starts then. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Log } from "../app/ports.ts";
import type { ProxySpec } from "../core/swap.ts";
import { openConnections } from "./connections.ts";
import { createGates, type Gates } from "./gate/gates.ts";
import { provideGate } from "./gate/program.ts";
import { createHaproxy } from "./haproxy.ts";
import { createHolder, type Holder } from "./hold/holder.ts";
import { createRedirect } from "./hold/redirect.ts";
import type { ProxyPort } from "./proxy.ts";

export type SwapTools = {
  readonly gates: Gates | null;
  readonly holder: Holder | null;
  readonly proxyOf: (spec: ProxySpec) => ProxyPort;
  readonly openConnections: typeof openConnections;
};

export const plainTools: SwapTools = { gates: null, holder: null, proxyOf, openConnections };

/** `gate`: false leaves it out although this host could. */
export async function openSwapTools(facts: { stateDir: string; gate: boolean; log: Log }): Promise<SwapTools> {
  const { stateDir, gate, log } = facts;
  const found = gate ? await provideGate(stateDir) : { why: "it is switched off" };
  if ("why" in found) log.info({ why: found.why }, "no gate: the new container starts when the old one has stopped");
  const gates = createGates({ dir: join(stateDir, "gates"), program: "why" in found ? null : found.program });
  // Agents of one network namespace have state directories of their own.
  const mark = createHash("sha256").update(stateDir).digest("hex").slice(0, 8);
  return { ...plainTools, gates, holder: createHolder(createRedirect(`gantry_hold_${mark}`)) };
}

function proxyOf(spec: ProxySpec): ProxyPort {
  switch (spec.kind) {
    case "haproxy":
      return createHaproxy(spec);
  }
}
