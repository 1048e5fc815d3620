/** Reads what buttons and forms bring back. Anybody can forge it, so it is only believed in exactly the shape it was written in. */
import type { DecisionValue, RollbackValue } from "../src/messages/values.ts";

/** `{rollout, planHash}`, or null. */
export function readDecision(value: unknown): DecisionValue | null {
  const record = recordOf(value, ["rollout", "planHash"]);
  if (record === null) return null;
  const { rollout, planHash } = record;
  return isNumber(rollout) && isHash(planHash) ? { rollout, planHash } : null;
}

/** What the Never mind of a preview carries: a decision about no rollout. */
export function isNothing(value: unknown): boolean {
  const record = recordOf(value, ["rollout", "planHash"]);
  return record !== null && record["rollout"] === null && isHash(record["planHash"]);
}

/** The act of a rollback preview, or null. */
export function readRollback(value: unknown): RollbackValue | null {
  const record = recordOf(value, ["rollout", "planHash", "service", "environment", "to"]);
  if (record === null) return null;
  const { rollout, planHash, service, environment, to } = record;
  const rolloutOk = rollout === null || isNumber(rollout);
  if (!rolloutOk || !isHash(planHash) || !isName(service) || !isName(environment)) return null;
  if (to !== null && !isNumber(to)) return null;
  return { rollout, planHash, service, environment, to };
}

/** A form's context, or null. */
export function readContext(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** An object with exactly these keys of its own. */
export function recordOf(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const own = Object.keys(value);
  const exact = own.length === keys.length && keys.every((key) => own.includes(key));
  return exact ? (value as Record<string, unknown>) : null;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9:_-]{1,128}$/.test(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z][a-z0-9-]{0,39}$/.test(value);
}
