/** One text for a slot, made once: texts that are put together anew for every look cost more than the look. */
import type { SlotKey } from "../../../src/core/slot.ts";

const names = new Map<string, Map<string, Map<string, string>>>();

/** `prod-1 api prod`. */
export function slotName(host: string, { service, environment }: SlotKey): string {
  const known = names.get(service)?.get(environment)?.get(host);
  if (known !== undefined) return known;
  const name = `${host} ${service} ${environment}`;
  const ofService = names.get(service) ?? new Map<string, Map<string, string>>();
  const ofEnvironment = ofService.get(environment) ?? new Map<string, string>();
  names.set(service, ofService.set(environment, ofEnvironment.set(host, name)));
  return name;
}
