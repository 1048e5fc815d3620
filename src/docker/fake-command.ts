/** What a few shell commands do in a container that is only pretended. */
import type { ExecResult } from "../host/engine.ts";

/** `exit N`, perhaps after `echo WORDS;`, as a line for `sh -c`; `sleep S` alone. Anything else is not in the image. `ms`: how long it takes. */
export function fakeCommand(command: readonly string[]): { readonly ms: number; readonly result: ExecResult } {
  const [program, ...words] = command;
  const line = program === "sh" && words[0] === "-c" ? /^(?:echo ([^;]*); )?exit (\d+)$/.exec(words[1] ?? "") : null;
  if (line !== null) return { ms: 1, result: { exitCode: Number(line[2]), output: line[1] ?? "" } };
  if (program === "sleep") return { ms: Number(words[0]) * 1_000, result: { exitCode: 0, output: "" } };
  return { ms: 1, result: { exitCode: 126, output: `exec: "${program}": no such file or directory` } };
}
