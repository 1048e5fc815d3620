import { createInterface } from "node:readline/promises";
import type { AdoptReport } from "../app/adopt.ts";
import type { FreezeFacts } from "../core/facts.ts";
import { callLocally } from "../http/local-socket.ts";
import { doneText, previewText } from "./adopt-text.ts";

/** Shows what would be recorded, asks, and does it. Returns the exit code. */
export async function adopt(facts: {
  readonly data: string;
  readonly user: string;
  readonly isDryRun: boolean;
  readonly isSure: boolean;
  readonly print: (text: string) => void;
}): Promise<number> {
  const { data, user, print } = facts;
  const seen = await ask(data, { user, preview: true });
  if (seen === null) {
    print("Gantry is not frozen: it knows as much as its agents, and there is nothing to adopt.");
    return 0;
  }
  if (facts.isDryRun || !facts.isSure) print(previewText(seen.frozen, seen.report));
  if (facts.isDryRun) return 0;
  if (!facts.isSure && !(await agrees())) {
    print("\nNothing was done. To do it: gantry adopt --yes");
    return 1;
  }
  const done = await ask(data, { user, preview: false });
  print(done === null ? "Somebody else has adopted it meanwhile." : doneText(done.report));
  return 0;
}

async function ask(
  data: string,
  body: { user: string; preview: boolean },
): Promise<{ frozen: FreezeFacts; report: AdoptReport } | null> {
  const answer = await callLocally(data, "adopt", body);
  return answer["frozen"] === null ? null : (answer as { frozen: FreezeFacts; report: AdoptReport });
}

/** A script says --yes; a person is asked. */
async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question("\nAdopt this? (yes/no) ");
  terminal.close();
  return answer.trim().toLowerCase() === "yes";
}
