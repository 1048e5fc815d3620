import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const unpack = readFileSync(new URL("unpack.sh", import.meta.url), "utf8");

/** A script that unpacks `archive` (a tar.gz with an executable `run`) behind itself and runs it. Equal archives give equal files. */
export function oneFile(archive: Buffer): Buffer {
  const payload = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  const begins = String(unpack.split("\n").length);
  const script = unpack.replace("@PAYLOAD@", payload).replace("@BEGINS@", begins);
  return Buffer.concat([Buffer.from(script), archive]);
}
