/** What the settings say of the world outside: the configuration, and the adapters that are optional. */
import type { Forge, Log, Tickets } from "../app/ports.ts";
import { formatConfigErrors } from "../config/format.ts";
import { loadConfig } from "../config/load.ts";
import type { GantryConfig } from "../config/valid.ts";
import { createGitHub } from "../github/github.ts";
import { createJira } from "../jira/jira.ts";
import { type Settings, serverErrors } from "../settings.ts";
import { StartError } from "./start-error.ts";

/** Throws StartError with everything that is wrong. */
export function readConfig(settings: Settings): GantryConfig {
  const errors = serverErrors(settings);
  const loaded = loadConfig(settings.config);
  if (loaded.ok && errors.length === 0) return loaded.config;
  const written = loaded.ok ? "" : formatConfigErrors(loaded.errors);
  throw new StartError([...errors, written].filter((text) => text !== "").join("\n"));
}

export function forgeOf(settings: Settings, log: Log): Forge | null {
  const { credentials, apiUrl } = settings.github;
  if (credentials === null) return null;
  return createGitHub({ ...credentials, ...(apiUrl === null ? {} : { apiUrl }), log });
}

export function ticketsOf(settings: Settings): Tickets | null {
  return settings.jira === null ? null : createJira(settings.jira);
}
