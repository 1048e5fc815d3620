/** What a container's last lines and its exit say about why it ended: a reason that helps more than "exited", and the line that shows it. */
import type { ReasonCode } from "../core/reasons.ts";
import type { ContainerState } from "./engine.ts";
import { fatalSignal } from "./labels.ts";

export type Finding = { readonly reason: ReasonCode; readonly detail: string };

/** First match wins. Words of kernels and runtimes, not of any one program. */
const signs: readonly (readonly [RegExp, ReasonCode])[] = [
  [/\bexec format error\b/i, "wrong_platform"],
  [/\bEADDRINUSE\b|\baddress (?:already )?in use\b/i, "port_in_use"],
  [/\bENOSPC\b|\bno space left on device\b/i, "disk_full"],
  [/\bENOMEM\b|\bcannot allocate memory\b|\bOutOfMemoryError\b|\bheap out of memory\b/i, "oom_killed"],
  [
    /\bEROFS\b|\bread-only file system\b|\bEACCES\b|\bEPERM\b|\bpermission denied\b|\boperation not permitted\b/i,
    "permission_denied",
  ],
];
/** What a program says long before its end is about something else. */
const lastLines = 5;
const mostOfALine = 160;

/**
 * The same failure, said better when something shows more. Only an end without a reason is judged anew; of a container that runs
 * unwell a line is quoted at most. `lines`: already clean.
 */
export function explained(
  found: Finding,
  facts: { readonly state: ContainerState | null; readonly lines: readonly string[] },
): Finding {
  const { reason, detail } = found;
  // The gate, in whose place the program should have come, has only the kernel's word.
  if (reason === "start_failed") return { reason: signIn([detail])?.reason ?? reason, detail };
  const isEnd = reason === "exited" || reason === "crash_loop";
  if (!isEnd && reason !== "unhealthy") return found;
  const sign = signIn(facts.lines);
  const quoted = sign === null ? detail : `${detail}; its log says: ${sign.line}`;
  if (!isEnd) return { reason, detail: quoted };
  if (sign !== null) return { reason: sign.reason, detail: quoted };
  if (reason === "exited" && facts.state?.exitCode === 126) return { reason: "permission_denied", detail };
  const isKilled = reason === "exited" && fatalSignal(facts.state?.exitCode ?? null) !== null;
  return isKilled ? { reason: "killed", detail } : found;
}

function signIn(lines: readonly string[]): { reason: ReasonCode; line: string } | null {
  const told = lines.filter((line) => line.trim() !== "").slice(-lastLines);
  for (const line of told.reverse()) {
    const sign = signs.find(([pattern]) => pattern.test(line));
    if (sign !== undefined)
      return { reason: sign[1], line: line.length > mostOfALine ? `${line.slice(0, mostOfALine - 1)}…` : line };
  }
  return null;
}
