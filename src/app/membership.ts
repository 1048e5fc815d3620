/** Where configuration and hosts meet: which environments a host belongs to. */
import type { EnvironmentConfig, GantryConfig } from "../config/valid.ts";
import type { SlotKey } from "../core/slot.ts";
import { hasLabels } from "./planner.ts";

export type ConfiguredPlace = SlotKey & { readonly settings: EnvironmentConfig };

/** Null: it has gone from the configuration. */
export function environmentOf(config: GantryConfig, key: SlotKey): EnvironmentConfig | null {
  const service = config.services.find((s) => s.name === key.service);
  return service?.environments.find((e) => e.name === key.environment) ?? null;
}

export function placesOf(config: GantryConfig, labels: Readonly<Record<string, string>>): ConfiguredPlace[] {
  return config.services.flatMap((service) =>
    service.environments
      .filter((settings) => hasLabels(labels, settings.hosts))
      .map((settings) => ({ service: service.name, environment: settings.name, settings })),
  );
}
