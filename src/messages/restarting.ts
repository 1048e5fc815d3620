import { note } from "./blocks.ts";
import type { Message } from "./message.ts";

/** To whoever asks while the server ends: it is recorded, and the next start does it. */
export function restarting(): Message {
  return note("Gantry is restarting. This is recorded, and is done as soon as it is back; the answer comes as a direct message.");
}
