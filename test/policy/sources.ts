/** Plain rules about the text of the repository, which no tool checks for us. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export type SourceFile = { readonly path: string; readonly text: string };
export type SourceRule = {
  readonly name: string;
  readonly files: RegExp;
  readonly except?: RegExp;
  /** What is wrong with the text, or null. */
  readonly fault: (text: string) => string | null;
};

const mostLines = 400;
/** Written in two parts, so that this file does not break its own rules. */
const unfinished = new RegExp(`\\b(${["TO", "DO"].join("")}|${["FIX", "ME"].join("")}|${["X", "XX"].join("")})\\b`);
const evasions = new RegExp(
  `\\b(test|it|describe|suite|t|context)\\.(${["only", "skip", "todo"].join("|")})\\b|\\{[^{}\\n]*\\b(${["only", "skip", "todo"].join("|")})\\s*:`,
);
/** Behind the back of the clock and of the dice that are handed in, nothing could be played again. */
const hidden =
  /\b(set(Immediate|Timeout|Interval)\s*\(|Date\.now|Math\.random|performance\.now|hrtime|randomBytes\s*\(|random(UUID|Int)|getRandomValues|new Date\(\))/;
const machinePaths = new RegExp(`/${"work"}/|/${"home"}/[a-z]|/${"Users"}/[A-Za-z]|[A-Z]:\\\\${"Users"}`);

export const sourceRules: readonly SourceRule[] = [
  {
    name: "no test is skipped, focused or promised",
    files: /^test\/.*\.test\.ts$/,
    fault: matching(evasions),
  },
  {
    name: "nothing is left for later",
    files: /^(src|commands|scripts|test|bin|examples)\/.*\.(ts|cjs|js|sh)$/,
    fault: matching(unfinished),
  },
  {
    name: `no file is longer than ${mostLines} lines`,
    files: /\.(ts|cjs|js|sql|css|sh)$/,
    fault: (text) => {
      const lines = text.trimEnd().split("\n").length;
      return lines > mostLines ? `${lines} lines` : null;
    },
  },
  {
    name: "no file names a path of somebody's machine",
    files: /^(?!node_modules\/)/,
    except: /^package-lock\.json$/,
    fault: matching(machinePaths),
  },
  {
    name: "only programs of their own read the environment",
    files: /^(src\/[^/]+\/|commands\/).*\.ts$/,
    except: /^src\/rehearsal\/(demo\/|stage\/failing-)/,
    fault: matching(/\bprocess\.env\b|["']node:process["']|\bprocess\s*\[/),
  },
  {
    name: "what the simulation plays takes its time and its dice from outside",
    files: /^src\/(core|app|host)\/.*\.ts$/,
    // The clock itself; a token that nobody may guess; what speaks to the real network and kernel, which the simulation replaces.
    except: /^src\/(app\/(clock|enrolment)|host\/(probe|haproxy|gate\/gates|hold\/holder))\.ts$/,
    fault: matching(hidden),
  },
];

/** What Git tracks or would track, as text. Throws when there is suspiciously little. */
export function sourceFiles(folder: string, atLeast: number): readonly SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: folder,
    encoding: "utf8",
  });
  const files = listed.split("\0").flatMap((name) => readText(folder, name));
  if (files.length < atLeast) throw new Error(`only ${files.length} files seen: the walk is broken`);
  return files;
}

export function faultsOf(rule: SourceRule, files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    if (!rule.files.test(file.path) || rule.except?.test(file.path)) return [];
    const fault = rule.fault(file.text);
    return fault === null ? [] : [`${file.path}: ${fault}`];
  });
}

function readText(folder: string, name: string): readonly SourceFile[] {
  if (name === "") return [];
  try {
    const bytes = readFileSync(path.join(folder, name));
    return bytes.includes(0) ? [] : [{ path: name, text: bytes.toString("utf8") }];
  } catch {
    // Deleted since Git looked, or a link to nowhere.
    return [];
  }
}

function matching(pattern: RegExp): (text: string) => string | null {
  return (text) => {
    const lines = text.split("\n");
    const at = lines.findIndex((line) => pattern.test(line));
    return at < 0 ? null : `line ${at + 1}: ${lines[at]?.trim().slice(0, 120)}`;
  };
}
