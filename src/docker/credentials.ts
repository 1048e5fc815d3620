/** Registry logins as `docker login` keeps them, in config.json. Credential helpers are not run. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type Login = { readonly username: string; readonly password: string; readonly serveraddress: string };

const hub = "docker.io";
/** Docker keeps the login of its own registry under the address of an API that is gone. */
const hubLogin = "https://index.docker.io/v1/";

function namesOf(host: string): string[] {
  return host === hub ? [hubLogin, hub] : [host, `https://${host}`];
}

/** The login for a repository's registry, or null. Read anew each time, so that a renewed login counts at once. */
export async function loginFor(configDir: string, repository: string): Promise<Login | null> {
  const host = repository.split("/", 1)[0] ?? "";
  try {
    const config = JSON.parse(await readFile(join(configDir, "config.json"), "utf8")) as {
      auths?: Record<string, { auth?: string }>;
    };
    const encoded = namesOf(host)
      .map((name) => config.auths?.[name]?.auth)
      .find((auth) => auth !== undefined);
    if (encoded === undefined) return null;
    const decoded = Buffer.from(encoded, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon < 1) return null;
    return {
      username: decoded.slice(0, colon),
      password: decoded.slice(colon + 1),
      serveraddress: host === hub ? hubLogin : host,
    };
  } catch {
    return null;
  }
}
