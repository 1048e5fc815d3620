/** Slack's mrkdwn, as far as people write it: parsed once here, shown as text by the tests and as elements by the window. */
import { emojiFor } from "./emoji.ts";

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bold" | "italic" | "strike" | "quote"; readonly children: readonly Node[] }
  | { readonly kind: "code" | "pre"; readonly text: string }
  | { readonly kind: "link"; readonly url: string; readonly label: string }
  | { readonly kind: "mention"; readonly text: string };

/** Names for the ids in `<@U…>`, `<#C…>` and `<!subteam^S…>`. */
export type Names = {
  readonly user: (id: string) => string;
  readonly channel: (id: string) => string;
  readonly group: (id: string) => string;
};

export function parseMrkdwn(text: string, names: Names): readonly Node[] {
  const nodes: Node[] = [];
  const fence = /```\n?([\s\S]*?)\n?```/g;
  let from = 0;
  for (const match of text.matchAll(fence)) {
    nodes.push(...parseLines(text.slice(from, match.index), names));
    nodes.push({ kind: "pre", text: unescapeControl(stripAngles(match[1] ?? "", names)) });
    from = match.index + match[0].length;
  }
  nodes.push(...parseLines(text.slice(from), names));
  return nodes;
}

/** A `plain_text` object: no markup, emoji only. */
export function parsePlain(text: string): readonly Node[] {
  return [{ kind: "text", text: withEmoji(text) }];
}

export function toPlainText(nodes: readonly Node[]): string {
  return nodes.map(plainOf).join("");
}

function plainOf(node: Node): string {
  switch (node.kind) {
    case "text":
    case "mention":
    case "code":
      return node.text;
    case "pre":
      return `\n${node.text}\n`;
    case "link":
      return node.label;
    case "quote":
      return `\n${toPlainText(node.children)}\n`;
    case "bold":
    case "italic":
    case "strike":
      return toPlainText(node.children);
  }
}

function parseLines(text: string, names: Names): Node[] {
  const nodes: Node[] = [];
  let plain: string[] = [];
  let quoted: string[] = [];
  const flush = () => {
    if (plain.length > 0) nodes.push(...parseInline(plain.join("\n"), names));
    if (quoted.length > 0) nodes.push({ kind: "quote", children: parseInline(quoted.join("\n"), names) });
    plain = [];
    quoted = [];
  };
  for (const line of text.split("\n")) {
    const isQuote = line.startsWith("&gt;") || line.startsWith(">");
    if (isQuote !== quoted.length > 0) flush();
    if (isQuote) quoted.push(line.replace(/^(&gt;|>) ?/, ""));
    else plain.push(line);
  }
  flush();
  return nodes;
}

/** The next piece of markup: code, an angle bracket, or a pair of marks standing at the edge of a word. */
const INLINE =
  /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(?=\S)([^*\n]*[^*\s])\*(?!\w)|(?<![\w_])_(?=\S)([^_\n]*[^_\s])_(?!\w)|(?<![\w~])~(?=\S)([^~\n]*[^~\s])~(?!\w)/;

function parseInline(text: string, names: Names): Node[] {
  const nodes: Node[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match !== null; match = INLINE.exec(rest)) {
    if (match.index > 0) nodes.push(plainNode(rest.slice(0, match.index)));
    nodes.push(nodeOf(match, names));
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest !== "") nodes.push(plainNode(rest));
  return nodes;
}

function nodeOf(match: RegExpExecArray, names: Names): Node {
  const [, code, angle, bold, italic, strike] = match;
  if (code !== undefined) return { kind: "code", text: unescapeControl(stripAngles(code, names)) };
  if (angle !== undefined) return angleNode(angle, names);
  if (bold !== undefined) return { kind: "bold", children: parseInline(bold, names) };
  if (italic !== undefined) return { kind: "italic", children: parseInline(italic, names) };
  return { kind: "strike", children: parseInline(strike ?? "", names) };
}

function angleNode(inside: string, names: Names): Node {
  const [target = "", label] = splitOnce(inside, "|");
  if (target.startsWith("@")) return { kind: "mention", text: `@${names.user(target.slice(1))}` };
  if (target.startsWith("#")) return { kind: "mention", text: `#${names.channel(target.slice(1))}` };
  if (target.startsWith("!subteam^")) return { kind: "mention", text: `@${names.group(target.slice("!subteam^".length))}` };
  if (target.startsWith("!date^")) return { kind: "text", text: dateText(target, label) };
  if (target.startsWith("!")) return { kind: "mention", text: `@${target.slice(1)}` };
  // Anything else in angle brackets is no markup.
  if (!/^[a-z][a-z0-9+.-]*:/i.test(target)) return { kind: "text", text: `<${inside}>` };
  const url = unescapeControl(target);
  return { kind: "link", url, label: label === undefined ? url.replace(/^mailto:/, "") : withEmoji(unescapeControl(label)) };
}

/** `<!date^1767603600^{date_short} at {time}|fallback>`, in UTC so that a transcript is the same everywhere. */
function dateText(target: string, fallback: string | undefined): string {
  const [, seconds, format = ""] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return fallback ?? target;
  const iso = at.toISOString();
  return format.replace(/\{(\w+)\}/g, (_, token: string) => {
    if (token === "time") return iso.slice(11, 16);
    if (token === "time_secs") return iso.slice(11, 19);
    return iso.slice(0, 10);
  });
}

function plainNode(text: string): Node {
  return { kind: "text", text: withEmoji(unescapeControl(text)) };
}

function stripAngles(text: string, names: Names): string {
  return text.replace(/<([^<>\n]+)>/g, (_, inside: string) => plainOf(angleNode(inside, names)));
}

function withEmoji(text: string): string {
  return text.replace(/:([a-z0-9_+-]+):/g, (_, code: string) => emojiFor(code));
}

function unescapeControl(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
