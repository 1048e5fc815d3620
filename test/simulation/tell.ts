/** A failed seed as a person reads it: what was wrong, the last things that happened, and how to see it again. */
import { execFileSync } from "node:child_process";
import { commandFor, minimise } from "./minimise.ts";
import { type RunOptions, type RunResult, runSeed } from "./run.ts";

export async function tellFailure(
  failed: RunResult,
  facts: { readonly lines: number; readonly say: (line: string) => void },
): Promise<void> {
  const { say } = facts;
  const least = await minimise(failed);
  const again = await runSeed({ ...least, keepTrace: true });
  say("");
  say(`seed ${failed.seed} at ${commit()}: ${failed.violation?.id} ${failed.violation?.text}`);
  for (const line of again.lines.slice(-facts.lines)) say(`  ${line}`);
  say(`  faults that it needs: ${again.faults.join(", ") || "none"}`);
  say(`  again: ${commandFor(least)}`);
}

/** One seed, told line by line. */
export async function tellSeed(
  options: RunOptions,
  facts: { readonly lines: number; readonly say: (line: string) => void },
): Promise<RunResult> {
  const result = await runSeed({ ...options, keepTrace: true });
  for (const line of result.lines.slice(-facts.lines)) facts.say(line);
  const { violation, hash, events, virtualMs, faults, hosts } = result;
  facts.say("");
  facts.say(
    `${events} events in ${Math.round(virtualMs / 60_000)} min on ${hosts} hosts; trace ${hash}; faults: ${faults.join(", ") || "none"}`,
  );
  facts.say(violation === null ? "nothing was wrong" : `${violation.id}: ${violation.text}`);
  return result;
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "an unknown commit";
  }
}
