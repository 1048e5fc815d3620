/** docs/reference/cli.md: what `gantry --help` and the help of each of its commands say. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { commands } from "../../commands/index.ts";
import { projectRoot } from "../checks.ts";
import { block, code, generated, page } from "./markdown.ts";

const run = promisify(execFile);

export async function cliPage(): Promise<string> {
  const overview = await helpOf();
  const operators = commandNames(overview).filter((name) => name !== "help" && !commands.some((verb) => verb.name === name));
  const sections = await Promise.all(operators.map(async (name) => `## gantry ${name}\n\n${block("text", await helpOf(name))}`));
  return page([
    generated("`src/cli.ts`"),
    "# Command line",
    "In a checkout, `npm run gantry -- …` or `node bin/gantry.js …`; below it is called `gantry`.",
    block("text", overview),
    "## The verbs of the chat",
    `${commands.map((verb) => code(verb.name)).join(", ")} take the same words as in Slack ([commands.md](commands.md)). They speak to the running server over the socket in \`GANTRY_DATA\`, so they work on the server's machine, for the user that the server runs as (or root), also while Slack is down. Who asked is the operating-system user (with \`sudo\`, the one who typed it), and roles apply as in chat: a user acts only in roles that name them under \`local\`.`,
    "A refused command exits with 1. `--wait` follows the rollout to its end and exits with 1 unless that is what was asked for: live for a deploy, put back for a cancel; an approval is waited for as well. Cards of rollouts asked for here go to the `channel` of `gantry.yml`.",
    ...sections,
  ]);
}

async function helpOf(...command: readonly string[]): Promise<string> {
  const cli = path.join(projectRoot, "src/cli.ts");
  const env = { PATH: process.env["PATH"], LANG: "C" };
  const { stdout } = await run(process.execPath, [cli, ...command, "--help"], { cwd: projectRoot, env });
  return stdout.trimEnd();
}

/** The first words of the lines under "Commands:". */
function commandNames(overview: string): readonly string[] {
  const [, list = ""] = overview.split("\nCommands:\n");
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] ?? "");
}
