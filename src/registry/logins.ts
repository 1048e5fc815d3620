/** Who we are to a registry: Docker's config.json and its credential helpers, and Amazon's token API for its registries. */
import { join } from "node:path";
import type { RegistryLogins } from "../app/ports.ts";
import type { Environment } from "./aws-keys.ts";
import { findInConfig } from "./docker-config.ts";
import { createEcrLogins, ecrPlace } from "./ecr.ts";
import { Wire } from "./wire.ts";

export type OpenLogins = RegistryLogins & { close(): Promise<void> };

/**
 * A helper that the config names for a registry counts first, then Amazon's API, then what `docker login` left behind: a
 * token of Amazon's that lies in config.json is good for 12 hours at most.
 */
export function createLogins(facts: {
  /** Where config.json lies; null for none. */
  readonly configDir: string | null;
  /** AWS_… variables of the process. */
  readonly env: Environment;
  readonly now?: () => Date;
}): OpenLogins {
  const { configDir, env, now = () => new Date() } = facts;
  const wire = new Wire({ stallMs: 2_000 });
  const ecr = createEcrLogins({ env, wire, now });
  return {
    place: configDir === null ? "no Docker config" : join(configDir, "config.json"),
    async find(host) {
      const inConfig = await findInConfig(host, configDir);
      if (ecrPlace(host) === null || inConfig?.isHelper === true) return inConfig;
      const login = await ecr.find(host);
      return login === null ? inConfig : { login, source: "the ECR token API" };
    },
    close: () => wire.close(),
  };
}
