/**
 * Container logs come as frames (stream, three zero bytes, length in four bytes, payload), or plain when the container has a
 * terminal. https://docs.docker.com/reference/api/engine/ (attach, "Stream format")
 */
import { StringDecoder } from "node:string_decoder";

export function splitLog(raw: Buffer): string[] {
  const text = isFramed(raw) ? unframe(raw) : raw.toString("utf8");
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function isFramed(raw: Buffer): boolean {
  return raw.length >= 8 && (raw[0] ?? 9) <= 2 && raw.readUIntBE(1, 3) === 0;
}

function unframe(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** A line that has no end by then is given up to here, and the rest of it is passed over. */
const mostOfALine = 64 * 1024;

type Half = { readonly decoder: StringDecoder; rest: string; isCut: boolean };

/** Lines as they come, in any pieces; each stream's own lines are kept apart. `end` gives what has no end yet. */
export function createLineReader(onLine: (line: string) => void): { take(chunk: Buffer): void; end(): void } {
  const halves = new Map<number, Half>();
  let raw: Buffer = Buffer.alloc(0);
  let framed: boolean | null = null;

  function read(stream: number, bytes: Buffer): void {
    const half = halves.get(stream) ?? { decoder: new StringDecoder("utf8"), rest: "", isCut: false };
    halves.set(stream, half);
    const lines = (half.rest + half.decoder.write(bytes)).split(/\r?\n/);
    half.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!half.isCut) onLine(line);
      half.isCut = false;
    }
    if (half.rest.length <= mostOfALine) return;
    if (!half.isCut) onLine(half.rest.slice(0, mostOfALine));
    half.isCut = true;
    half.rest = "";
  }

  function take(chunk: Buffer): void {
    raw = raw.length === 0 ? chunk : Buffer.concat([raw, chunk]);
    if (framed === null && raw.length < 8) return;
    framed ??= isFramed(raw);
    if (!framed) {
      read(0, raw);
      raw = Buffer.alloc(0);
      return;
    }
    while (raw.length >= 8) {
      const end = 8 + raw.readUInt32BE(4);
      if (raw.length < end) return;
      read(raw[0] ?? 0, raw.subarray(8, end));
      raw = raw.subarray(end);
    }
  }

  return {
    take,
    end() {
      if (framed !== true && raw.length > 0) read(0, raw);
      for (const { rest, isCut } of halves.values()) if (rest !== "" && !isCut) onLine(rest);
    },
  };
}
