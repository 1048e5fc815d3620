import type { FleetDesk, HostIdentity } from "../../../src/app/ports.ts";
import type { DesiredPicture, DesiredSlot, Head, ObservedPicture, ObservedSlot, PrepareImage } from "../../../src/core/slot.ts";

/** A server's desk with nothing behind it: what tests desire, and what agents reported. */
export type TestDesk = FleetDesk & {
  serverIdentity: { id: string; epoch: number; head?: Head };
  /** Whether the server is frozen: it has nothing to say. */
  frozen: boolean;
  readonly tokens: Map<string, { readonly name: string }>;
  readonly identities: Map<string, HostIdentity>;
  readonly revoked: Set<string>;
  readonly connections: {
    readonly host: string;
    readonly agentVersion: string;
    readonly labels: object;
    readonly head?: Head;
    readonly epoch?: number;
  }[];
  readonly disconnections: string[];
  /** Replaces the order for one slot. Tell the hub with `nudge`. */
  desire(host: string, slot: DesiredSlot): void;
  prepareImages(host: string, prepare: readonly PrepareImage[]): void;
  pictureOf(host: string): ObservedPicture | null;
  /** Resolves with the first picture, from now on or already here, that `wanted` takes. */
  seen(host: string, wanted: (picture: ObservedPicture) => boolean, deadlineMs?: number): Promise<ObservedPicture>;
  /** The slot's report once its generation has an outcome. */
  settled(host: string, generation: number, deadlineMs?: number): Promise<ObservedSlot>;
  readonly steps: string[];
};

export function createTestDesk(): TestDesk {
  const desired = new Map<string, { slots: DesiredSlot[]; prepare: readonly PrepareImage[] }>();
  const pictures = new Map<string, ObservedPicture>();
  const listeners = new Set<() => void>();
  const pictureFor = (host: string) => desired.get(host) ?? { slots: [], prepare: [] };
  const desk: TestDesk = {
    serverIdentity: { id: "server-1", epoch: 1 },
    tokens: new Map(),
    identities: new Map(),
    revoked: new Set(),
    connections: [],
    disconnections: [],
    steps: [],
    serverId: () => desk.serverIdentity.id,
    epoch: () => desk.serverIdentity.epoch,
    head: () => desk.serverIdentity.head ?? { seq: 0, hash: "" },
    frozen: false,
    enrol({ token, name, publicKey, labels }) {
      if (desk.tokens.get(token)?.name !== name) return { refused: "bad_token" };
      desk.tokens.delete(token);
      const identity = { name, publicKey, labels: { ...labels, fromToken: "yes" } };
      desk.identities.set(name, identity);
      return identity;
    },
    identity(name) {
      if (desk.revoked.has(name)) return { refused: "host_revoked" };
      return desk.identities.get(name) ?? { refused: "unknown_host" };
    },
    connected: (facts) => void desk.connections.push(facts),
    disconnected: (host) => void desk.disconnections.push(host),
    desired(host): DesiredPicture | null {
      const { id: serverId, epoch, head } = desk.serverIdentity;
      if (desk.frozen) return null;
      return { serverId, epoch, ...(head === undefined ? {} : { head }), ...pictureFor(host) };
    },
    observed(host, picture) {
      pictures.set(host, picture);
      for (const slot of picture.slots) {
        const line = `g${slot.generation} ${slot.step}`;
        if (desk.steps.at(-1) !== line) desk.steps.push(line);
      }
      for (const listener of [...listeners]) listener();
    },
    desire(host, slot) {
      const { slots, prepare } = pictureFor(host);
      const others = slots.filter((s) => s.service !== slot.service || s.environment !== slot.environment);
      desired.set(host, { slots: [...others, slot], prepare });
    },
    prepareImages: (host, prepare) => void desired.set(host, { ...pictureFor(host), prepare }),
    pictureOf: (host) => pictures.get(host) ?? null,
    seen(host, wanted, deadlineMs = 20_000) {
      return new Promise((resolve, reject) => {
        const check = () => {
          const picture = pictures.get(host);
          if (picture === undefined || !wanted(picture)) return;
          clearTimeout(timer);
          listeners.delete(check);
          resolve(picture);
        };
        const timer = setTimeout(() => {
          listeners.delete(check);
          reject(new Error(`not seen within ${deadlineMs} ms; last: ${JSON.stringify(pictures.get(host), null, 1)}`));
        }, deadlineMs);
        listeners.add(check);
        check();
      });
    },
    async settled(host, generation, deadlineMs) {
      const isIt = (slot: ObservedSlot) => slot.generation === generation && slot.outcome !== null;
      const picture = await desk.seen(host, (p) => p.slots.some(isIt), deadlineMs);
      return picture.slots.find(isIt) as ObservedSlot;
    },
  };
  return desk;
}
