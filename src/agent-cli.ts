/** The packed agent's command line: `gantry agent` alone, and `gantry executor` as its word, without the packages of the server. */
import { Command } from "commander";
import { asAgent } from "./cli/agent-command.ts";
import { asExecutor } from "./cli/executor-command.ts";
import { version } from "./version.ts";

const [first, ...others] = process.argv.slice(2);
const isExecutor = first === "executor";
const command = isExecutor ? asExecutor(new Command("gantry-agent executor")) : asAgent(new Command("gantry-agent"));

command
  .version(version)
  .showHelpAfterError()
  .parseAsync(isExecutor ? others : process.argv.slice(2), { from: "user" })
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
