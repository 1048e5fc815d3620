/** Reads what buttons and forms bring back. Anybody can forge it, so it is only believed in exactly the shape it was written in. */
import { freeText, normalise } from "../src/core/normalise.ts";
import { isFault } from "../src/core/scan.ts";
import { readWord } from "../src/core/words.ts";
import type {
  ContinueValue,
  DecisionValue,
  DeployValue,
  GoBackValue,
  PromoteValue,
  RollbackValue,
  SkipSoakValue,
} from "../src/messages/values.ts";

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

/** The one-tap way back of a card that was raised again, or null. */
export function readGoBack(value: unknown): GoBackValue | null {
  const record = recordOf(value, ["rollout", "planHash", "to"]);
  if (record === null) return null;
  const { rollout, planHash, to } = record;
  return isNumber(rollout) && isHash(planHash) && isNumber(to) ? { rollout, planHash, to } : null;
}

/** The context of the form that asks why to go on, or null. */
export function readContinue(value: unknown): ContinueValue | null {
  const record = recordOf(value, ["rollout", "planHash", "hosts"]);
  if (record === null) return null;
  const { rollout, planHash, hosts } = record;
  if (!isNumber(rollout) || !isHash(planHash) || !Array.isArray(hosts) || hosts.length === 0) return null;
  return hosts.every(isHost) ? { rollout, planHash, hosts } : null;
}

/** The soak that a button was made for, or null. */
export function readSkipSoak(value: unknown): SkipSoakValue | null {
  const record = recordOf(value, ["rollout", "planHash", "batch"]);
  if (record === null) return null;
  const { rollout, planHash, batch } = record;
  const isBatch = Number.isSafeInteger(batch) && (batch as number) >= 0;
  return isNumber(rollout) && isHash(planHash) && isBatch ? { rollout, planHash, batch: batch as number } : null;
}

/** A deploy that was refused and shall wait in line, or null. */
export function readDeploy(value: unknown): DeployValue | null {
  const record = recordOf(value, ["service", "environment", "ref", "allowBad", "why"]);
  if (record === null) return null;
  const { service, environment, ref, allowBad, why } = record;
  if (!isName(service) || !isName(environment) || typeof ref !== "string" || typeof allowBad !== "boolean") return null;
  const read = readWord("ref", ref, { vocabulary: { services: [] }, verbs: [], service: null }, null);
  return !isFault(read) && isReason(why) ? { service, environment, ref, allowBad, why } : null;
}

/** A promotion that was refused and shall wait in line, or null. */
export function readPromote(value: unknown): PromoteValue | null {
  const record = recordOf(value, ["service", "from", "to", "why"]);
  if (record === null) return null;
  const { service, from, to, why } = record;
  return isName(service) && (from === null || isName(from)) && isName(to) && isReason(why) ? { service, from, to, why } : null;
}

/** Words that have been through the same door as typed ones: nothing in them calls anybody. */
function isReason(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && value.length <= 1000 && freeText(normalise(value)) === value);
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

/** It is looked up, never shown as it came. */
function isHost(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 255;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z][a-z0-9-]{0,39}$/.test(value);
}
