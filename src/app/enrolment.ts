/** How hosts join: a one-time token for a name and labels, spent once for a key. */
import { createHash, randomBytes } from "node:crypto";
import type { GantryConfig } from "../config/valid.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { Conductor } from "./conductor.ts";
import { environmentOf } from "./membership.ts";
import { hasLabels } from "./planner.ts";
import type { Clock, FleetDesk, HostIdentity, Log } from "./ports.ts";
import type { Store } from "./store.ts";

/** How long an enrolment token may be used. */
const tokenLifeMs = 60 * 60_000;

type Labels = Readonly<Record<string, string>>;

/** A one-time token for a host; only its hash is stored. */
export function makeToken(store: Store, facts: { name: string; labels: Labels; at: number }): string {
  const token = `gnt_${randomBytes(24).toString("base64url")}`;
  const { name, labels, at } = facts;
  store.hosts.addToken({ tokenHash: hashOf(token), name, labels, at, expiresAt: at + tokenLifeMs });
  return token;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export function createEnrolment(parts: {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly conductor: () => Conductor;
}): Pick<FleetDesk, "enrol" | "identity"> {
  const { store, config, clock, log } = parts;

  /** Labels count at enrolment only, so this is where a host changes environments: rollouts of the old ones wait for it no more. */
  function leave(host: string, labels: Labels): void {
    for (const state of parts.conductor().active()) {
      const settings = environmentOf(config, state);
      if (settings === null || hasLabels(labels, settings.hosts)) continue;
      if (!state.hosts.some((h) => h.host === host)) continue;
      parts.conductor().tell(state.number, { type: "host_left", at: clock.now(), host, answers: false });
    }
  }

  return {
    enrol(facts) {
      const { name, publicKey } = facts;
      return parts.conductor().atomically(() => {
        const spent = store.hosts.spendToken({ tokenHash: hashOf(facts.token), name, at: clock.now() });
        if (spent === null) return { refused: "bad_token" as const };
        const labels = { ...facts.labels, ...spent.labels };
        store.hosts.put({ name, labels, publicKey, at: clock.now() });
        store.history.act({ at: clock.now(), kind: "enrolled", by: null, facts: { host: name, labels, publicKey } });
        leave(name, labels);
        log.info({ host: name, labels }, "host enrolled");
        return { name, publicKey, labels };
      });
    },
    identity(name): HostIdentity | { readonly refused: ReasonCode } {
      const host = store.hosts.find(name);
      if (host === null) return { refused: "unknown_host" };
      if (host.revokedAt !== null) return { refused: "host_revoked" };
      return { name: host.name, publicKey: host.publicKey, labels: host.labels };
    },
  };
}
