/** Who this server is to its agents: made once with the data. The epoch rises when a backup is restored; agents refuse a lower one. */
import { randomBytes } from "node:crypto";
import type Database from "better-sqlite3";

export type Identity = { readonly serverId: string; epoch(): number; raiseEpoch(): number };

export function identityOn(db: Database.Database): Identity {
  db.prepare("insert into identity (id, server_id, epoch) values (1, ?, 1) on conflict do nothing").run(
    randomBytes(8).toString("hex"),
  );
  const serverId = db.prepare<[], string>("select server_id from identity").pluck();
  const epoch = db.prepare<[], number>("select epoch from identity").pluck();
  const raise = db.prepare<[], number>("update identity set epoch = epoch + 1 returning epoch").pluck();
  return {
    serverId: there(serverId.get()),
    epoch: () => there(epoch.get()),
    raiseEpoch: () => there(raise.get()),
  };
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the store has no identity");
  return value;
}
