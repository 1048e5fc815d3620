/** Whether the server can work: what /readyz and /healthz ask. */
import { statfsSync } from "node:fs";
import type { Chat } from "../app/ports.ts";
import type { FreezeFacts } from "../core/facts.ts";
import type { HttpFacts, Part } from "../http/app.ts";
import type { OpenedStore } from "../sqlite/open.ts";

/** The room that a write of a command, its rollout and their log may take. */
const leastFreeBytes = 1024 * 1024;
/** Of the disk: below it somebody should look before it is too late. */
const leastFreeShare = 0.02;

export function partsOf(facts: {
  readonly store: OpenedStore;
  readonly folder: string;
  readonly chat: Chat;
  readonly freeze: () => FreezeFacts | null;
}): HttpFacts["parts"] {
  return {
    database: () => (canWrite(facts.store, facts.folder) ? { ok: true } : { ok: false, reason: "store_unwritable" }),
    disk: () => diskPart(facts.folder),
    fence: () => {
      const frozen = facts.freeze();
      return frozen === null ? { ok: true } : { ok: false, reason: frozen.reason, detail: frozen.detail };
    },
    chat: () => {
      const { connected, reason } = facts.chat.state();
      return connected ? { ok: true } : { ok: false, reason: reason ?? "chat_unreachable" };
    },
  };
}

function diskPart(folder: string): Part {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const share = bavail / Math.max(1, blocks);
  const hasRoom = bavail * bsize >= leastFreeBytes && share >= leastFreeShare;
  if (hasRoom) return { ok: true };
  const detail = `${Math.floor((bavail * bsize) / 1024 ** 2)} MiB of the data folder's disk are free (${Math.floor(share * 100)}%)`;
  return { ok: false, reason: "disk_full", detail };
}

/** Asks for a real write without making one. One page may still find a place where a command does not, so free space counts too. */
function canWrite(store: OpenedStore, folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < leastFreeBytes) return false;
    store.transact(() => store.db.exec("update identity set epoch = epoch"));
    return true;
  } catch {
    return false;
  }
}

/** How late a timer that is due now comes, smoothed by nothing: the last reading. */
export function eventLoopLag(): () => number {
  const everyMs = 1000;
  let last = performance.now();
  let late = 0;
  setInterval(() => {
    const now = performance.now();
    late = Math.max(0, now - last - everyMs);
    last = now;
  }, everyMs).unref();
  return () => late;
}
