/** `gantry …`: the server, the agent, what operators need, and every chat verb against the running server. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { commands } from "../commands/index.ts";
import { makeToken } from "./app/fleet-desk.ts";
import { asAgent, collectLabel } from "./cli/agent-command.ts";
import { asExecutor } from "./cli/executor-command.ts";
import { formatConfigErrors } from "./config/format.ts";
import { loadConfig } from "./config/load.ts";
import { reasons } from "./core/reasons.ts";
import { callLocally, NoServerError } from "./http/local-socket.ts";
import { readSettings, type Settings } from "./settings.ts";
import { migrationsFolder, openStore } from "./sqlite/open.ts";
import { version } from "./version.ts";

// Rooms with heavy packages are loaded by the commands that need them: a verb at 3 a.m. answers at once.
const program = new Command("gantry")
  .description(
    "Deploys from Slack: /deploy api prod abc123, approve, and new containers on every host. This is its terminal side.",
  )
  .version(version)
  .showHelpAfterError("(gantry --help lists the commands)");

program
  .command("server")
  .description("run the server (reads gantry.yml or GANTRY_CONFIG, and the environment)")
  .action(async () => {
    const { startServer } = await import("./main.ts");
    const starting = startServer(settingsOrExit());
    stopOnSignal(async () => (await starting).stop());
    await starting;
  });

asAgent(program.command("agent"));

asExecutor(program.command("executor"));

program
  .command("validate")
  .description("check gantry.yml and the service files; every error at once")
  .argument("[folder]", "where gantry.yml lies", ".")
  .action(async (folder: string) => {
    const { validText } = await import("./cli/validate.ts");
    const file = folder.endsWith(".yml") || folder.endsWith(".yaml") ? folder : join(folder, "gantry.yml");
    const loaded = loadConfig(file);
    if (!loaded.ok) fail(`${formatConfigErrors(loaded.errors)}\nReason: bad_config`);
    say(validText(loaded.config));
  });

program
  .command("enroll")
  .description("make a one-time token for a new host; it stands alone on the last line")
  .requiredOption("--name <name>", "the host's name")
  .option("--label <k=v>", "a label that services select hosts by; may be repeated", collectLabel, {})
  .action(async (options: { name: string; label: Record<string, string> }) => {
    if (!/^[a-z0-9][a-z0-9.-]{0,62}$/.test(options.name)) fail(`"${options.name}" is not a host name: use a-z, 0-9, - and .`);
    const token = await enroll(settingsOrExit().data, options.name, options.label);
    console.log(
      `On the host: gantry agent --server URL --name ${options.name} --token-file FILE (the token works once, within an hour)`,
    );
    console.log(token);
  });

program
  .command("revoke")
  .description("take a host's key away: its agent is let in no more; its containers are left alone")
  .argument("<name>", "the host's name")
  .action(async (name: string) => {
    const answer = await callLocally(settingsOrExit().data, "revoke", { name, user: typist() });
    if (answer["known"] !== true) fail(`there is no host ${name}; gantry hosts lists them\nReason: unknown_host`);
    console.log(`${name} is revoked. To let it in again: gantry enroll --name ${name}`);
    if (Array.isArray(answer["left"])) for (const sentence of answer["left"]) console.log(String(sentence));
    if (typeof answer["frozen"] === "string") console.log(`The server still stands still: ${answer["frozen"]}`);
  });

program
  .command("doctor")
  .description("look at everything Gantry needs and say what is wrong and what to do")
  .option("--docker-host <url>", "the engine to look at (default: this machine's, if it has one)")
  .action(async (options: { dockerHost?: string }) => {
    const { diagnose } = await import("./diagnose.ts");
    process.exitCode = await diagnose(settingsOrExit(), options.dockerHost ?? null);
  });

program
  .command("backup")
  .description("copy the database into a new file, while the server runs")
  .argument("[file]", "the copy; must not exist yet (default: a new file in the folder backups of the data)")
  .option("--keep <n>", "of the copies in the folder backups, keep the newest n", wholeNumber)
  .action(async (file: string | undefined, options: { keep?: number }) => {
    const { backUp } = await import("./cli/backup.ts");
    const { data } = settingsOrExit();
    const keep = options.keep ?? null;
    say(await backUp({ data, file: file ?? null, keep, user: typist(), now: Date.now() }));
  });

program
  .command("restore")
  .description("put a backup in place of the database; the server must be stopped, and is frozen until `gantry adopt`")
  .argument("<file>", "the backup")
  .action(async (file: string) => {
    const { restore } = await import("./cli/backup.ts");
    say(restore({ data: settingsOrExit().data, file, now: Date.now() }));
  });

program
  .command("adopt")
  .description("end a freeze: take what runs on the hosts for what should be; nothing on any host is changed")
  .option("--dry-run", "only show, host by host, what would be recorded")
  .option("--yes", "do not ask")
  .action(async (options: { dryRun?: boolean; yes?: boolean }) => {
    const { adopt } = await import("./cli/adopt.ts");
    const { data } = settingsOrExit();
    const how = { isDryRun: options.dryRun === true, isSure: options.yes === true };
    process.exitCode = await adopt({ data, user: typist(), ...how, print: (text) => console.log(text) });
  });

program
  .command("audit")
  .description("look whether the history is whole and unchanged")
  .command("verify")
  .description("walk the whole history and compare it with what the agents know; exit 1 with the first fault")
  .option("--head <seq:hash>", "an entry as a card or a log shows it, e.g. 1842:9f3a1c2b")
  .action(async (options: { head?: string }) => {
    const { readHead, verifyAudit } = await import("./cli/audit.ts");
    const head = options.head === undefined ? null : readHead(options.head);
    if (options.head !== undefined && head === null) fail(`--head ${options.head}: write it as SEQ:HASH, e.g. 1842:9f3a1c2b`);
    const progress = (text: string) => void (process.stderr.isTTY && process.stderr.write(`\r${text} `));
    const { data } = settingsOrExit();
    process.exitCode = await verifyAudit({ data, head, print: (text) => console.log(text), progress });
  });

program
  .command("outbox")
  .description("what was given up: messages that never arrived, and commands that were not done")
  .option("--retry <id>", "try this one again", wholeNumber)
  .action(async (options: { retry?: number }) => {
    const { showDead, tryAgain } = await import("./cli/outbox.ts");
    const { data } = settingsOrExit();
    if (options.retry === undefined) return say(await showDead(data));
    if (!(await tryAgain(data, options.retry))) fail(`there is nothing of number ${options.retry} that was given up`);
    console.log(`${options.retry} is tried again.`);
  });

program
  .command("migrate")
  .description("bring the database to this version's schema (the server does it at every start)")
  .action(() => {
    openStore({ folder: settingsOrExit().data, migrations: migrationsFolder }).close();
    console.log("The database has this version's schema.");
  });

program
  .command("reasons")
  .description("list every reason code")
  .action(() => {
    for (const [code, { title, next }] of Object.entries(reasons)) console.log(`${code.padEnd(22)} ${title}. ${next}`);
  });

for (const verb of commands) {
  program
    .command(verb.name)
    .description(`${verb.summary} (same as in chat)`)
    .argument("[words...]", "as after the slash command")
    .option("--wait", "follow the rollout to its end; exit 1 unless that is what was asked for")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[], options: { wait?: boolean }) => {
      // Its lines come as they are printed, and are not cut to what a message holds.
      if (verb.name === "logs") {
        const { printLogs } = await import("./cli/logs.ts");
        const text = words.map(quoted).join(" ");
        process.exitCode = await printLogs({ data: settingsOrExit().data, text, user: typist() });
        return;
      }
      const wait = options.wait ?? false;
      // Where the verb itself knows the word it means both: wait in line, and follow.
      const own = wait && verb.grammar.flags.some((flag) => flag.name === "wait") ? ["--wait"] : [];
      await runVerb([verb.name, ...words, ...own].map(quoted).join(" "), wait);
    });
}

/** A word with blanks came quoted from the shell; the grammar wants it quoted again. */
function quoted(word: string): string {
  if (!/\s/.test(word)) return word;
  const flag = /^(--[a-z-]+)=(.*)$/s.exec(word);
  return flag === null ? `"${word.replaceAll('"', "'")}"` : `${flag[1]}="${flag[2]?.replaceAll('"', "'")}"`;
}

async function runVerb(text: string, wait: boolean): Promise<void> {
  const { data } = settingsOrExit();
  const answer = await callLocally(data, "verb", { text, user: typist() });
  console.log(String(answer["text"]));
  if (answer["ok"] !== true) process.exitCode = 1;
  if (!wait || typeof answer["rollout"] !== "number") return;
  const end = await follow(data, answer["rollout"]);
  if (!Array.isArray(answer["aims"]) || !answer["aims"].includes(end)) process.exitCode = 1;
}

/**
 * Who types. SUDO_USER is a variable that whoever gets this far could set: it says who acted, it keeps nobody out. What keeps
 * people out is the socket, which only the server's user and root can open, and they own the data.
 */
function typist(): string {
  return process.env["SUDO_USER"] ?? userInfo().username;
}

/** Prints every phase until the end, and returns that. */
async function follow(data: string, number: number): Promise<string> {
  let shown = "";
  for (;;) {
    const { phase, ended } = await callLocally(data, "rollout", { number });
    if (phase !== shown) console.log(`#${number}: ${String(phase).replace("_", " ")}`);
    shown = String(phase);
    if (ended === true) return shown;
    await new Promise((resolveWait) => setTimeout(resolveWait, 250));
  }
}

/** By the running server, or straight into the data when none runs. */
async function enroll(data: string, name: string, labels: Record<string, string>): Promise<string> {
  try {
    return String((await callLocally(data, "enroll", { name, labels }))["token"]);
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    const store = openStore({ folder: data, migrations: migrationsFolder });
    const token = makeToken(store, { name, labels, at: Date.now() });
    store.close();
    return token;
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("give a whole number");
  return Number(text);
}

function say(lines: readonly string[]): void {
  console.log(lines.join("\n"));
}

function settingsOrExit(): Settings {
  const { settings, errors } = readSettings(process.env);
  if (errors.length > 0) fail(errors.join("\n"));
  return settings;
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second signal does not wait: correctness never depends on a graceful end.
      if (stopping) process.exit(1);
      stopping = true;
      void stop().then(() => process.exit(0));
    });
  }
}

function fail(text: string): never {
  console.error(text);
  process.exit(1);
}

/** What went wrong, and its reason code where it has one. */
function failure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "reason" in error ? `${error.message}\nReason: ${error.reason}` : error.message;
}

program.parseAsync().catch((error: unknown) => fail(failure(error)));
