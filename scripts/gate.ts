// `npm run gate`: builds the gate's program (src/host/gate/gate.c) for agents that start from this folder. Installs gcc from
// Debian when it is missing and root asks. Without it agents swap in the plain order.
import { buildGate } from "../src/host/gate/program.ts";
import { ensureCompiler } from "../src/rehearsal/fleet/setup.ts";

try {
  await ensureCompiler(console.log);
  console.log(await buildGate());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
