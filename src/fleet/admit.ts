/** Decides about an agent's introduction. */
import type { FleetDesk, HostIdentity } from "../app/ports.ts";
import { type ReasonCode, reasons } from "../core/reasons.ts";
import type { Head } from "../core/slot.ts";
import { verifyClaim } from "./proof.ts";
import { type Introduction, parseFromAgent, protocolVersion, versionOf } from "./protocol.ts";

export type Admission =
  | {
      readonly host: string;
      readonly instance: string;
      readonly agentVersion: string;
      readonly labels: Readonly<Record<string, string>>;
      /** How much it has heard of this server; old agents do not say. */
      readonly known: { readonly head?: Head; readonly epoch?: number };
      /** What it says that it can; old agents say nothing. */
      readonly can: readonly string[];
    }
  | { readonly refused: ReasonCode; readonly text: string };

/**
 * `rivalOf` says whether another live agent is connected as this host; `evict` ends its connection whatever it is. `labels` of
 * the admission are those that the agent was started with; the desk knows those that count.
 */
export async function admit(facts: {
  raw: string;
  nonce: string;
  desk: FleetDesk;
  rivalOf: (host: string, instance: string) => Promise<boolean>;
  evict: (host: string) => void;
}): Promise<Admission> {
  const { raw, nonce, desk, rivalOf, evict } = facts;
  const version = versionOf(raw);
  if (version !== protocolVersion) {
    const theirs = version === null ? "no version" : `version ${version}`;
    return { refused: "incompatible_agent", text: `this server speaks protocol ${protocolVersion}, the agent ${theirs}` };
  }
  const parsed = parseFromAgent(raw);
  if (!parsed.ok || (parsed.message.type !== "enrol" && parsed.message.type !== "prove")) {
    return { refused: "incompatible_agent", text: `the introduction is not understood${parsed.ok ? "" : `: ${parsed.why}`}` };
  }
  const intro = parsed.message;
  // The signature comes first: a token is spent only by one who holds the key that will be pinned.
  const identity = identify({ intro, nonce, desk });
  if ("refused" in identity) return { refused: identity.refused, text: reasons[identity.refused].title };
  const { name: host } = identity;
  // Whoever is connected as this host was let in by the key that this enrolment has replaced.
  if (intro.type === "enrol") evict(host);
  if (await rivalOf(host, intro.instance)) {
    return { refused: "duplicate_agent", text: `another agent is connected as ${host}` };
  }
  const { instance, agentVersion, labels, head, epoch, can = [] } = intro;
  const known = { ...(head === undefined ? {} : { head }), ...(epoch === undefined ? {} : { epoch }) };
  return { host, instance, agentVersion, labels, known, can };
}

function identify(facts: { intro: Introduction; nonce: string; desk: FleetDesk }): HostIdentity | { refused: ReasonCode } {
  const { intro, nonce, desk } = facts;
  const { name, signature, labels } = intro;
  const claim = { purpose: intro.type, nonce, serverId: desk.serverId(), name };
  if (intro.type === "enrol") {
    const { publicKey, token } = intro;
    if (!verifyClaim(claim, { publicKey, signature })) return { refused: "bad_proof" };
    return desk.enrol({ token, name, publicKey, labels });
  }
  const known = desk.identity(name);
  if ("refused" in known) return known;
  return verifyClaim(claim, { publicKey: known.publicKey, signature }) ? known : { refused: "bad_proof" };
}
