/** What the machine's own operators may ask over the socket in the data folder. */
import { randomUUID } from "node:crypto";
import type { App } from "../app/create-gantry.ts";
import type { AppDoor } from "../app/door.ts";
import { makeToken } from "../app/fleet-desk.ts";
import type { Actor, Clock } from "../app/ports.ts";
import type { GantryConfig } from "../config/valid.ts";
import type { LocalHandlers } from "../http/local-socket.ts";
import { plainText } from "../messages/words.ts";
import type { OpenedStore } from "../sqlite/open.ts";

type Body = Readonly<Record<string, unknown>>;

export type LocalParts = {
  readonly door: AppDoor;
  readonly app: App;
  readonly store: OpenedStore;
  readonly config: GantryConfig;
  readonly clock: Clock;
};

/** Entries of the history that are verified at once while everybody else waits. */
const auditPiece = 2_000;
const deadShown = 50;

export function localHandlers(parts: LocalParts): LocalHandlers {
  const { app, store, clock } = parts;
  return {
    verb: (body) => verb(parts, body),
    /** For the doctor: how the connection that writes is set, which no other connection can see. */
    async durability() {
      return { synchronous: store.db.pragma("synchronous", { simple: true }) };
    },
    async rollout(body) {
      const found = app.gantry.rollout(Number(body["number"]));
      return found === null ? {} : { phase: found.state.phase, ended: found.state.endedAt !== null };
    },
    async revoke(body) {
      const left = app.revoke(String(body["name"]), actorOf(body));
      return { known: left !== null, left, frozen: app.gantry.freeze()?.detail ?? null };
    },
    async enroll(body) {
      const labels = (body["labels"] ?? {}) as Record<string, string>;
      return { token: makeToken(store, { name: String(body["name"]), labels, at: clock.now() }) };
    },
    adopt: async (body) => adopt(parts, body),
    async audit(body) {
      const found = store.history.verify({ from: Number(body["from"] ?? 1), limit: auditPiece });
      return { ...found, head: store.history.head(), heads: app.fence.heads(), frozen: store.freeze.current() };
    },
    async entry(body) {
      return { hash: store.history.hashAt(Number(body["seq"])) };
    },
    async copied(body) {
      const facts = { file: String(body["file"]), head: body["head"] };
      store.history.act({ at: clock.now(), kind: "backed_up", by: actorOf(body), facts });
      return {};
    },
    async dead() {
      return { inbox: store.inbox.dead(deadShown), outbox: store.outbox.dead(deadShown) };
    },
    async revive(body) {
      const isRevived = store.outbox.revive(Number(body["id"]), clock.now());
      if (isRevived) app.outbox.nudge();
      return { revived: isRevived };
    },
  };
}

export function actorOf(body: Body): Actor {
  const user = String(body["user"] ?? "");
  return { kind: "local", id: user, name: user };
}

/** The same verbs as in chat. */
async function verb({ door, config }: LocalParts, body: Body): Promise<object> {
  const act = { kind: "command" as const, text: String(body["text"] ?? "") };
  const key = `local-${randomUUID()}`;
  const reply = await door.ask({ key, meaning: null, actor: actorOf(body), channel: config.channel, threadTs: null, act });
  switch (reply?.kind) {
    case undefined:
      return { text: "", ok: false };
    case "form":
      return { text: plainText(reply.otherwise), ok: false };
    case "private":
      return { text: plainText(reply.message), ok: reply.refused !== true };
    case "card":
      return { text: plainText(reply.message), ok: true, rollout: reply.rollout, aims: reply.aims };
  }
}

/** Without a freeze there is nothing to adopt: the server knows as much as its agents. */
function adopt({ app }: LocalParts, body: Body): object {
  const frozen = app.fence.frozen();
  if (frozen === null) return { frozen };
  const preview = body["preview"] === true;
  const report = app.fence.adopt({ by: actorOf(body), preview });
  if (!preview) app.lookAgain();
  return { frozen, report };
}
