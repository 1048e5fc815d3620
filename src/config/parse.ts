/**
 * Text to `Written`, safely. The checks before the yaml package sees the text are there because deep nesting can abort
 * the process (no exception to catch). Anchors, aliases and merge keys mean what they mean to Compose, with a bound on what
 * they may grow to; tags are refused, because they let a file say something else than it shows.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { maxDepth, tooDeep, troubleIn } from "./prescan.ts";
import { type Complaint, type Entry, quote, type Report, type Spot, type Written } from "./raw.ts";

export const maxBytes = 64 * 1024;

/** The tree of one file, or null when the text is not a single YAML document (then something was reported). */
export function parseText(facts: { file: string; text: string; report: Report }): Written | null {
  const { file, report } = facts;
  const text = facts.text.replace(/^\ufeff/, "");
  const start: Spot = { file, line: 1, column: 1 };
  if (text.length > maxBytes) {
    report(start, { what: "the file is larger than 64 KiB", fix: "split it: one file per service" });
    return null;
  }
  const trouble = troubleIn(text);
  if (trouble !== null) {
    report({ file, ...spotOf(text, trouble.at) }, trouble);
    return null;
  }
  const lines = new LineCounter();
  const document = onlyDocument({ text, lines, file, report });
  if (document === null) return null;
  const tree = new TreeBuilder({ file, lines, report });
  const root = tree.build(document.contents as Node | null, start, 0);
  return tree.broken ? null : root;
}

function spotOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function onlyDocument(facts: { text: string; lines: LineCounter; file: string; report: Report }): Document | null {
  const { text, lines, file, report } = facts;
  const start: Spot = { file, line: 1, column: 1 };
  const documents = readDocuments(text, lines);
  if (documents === null) {
    report(start, { what: "not readable as YAML", fix: "look at the examples folder for the form" });
    return null;
  }
  for (const document of documents) {
    // One mistake makes the parser stumble many times; the first three tell it.
    for (const error of document.errors.slice(0, 3)) {
      report({ file, ...positionOf(lines, error.pos[0]) }, { what: sentence(error.message), fix: syntaxFix(error.code) });
    }
    if (document.errors.length > 0) return null;
  }
  const second = documents[1];
  if (second !== undefined) {
    const spot = { file, ...positionOf(lines, second.range?.[0] ?? 0) };
    report(spot, {
      what: "a second YAML document in one file",
      fix: "one file per service: remove the `---` and what follows it",
    });
    return null;
  }
  const only = documents[0];
  if (only === undefined || only.contents === null) {
    report(start, { what: "the file is empty", fix: "look at the examples folder for the form" });
    return null;
  }
  return only;
}

function readDocuments(text: string, lines: LineCounter): Document[] | null {
  try {
    // Duplicate keys are found here below: the package compares each key with every other one.
    const options = { schema: "failsafe", version: "1.2", prettyErrors: false, uniqueKeys: false, logLevel: "silent" } as const;
    return [...parseAllDocuments(text, { ...options, merge: false, lineCounter: lines })] as unknown as Document[];
  } catch {
    return null;
  }
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function sentence(message: string): string {
  return `YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

function syntaxFix(code: string): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "indent with spaces";
    case "MISSING_CHAR":
      return "close the quote or the bracket";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "put a text with `: ` in it between quotes";
    default:
      return "check the indentation and the quotes on this line and the one before";
  }
}

/** Values that all aliases of a file together may stand for: a file may not be small to read and endless to work through. */
const maxAliased = 5000;

const tooManyAliased: Complaint = {
  what: `the aliases stand for more than ${maxAliased} values`,
  fix: "write the file with fewer aliases of aliases",
};

/** What an anchor names, how many values that is, and how deep. */
type Anchored = { readonly tree: Written; readonly size: number; readonly depth: number };

class TreeBuilder {
  broken = false;
  private readonly anchors = new Map<string, Anchored>();
  private aliased = 0;
  private readonly file: string;
  private readonly lines: LineCounter;
  private readonly report: Report;

  constructor(facts: { file: string; lines: LineCounter; report: Report }) {
    this.file = facts.file;
    this.lines = facts.lines;
    this.report = facts.report;
  }

  /** `fallback` is the spot of a value that is not there: its key's. */
  build(node: Node | null, fallback: Spot, depth: number): Written {
    if (node === null) return { kind: "nothing", spot: fallback };
    const spot = this.spotOf(node, fallback);
    if (depth > maxDepth) return this.refuse(spot, tooDeep.what, tooDeep.fix);
    if (isAlias(node)) return this.named(node.source, spot, depth);
    this.refuseTag(node, spot);
    const tree = this.plain(node, { spot, fallback, depth });
    const { anchor } = node as { anchor?: string };
    if (anchor) this.anchors.set(anchor, { tree, ...extentOf(tree) });
    return tree;
  }

  private plain(node: Node, at: { spot: Spot; fallback: Spot; depth: number }): Written {
    const { spot, fallback, depth } = at;
    if (isSeq(node))
      return { kind: "list", items: node.items.map((item) => this.build(item as Node | null, spot, depth + 1)), spot };
    if (isMap(node)) return { kind: "map", entries: this.entries(node.items as Pairs, spot, depth), spot };
    if (!isScalar(node)) return this.refuse(spot, "not a text, a list or a map", "look at the examples folder for the form");
    const text = String(node.value ?? "");
    const plain = node.type === "PLAIN";
    if (plain && text === "") return { kind: "nothing", spot: fallback };
    return { kind: "text", text, plain, spot };
  }

  /** What an alias stands for keeps its own place: that is where a mistake in it is mended. */
  private named(name: string, spot: Spot, depth: number): Written {
    const found = this.anchors.get(name);
    if (found === undefined)
      return this.refuse(
        spot,
        `the alias *${name} has no anchor before it`,
        `write &${name} where the value stands, above this line`,
      );
    const isFirst = this.aliased <= maxAliased;
    this.aliased += found.size;
    if (this.aliased > maxAliased) {
      this.broken = true;
      if (isFirst) this.report(spot, tooManyAliased);
      return { kind: "nothing", spot };
    }
    return depth + found.depth > maxDepth ? this.refuse(spot, tooDeep.what, tooDeep.fix) : found.tree;
  }

  private entries(pairs: Pairs, spot: Spot, depth: number): Entry[] {
    const first = new Map<string, Spot>();
    const entries: Entry[] = [];
    const merged: Entry[] = [];
    for (const pair of pairs) {
      const keySpot = pair.key === null ? spot : this.spotOf(pair.key, spot);
      if (!isScalar(pair.key)) {
        this.refuse(keySpot, "a key that is not a text", "write `key: value`");
        continue;
      }
      this.refuseTag(pair.key, keySpot);
      const key = String(pair.key.value ?? "");
      const earlier = first.get(key);
      if (key === "<<") merged.push(...this.merged(this.build(pair.value, keySpot, depth), keySpot));
      else if (earlier !== undefined) {
        this.report(keySpot, {
          what: `the key ${quote(key)} a second time (first on line ${earlier.line})`,
          fix: "keep one of the two",
        });
      } else {
        first.set(key, keySpot);
        entries.push({ key, keySpot, value: this.build(pair.value, keySpot, depth + 1) });
      }
    }
    for (const entry of merged) {
      if (first.has(entry.key)) continue;
      first.set(entry.key, entry.keySpot);
      entries.push(entry);
    }
    return entries;
  }

  /** The keys that `<<:` brings: of one map, or of several, of which the earlier wins. Those of the map itself win over all. */
  private merged(value: Written, keySpot: Spot): readonly Entry[] {
    const maps = value.kind === "list" ? value.items : [value];
    return maps.flatMap((map) => {
      if (map.kind === "map") return map.entries;
      if (!this.broken) this.refuse(keySpot, "<< without a map", "write <<: *name of a map, or a list of such names");
      return [];
    });
  }

  private refuseTag(node: Node, spot: Spot): void {
    const { tag } = node as { tag?: string };
    if (!tag) return;
    const short = tag.replace("tag:yaml.org,2002:", "!!");
    this.refuse(spot, `a tag (${short})`, "remove it: every value is read as written");
  }

  private refuse(spot: Spot, what: string, fix: string): Written {
    this.broken = true;
    this.report(spot, { what, fix });
    return { kind: "nothing", spot };
  }

  private spotOf(node: Node, fallback: Spot): Spot {
    return node.range ? { file: this.file, ...positionOf(this.lines, node.range[0]) } : fallback;
  }
}

type Pairs = readonly { readonly key: Node | null; readonly value: Node | null }[];

function extentOf(tree: Written): { size: number; depth: number } {
  switch (tree.kind) {
    case "text":
    case "nothing":
      return { size: 1, depth: 0 };
    case "list":
      return around(tree.items);
    case "map":
      return around(tree.entries.map(({ value }) => value));
  }
}

function around(children: readonly Written[]): { size: number; depth: number } {
  const extents = children.map(extentOf);
  return {
    size: extents.reduce((sum, { size }) => sum + size, 1),
    depth: 1 + extents.reduce((most, { depth }) => Math.max(most, depth), 0),
  };
}
