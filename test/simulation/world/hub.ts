/** The server's end of the wires: decides as src/fleet/hub.ts and admit.ts do, without sockets, signatures and JSON. */
import type { Clock, Fleet, FleetDesk, Log } from "../../../src/app/ports.ts";
import { agentCan } from "../../../src/core/abilities.ts";
import type { DesiredPicture, Head, ObservedPicture } from "../../../src/core/slot.ts";
import { toldAt } from "../../../src/fleet/freshness.ts";
import type { Wire } from "./network.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** What an agent says of itself. The simulation has no keys: what proves the host is `key`. */
export type Introduction = {
  readonly host: string;
  readonly key: string;
  readonly instance: string;
  readonly agentVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly head?: Head;
  readonly epoch?: number;
};

/** How far the server is, and whether it asks what the agent was told: what the challenge and the welcome of src/fleet say. */
export type ServerSays = { readonly epoch: number; readonly head: Head; readonly orders: boolean };

export type FromServer =
  | ({ readonly type: "welcome"; readonly serverId: string } & ServerSays)
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "desired"; readonly picture: DesiredPicture; readonly asked: number };
export type FromAgent =
  | { readonly type: "introduction"; readonly introduction: Introduction }
  | { readonly type: "observed"; readonly picture: ObservedPicture; readonly answers: number };

export type SimHub = Fleet & {
  accept(wire: Wire): { onMessage(message: unknown): void; onClose(): void };
  /** Every connection, for the end of the process. */
  wires(): readonly Wire[];
  /** Its process goes on after so long that every agent has given it up. */
  stoodStill(): void;
};

type Connection = {
  readonly wire: Wire;
  host: string | null;
  instance: string;
  nudged: boolean;
  askedAt: number;
  toldAt: number;
};

const rivalMs = 2_000;
const beatMs = 5_000;

export function createSimHub(facts: {
  readonly desk: FleetDesk;
  readonly clock: Clock;
  readonly log: Log;
  readonly life: Life;
  readonly scheduler: Scheduler;
  readonly onSent: (host: string, picture: DesiredPicture) => void;
  readonly onHeard: (host: string, picture: ObservedPicture, instance: string) => void;
  readonly onTaken: (host: string, picture: ObservedPicture) => void;
  readonly onFault: (error: unknown) => void;
}): SimHub {
  const { desk, clock, life, scheduler } = facts;
  const connections = new Set<Connection>();
  const byHost = new Map<string, Connection>();
  let stood = false;

  function say(connection: Connection, message: FromServer): void {
    connection.wire.send("server", message);
  }

  function refuse(connection: Connection, reason: string): void {
    say(connection, { type: "refused", reason });
    connection.wire.close("server");
  }

  function introduce(connection: Connection, introduction: Introduction): void {
    const known = desk.identity(introduction.host);
    if ("refused" in known) {
      refuse(connection, known.refused);
      return;
    }
    if (known.publicKey !== introduction.key) {
      refuse(connection, "bad_proof");
      return;
    }
    const rival = byHost.get(introduction.host);
    if (rival === undefined || rival.instance === introduction.instance) {
      if (rival !== undefined) end(rival);
      settle(connection, introduction);
      return;
    }
    const answers = rival.wire.answersPing();
    scheduler.after(answers ? 20 : rivalMs, life, () => {
      const stays = answers && byHost.get(introduction.host) === rival;
      if (!stays) end(rival);
      if (stays) refuse(connection, "duplicate_agent");
      else settle(connection, introduction);
    });
  }

  function settle(connection: Connection, introduction: Introduction): void {
    const { host, agentVersion, labels, head, epoch } = introduction;
    if (!connection.wire.isOpen("server")) return;
    if (byHost.has(host)) {
      refuse(connection, "duplicate_agent");
      return;
    }
    connection.host = host;
    connection.instance = introduction.instance;
    byHost.set(host, connection);
    const says = { serverId: desk.serverId(), epoch: desk.epoch(), head: desk.head() };
    try {
      desk.connected({ host, agentVersion, labels, ...(head && { head }), ...(epoch !== undefined && { epoch }) });
      say(connection, { type: "welcome", ...says, orders: desk.desired(host) === null });
    } catch (error) {
      fault(connection, error);
      return;
    }
    sendDesired(connection);
  }

  function sendDesired(connection: Connection): void {
    const { host } = connection;
    if (host === null || byHost.get(host) !== connection) return;
    try {
      const picture = desk.desired(host);
      if (picture === null) return;
      facts.onSent(host, picture);
      connection.askedAt = clock.now();
      say(connection, { type: "desired", picture, asked: connection.askedAt });
    } catch (error) {
      fault(connection, error);
    }
  }

  function hear(connection: Connection, message: FromAgent): void {
    if (message.type === "introduction") {
      introduce(connection, message.introduction);
      return;
    }
    const { host } = connection;
    if (endsAllAfterStandstill() || host === null || byHost.get(host) !== connection) return;
    connection.toldAt = toldAt({ answers: message.answers, askedAt: connection.askedAt, now: clock.now() });
    try {
      facts.onHeard(host, message.picture, connection.instance);
      desk.observed(host, message.picture);
      facts.onTaken(host, message.picture);
    } catch (error) {
      fault(connection, error);
    }
  }

  function endsAllAfterStandstill(): boolean {
    if (!stood) return false;
    stood = false;
    for (const connection of [...connections]) end(connection);
    return true;
  }

  function fault(connection: Connection, error: unknown): void {
    facts.onFault(error);
    connection.wire.close("server");
  }

  function end(connection: Connection): void {
    leave(connection);
    connection.wire.close("server");
  }

  function leave(connection: Connection): void {
    const { host } = connection;
    connections.delete(connection);
    if (host === null || byHost.get(host) !== connection) return;
    byHost.delete(host);
    try {
      desk.disconnected(host);
    } catch (error) {
      facts.onFault(error);
    }
  }

  return {
    isConnected: (host) => byHost.has(host),
    answeredSince: (host, at) => (byHost.get(host)?.toldAt ?? Number.NEGATIVE_INFINITY) >= at,
    drop: (host) => byHost.get(host)?.wire.close("server"),
    can: (host) => (byHost.has(host) ? agentCan : null),
    ask: async () => undefined,
    nudge(host) {
      const connection = byHost.get(host);
      if (connection === undefined || connection.nudged) return;
      connection.nudged = true;
      clock.soon(() => {
        connection.nudged = false;
        sendDesired(connection);
      });
    },
    accept(wire) {
      const connection: Connection = { wire, host: null, instance: "", nudged: false, askedAt: 0, toldAt: 0 };
      connections.add(connection);
      return { onMessage: (message) => hear(connection, message as FromAgent), onClose: () => leave(connection) };
    },
    stoodStill() {
      stood = true;
      scheduler.after(beatMs, life, endsAllAfterStandstill);
    },
    wires: () => [...connections].map((c) => c.wire),
  };
}
