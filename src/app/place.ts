/** A service and one of its environments, as the configuration has them. */
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { SlotKey } from "../core/slot.ts";

export type Place = { readonly service: ServiceConfig; readonly environment: EnvironmentConfig };

export function placeOf(config: GantryConfig, serviceName: string, environmentName: string): Place | Refusal {
  const service = config.services.find((s) => s.name === serviceName);
  if (service === undefined) return refuse("unknown_service", `There is no service \`${serviceName}\`.`);
  const environment = service.environments.find((e) => e.name === environmentName);
  if (environment === undefined) {
    const known = service.environments.map((e) => e.name).join(", ");
    return refuse("unknown_environment", `${serviceName} has no environment \`${environmentName}\`. It has: ${known}.`);
  }
  return { service, environment };
}

export function keyOf(place: Place): SlotKey {
  return { service: place.service.name, environment: place.environment.name };
}

/** `api prod`. */
export function nameOf(place: Place): string {
  return `${place.service.name} ${place.environment.name}`;
}

/** Roles whose members may take away the lock of another. */
export function unlockersOf({ environment }: Place): string[] {
  return [...new Set([...environment.oncall, ...environment.approvals.from])];
}

/** Roles whose members may lock it. */
export function lockersOf(place: Place): string[] {
  return [...new Set([...place.environment.deployers, ...unlockersOf(place)])];
}
