/** Just enough of the tar format (ustar) for an image layer: files and links with fixed times, so that equal content is equal bytes. */

export type TarEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

const block = 512;

/** Paths are relative, without a leading slash, at most 100 bytes. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = entry.kind === "file" ? entry.content : Buffer.alloc(0);
    return [header(entry, content.length), content, Buffer.alloc((block - (content.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(entry: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  const mode = entry.kind === "link" ? 0o777 : entry.mode;
  bytes.write(entry.kind === "folder" ? `${entry.path}/` : entry.path, 0, 100);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(0, 11), 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write({ file: "0", folder: "5", link: "2" }[entry.kind], 156);
  if (entry.kind === "link") bytes.write(entry.target, 157, 100);
  bytes.write("ustar\0" + "00", 257);
  // the checksum counts its own field as blanks
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
