/** `gantry doctor`: looks at everything the server needs, says in one line each whether it is right, and if not what to do. */
import { redact } from "./core/redact.ts";

export type Finding =
  | { readonly state: "ok"; readonly detail: string }
  | { readonly state: "wrong"; readonly detail: string; readonly next: string }
  /** Not configured, and nothing is wrong with that. */
  | { readonly state: "absent"; readonly detail: string };

export type Check = {
  readonly name: string;
  /** May reject: that is a wrong with the error's message. Must give up when the signal says so. */
  readonly look: (signal: AbortSignal) => Promise<Finding>;
};

export type Diagnosis = {
  readonly findings: readonly { readonly name: string; readonly finding: Finding }[];
  /** 0 when nothing is wrong, else 1. */
  readonly exitCode: 0 | 1;
};

/** Runs all checks at once, each with its own deadline, and prints them in order. Never rejects. */
export async function runDoctor(facts: {
  checks: readonly Check[];
  print: (line: string) => void;
  /** Values that must not be printed. */
  secrets?: readonly string[];
  /** For one check. */
  timeoutMs?: number;
}): Promise<Diagnosis> {
  const { checks, print, secrets = [], timeoutMs = 10_000 } = facts;
  const running = checks.map(async (check) => ({ name: check.name, finding: await lookInTime(check, timeoutMs) }));
  const findings: { name: string; finding: Finding }[] = [];
  for (const result of running) {
    const { name, finding } = await result;
    findings.push({ name, finding });
    print(redact(lineOf(name, finding), secrets));
  }
  const wrong = findings.filter(({ finding }) => finding.state === "wrong").length;
  print(wrong === 0 ? "All is well." : `${wrong} of ${checks.length} ${wrong === 1 ? "is" : "are"} wrong.`);
  return { findings, exitCode: wrong === 0 ? 0 : 1 };
}

/** A check that ignores its signal does not hold up the others. */
async function lookInTime(check: Check, timeoutMs: number): Promise<Finding> {
  const late: Finding = {
    state: "wrong",
    detail: `no answer within ${timeoutMs} ms`,
    next: "check the network between this machine and it",
  };
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => resolve(late), timeoutMs);
  const signal = AbortSignal.timeout(timeoutMs);
  const look = async () => check.look(signal);
  look().then(resolve, (error: unknown) => resolve(signal.aborted ? late : failure(error)));
  const finding = await promise;
  clearTimeout(timer);
  return finding;
}

function failure(error: unknown): Finding {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  const why = cause?.code ?? cause?.message;
  const detail = `${message ?? "it failed"}${why === undefined ? "" : ` (${why})`}`;
  return { state: "wrong", detail, next: "check the address and the network" };
}

/** `ok     Slack      …`, or `WRONG  Slack      …; what to do`. */
function lineOf(name: string, finding: Finding): string {
  const label = name.padEnd(22);
  const detail = finding.detail.replace(/\s+/g, " ");
  switch (finding.state) {
    case "ok":
      return `ok     ${label} ${detail}`;
    case "absent":
      return `-      ${label} ${detail}`;
    case "wrong":
      return `WRONG  ${label} ${detail}; ${finding.next}`;
  }
}
