/** What the agent of an empty host reports. */
import type { ObservedPicture } from "../../../src/core/slot.ts";

export const picture: ObservedPicture = {
  bootId: "boot-1",
  agentVersion: "0.1.0",
  epoch: 0,
  engine: { ok: true, reason: null, detail: null, liveRestore: true },
  slots: [],
  images: [],
};
