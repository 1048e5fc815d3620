/** Reads the Markdown of the repository the way a reader does: links, anchors, code. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

export type Document = { readonly path: string; readonly text: string };
export type Link = { readonly from: string; readonly to: string };

/** All hand-written and generated pages. Throws when there are suspiciously few. */
export function documentsUnder(folder: string, atLeast: number): readonly Document[] {
  const files = globSync(["*.md", "docs/**/*.md"], { cwd: folder })
    .map((file) => file.split(path.sep).join("/"))
    .sort();
  if (files.length < atLeast) throw new Error(`only ${files.length} documents seen: the walk is broken`);
  return files.map((file) => ({ path: file, text: readFileSync(path.join(folder, file), "utf8") }));
}

/** Links to files of the repository, pictures included, from the text outside code. */
export function linksOf(document: Document): readonly Link[] {
  const found = [...withoutCode(document.text).matchAll(/\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
  return found.filter((to) => !/^[a-z]+:/.test(to)).map((to) => ({ from: document.path, to }));
}

/** One sentence per link that leads nowhere: no such file, or no such heading in it. */
export function brokenLinks(folder: string, documents: readonly Document[]): readonly string[] {
  return documents.flatMap(linksOf).flatMap(({ from, to }) => {
    const [file = "", anchor] = to.split("#");
    const target = targetOf(from, file);
    const place = path.join(folder, target);
    if (!existsSync(place)) return [`${from}: ${to} does not exist`];
    if (anchor === undefined || statSync(place).isDirectory()) return [];
    return anchorsOf(readFileSync(place, "utf8")).includes(anchor) ? [] : [`${from}: ${to} names no heading there`];
  });
}

function targetOf(from: string, file: string): string {
  return file === "" ? from : path.posix.normalize(path.posix.join(path.posix.dirname(from), file));
}

/** GitHub's rule for headings: lower case, without punctuation, spaces to dashes. */
export function anchorsOf(text: string): readonly string[] {
  const headings = [...withoutCode(text, { keepInline: true }).matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? "");
  return headings.map((heading) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string, options: { readonly keepInline?: boolean } = {}): string {
  const prose = text.replace(/^( *)```[\s\S]*?^\1```$/gm, "");
  return options.keepInline ? prose : prose.replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, " "));
}

export type Block = { readonly language: string; readonly text: string };

/** Fenced blocks, without the indentation of the list they stand in. */
export function blocksOf(document: Document): readonly Block[] {
  return [...document.text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(([, indent = "", language = "", body = ""]) => {
    const text = body
      .split("\n")
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join("\n");
    return { language, text };
  });
}

/** Everything written in code type: inline code, and the lines of blocks. */
export function codeOf(document: Document): readonly string[] {
  const lines = blocksOf(document).flatMap((block) => block.text.split("\n"));
  const prose = document.text.replace(/^( *)```[\s\S]*?^\1```$/gm, "");
  const inline = [...prose.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? "").replaceAll("\n", " "));
  return [...lines, ...inline];
}
