/** Small helpers for the generated pages. */

/** The first line of every generated page: what it is made from. */
export function generated(source: string): string {
  return `<!-- Made by \`npm run docs\` from ${source}. Change it there. -->`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n");
}

/** Markup characters that would end a cell are escaped; line ends become spaces. */
function cell(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}

export function page(parts: readonly string[]): string {
  return `${parts.join("\n\n")}\n`;
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
