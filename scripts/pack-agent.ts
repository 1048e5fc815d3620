// `npm run pack-agent`: the agent as one file, and the build context of its image, in build/agent.
import { statSync } from "node:fs";
import path from "node:path";
import { buildGate } from "../src/host/gate/program.ts";
import { ensureCompiler } from "../src/rehearsal/fleet/setup.ts";
import { projectRoot } from "./checks.ts";
import { packAgent } from "./pack/agent.ts";

try {
  const { file, context } = await packAgent({ folder: path.join(projectRoot, "build", "agent"), gate: await gateOrNull() });
  console.log(`${path.relative(process.cwd(), file)} (${Math.round(statSync(file).size / 1024 / 1024)} MB)`);
  console.log(`for the image: docker build -t gantry-agent ${path.relative(process.cwd(), context)}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function gateOrNull(): Promise<string | null> {
  try {
    await ensureCompiler(console.log);
    return await buildGate();
  } catch (error) {
    console.log(`without the gate, agents swap in the plain order: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}
