/** Loads each folder named on stdin and prints one JSON line for each: a case that aborts the process is the one without a line. */
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { formatConfigErrors } from "../../src/config/format.ts";
import { loadConfig } from "../../src/config/load.ts";

for (const folder of JSON.parse(await text(process.stdin)) as readonly string[]) {
  const startedAt = performance.now();
  const loaded = loadConfig(join(folder, "gantry.yml"));
  const said = loaded.ok ? "" : formatConfigErrors(loaded.errors);
  process.stdout.write(`${JSON.stringify({ folder, ok: loaded.ok, said, tookMs: performance.now() - startedAt })}\n`);
}
