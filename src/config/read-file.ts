/** Reads a file that people wrote. Anything that is not a readable, regular, small UTF-8 file is a complaint, never a hang or a throw. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { maxBytes, parseText } from "./parse.ts";
import type { Complaint, Report, Written } from "./raw.ts";

/** The tree of the file, or null when something was reported. */
export function readConfigFile(file: string, report: Report): Written | null {
  const text = readText(file);
  if (typeof text === "string") return parseText({ file, text, report });
  report({ file, line: 1, column: 1 }, text);
  return null;
}

function readText(file: string): string | Complaint {
  let descriptor: number | null = null;
  try {
    // O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) return { what: "a folder, not a file", fix: "name a YAML file" };
    if (!stat.isFile()) return { what: "not a regular file", fix: "put a YAML file there" };
    return decode(readCapped(descriptor));
  } catch (error) {
    return openComplaint(error);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function readCapped(descriptor: number): Buffer {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (;;) {
    const got = readSync(descriptor, buffer, length, buffer.length - length, null);
    length += got;
    if (got === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

function decode(bytes: Buffer): string | Complaint {
  if (bytes.length > maxBytes) return { what: "the file is larger than 64 KiB", fix: "split it: one file per service" };
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16) return { what: "the file is UTF-16", fix: "save it as UTF-8" };
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { what: "the file is not UTF-8", fix: "save it as UTF-8" };
  }
}

function openComplaint(error: unknown): Complaint {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  switch (code) {
    case "ENOENT":
      return { what: "the file does not exist", fix: "check the path (gantry.yml, or GANTRY_CONFIG)" };
    case "EACCES":
    case "EPERM":
      return { what: "the file may not be read by this user", fix: "give the server's user read permission" };
    default:
      return { what: `the file cannot be read (${code})`, fix: "check the path and the disk" };
  }
}
