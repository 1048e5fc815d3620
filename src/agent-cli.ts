/** The packed agent's command line: `gantry agent` alone, without the packages of the server. */
import { Command } from "commander";
import { asAgent } from "./cli/agent-command.ts";
import { version } from "./version.ts";

asAgent(new Command("gantry-agent"))
  .version(version)
  .showHelpAfterError()
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
