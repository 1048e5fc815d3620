/** `gantry logs`: prints what comes, until there is no more or somebody presses Ctrl-C. */
import { streamLocally } from "../http/local-socket.ts";

/** The exit code: 1 when nothing could be shown. Lines go to stdout, everything about them to stderr. */
export async function printLogs(facts: { readonly data: string; readonly text: string; readonly user: string }): Promise<number> {
  const { data, text, user } = facts;
  let exitCode = 0;
  // `gantry logs … | head`: whoever reads has enough, and that is no fault.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  await streamLocally(data, {
    name: "logs",
    body: { text, user },
    onPiece(piece) {
      const lines = listOf(piece["text"]);
      if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
      for (const note of listOf(piece["note"])) process.stderr.write(`${note}\n`);
      if (piece["failed"] === true) exitCode = 1;
      if (typeof piece["refused"] !== "string") return;
      process.stderr.write(`${piece["refused"]}\n`);
      exitCode = 1;
    },
  });
  return exitCode;
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
