/**
 * A verb of Gantry, declared once. The declaration gives the parser, the usage line, the help, the docs page and the
 * check of manifest.yml; `run` turns understood words into a Reply. Surfaces (Slack, CLI) carry replies out.
 */
import type { Reply } from "../src/app/door.ts";
import type { Gantry, Origin } from "../src/app/gantry.ts";
import type { Actor } from "../src/app/ports.ts";
import type { Grammar, Parsed } from "../src/core/grammar.ts";

export type { Reply };

/** Who acts, from where, on what. */
export type Caller = {
  readonly actor: Actor;
  readonly origin: Origin;
  readonly gantry: Gantry;
  /** All verbs, for help. */
  readonly commands: readonly Command[];
};

export type Call<G extends Grammar> = Caller & { readonly args: Parsed<G> };
export type Press = Caller & { readonly value: unknown };
export type Submission = Caller & { readonly context: string; readonly values: Readonly<Record<string, string>> };

export type Command<G extends Grammar = Grammar> = {
  readonly name: string;
  readonly summary: string;
  readonly grammar: G;
  /** Shown by help; every one of them must parse (a test sees to it). */
  readonly examples: readonly string[];
  /** Who may, in words, for help and docs. The application checks it, not the command. */
  readonly permission: string;
  /** Says itself in a public channel card; false for read-only verbs. */
  readonly changesState: boolean;
  run(call: Call<G>): Promise<Reply>;
  /** What a button `verb:<name>` with this JSON value means. Absent: no such button. */
  press?(press: Press): Promise<Reply>;
  /** What a submitted modal `form:<name>` means. */
  submit?(form: Submission): Promise<Reply>;
};
