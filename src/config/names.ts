/** Which names things may have. */
import { type Complaint, quote } from "./raw.ts";
import { type Shape, scalar } from "./shape.ts";

/** Words that already mean something after `/gantry`, `/deploy` and the rest, today or soon: a service of that name could not be addressed. */
export const reservedWords: ReadonlySet<string> = new Set(
  [
    "abort adopt agent all approve at audit backup cancel continue cordon deploy diff doctor drain enroll for freeze from gantry help",
    "history hosts in join leave lock migrate now on outbox pause plan promote queue reasons reject release restart restore resume",
    "render retry rollback server skip-soak status to uncordon undo unfreeze unlock validate version wait where who whoami why",
    // Not a verb: every JavaScript object has it.
    "constructor",
  ]
    .join(" ")
    .split(" "),
);

const namePattern = /^[a-z][a-z0-9-]{0,39}$/;

export type Named = "service" | "environment" | "role" | "profile";

/** What is wrong with a name, or null. */
export function nameComplaint(kind: Named, name: string): Complaint | null {
  if (!namePattern.test(name)) {
    return { what: `${quote(name)} cannot be ${an(kind)} name`, fix: "use 1 to 40 of a-z, 0-9 and -, beginning with a letter" };
  }
  const taken = kind === "role" || kind === "profile" ? name === "constructor" : reservedWords.has(name);
  if (!taken) return null;
  return { what: `${quote(name)} cannot be ${an(kind)} name: it means something else`, fix: `choose another, such as ${name}-1` };
}

export function nameOf(kind: Named): Shape<string> {
  return scalar({
    expected: `${an(kind)} name`,
    schema: { type: "string", pattern: namePattern.source },
    parse: (name) => nameComplaint(kind, name) ?? { value: name },
  });
}

function an(kind: Named): string {
  return kind === "environment" ? "an environment" : `a ${kind}`;
}
