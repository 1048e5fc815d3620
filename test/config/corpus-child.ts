/** Loads each folder named on stdin and prints one JSON line for each: a case that aborts the process is the one without a line. */
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { formatConfigErrors } from "../../src/config/format.ts";
import { loadConfig } from "../../src/config/load.ts";

for (const folder of JSON.parse(await text(process.stdin)) as readonly string[]) {
  const before = process.cpuUsage();
  const loaded = loadConfig(join(folder, "gantry.yml"));
  const said = loaded.ok ? "" : formatConfigErrors(loaded.errors);
  // Processor time, so that a busy machine does not count.
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify({ folder, ok: loaded.ok, said, tookMs: (user + system) / 1000 })}\n`);
}
