/**
 * Container logs come as frames (stream, three zero bytes, length in four bytes, payload), or plain when the container has a
 * terminal. https://docs.docker.com/reference/api/engine/ (attach, "Stream format")
 */
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
