/** The server's secrets: read anew each time, kept nowhere, and told apart by a keyed hash. */
import { createHmac } from "node:crypto";
import type { Secrets, SecretValue } from "../app/ports.ts";
import { providerOf, type SecretProvider, type ServerSecret } from "../core/secrets.ts";
import { type Around, missing, readProvider } from "./read.ts";

/** Enough to tell two values apart. */
const versionDigits = 12;

export function createSecrets(
  parts: Around & {
    readonly providers: readonly SecretProvider[];
    /** Of the data folder (key.ts): without it nobody can try out short values against a version. */
    readonly key: Uint8Array;
  },
): Secrets {
  const { providers, key } = parts;
  /** Many hosts ask at one moment: that is one reading. */
  const underWay = new Map<SecretProvider, Promise<SecretValue>>();

  async function readNow(provider: SecretProvider): Promise<SecretValue> {
    const bytes = await readProvider(provider, parts);
    return { bytes, version: versionOf(provider, bytes) };
  }

  function versionOf({ environment, name }: SecretProvider, bytes: Uint8Array): string {
    // With its name: two secrets of one value must not be known for it.
    const hmac = createHmac("sha256", key).update(JSON.stringify([environment, name]));
    return hmac.update(bytes).digest("hex").slice(0, versionDigits);
  }

  async function read(secret: ServerSecret): Promise<SecretValue> {
    const provider = providerOf(providers, secret);
    if (provider === null) throw missing("gantry.yml does not say where it is");
    const known = underWay.get(provider);
    if (known !== undefined) return await known;
    const reading = readNow(provider);
    underWay.set(provider, reading);
    try {
      return await reading;
    } finally {
      underWay.delete(provider);
    }
  }

  return { read };
}
