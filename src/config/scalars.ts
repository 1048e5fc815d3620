/** The small languages inside scalars: durations, sizes, amounts, names, words. */
import type { Amount } from "../core/plan.ts";
import { type Complaint, quote } from "./raw.ts";
import { nearest, type Schema, type Shape, scalar } from "./shape.ts";

type Parsed<T> = { readonly value: T } | Complaint;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `200ms`, `30s`, `5m`, `1h`, `1m30s`: to milliseconds. Compose writes durations the same way. */
function parseDuration(text: string): Parsed<number> {
  const wrong = { what: `${quote(text)} is not a duration`, fix: "write a number with its unit: 200ms, 30s, 5m, 1h or 1m30s" };
  if (/^\d+$/.test(text))
    return { what: `${quote(text)} has no unit`, fix: `write ${text}s for seconds or ${text}ms for milliseconds` };
  if (!/^(\d{1,9}(ms|s|m|h))+$/.test(text)) return wrong;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) ms += Number(count) * (unitMs[unit as string] as number);
  return { value: ms };
}

export function durationText(ms: number): string {
  if (ms % 3_600_000 === 0 && ms > 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** A duration within bounds, in milliseconds. */
export function duration(bounds: { minMs: number; maxMs: number }): Shape<number> {
  const { minMs, maxMs } = bounds;
  return scalar({
    expected: "a duration such as 30s",
    schema: { type: "string", pattern: "^(\\d+(ms|s|m|h))+$" },
    parse(text) {
      const parsed = parseDuration(text);
      if (!("value" in parsed)) return parsed;
      if (parsed.value >= minMs && parsed.value <= maxMs) return parsed;
      return {
        what: `${text} is too ${parsed.value < minMs ? "short" : "long"}`,
        fix: `write a duration from ${durationText(minMs)} to ${durationText(maxMs)}`,
      };
    },
  });
}

const unitBytes: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** A number alone is bytes, as Compose takes it; below this it is a unit that was forgotten. */
const leastPlainBytes = 1024 ** 2;

/** `64m`, `1g`, `512mb`, or a plain number of bytes: to bytes. `min` is told as `least`. */
export function bytes({ min, least }: { min: number; least?: string }): Shape<number> {
  return scalar({
    expected: "a size such as 64m",
    schema: { type: ["string", "integer"], pattern: "^(\\d+([kmgKMG][bB]?|[bB])|\\d{7,})$" },
    parse(text) {
      const match = /^(\d{1,12}(?:\.\d{1,3})?)([bkmg])b?$/i.exec(text) ?? /^(\d{7,15})()$/.exec(text);
      const plain = match?.[2] === "";
      if (/^\d+$/.test(text) && !(plain && Number(text) >= leastPlainBytes))
        return { what: `${quote(text)} has no unit`, fix: `write ${text}m for mebibytes or ${text}b for bytes` };
      if (match === null) return { what: `${quote(text)} is not a size`, fix: "write a number with its unit: 64m or 1g" };
      const unit = plain ? 1 : (unitBytes[(match[2] as string).toLowerCase()] as number);
      const value = Math.round(Number(match[1]) * unit);
      if (value < min) return { what: `${text} is too small`, fix: `write at least ${least ?? `${min}b`}` };
      return value > 64 * 1024 ** 4 ? { what: `${text} is too large`, fix: "write at most 65536g" } : { value };
    },
  });
}

/** Of memory. */
export const size: Shape<number> = bytes({ min: 6 * 1024 ** 2, least: "6m: the engine refuses less" });

/** Microseconds as a number, or a duration: `50000`, `50ms`. */
export const microseconds: Shape<number> = scalar({
  expected: "a number of microseconds, or a duration such as 50ms",
  schema: { type: ["integer", "string"] },
  parse(text) {
    const parsed = /^\d{1,9}$/.test(text) ? { value: Number(text) / 1000 } : parseDuration(text);
    if (!("value" in parsed)) return parsed;
    if (parsed.value >= 1 && parsed.value <= 1000) return { value: Math.round(parsed.value * 1000) };
    return { what: `${text} is out of bounds`, fix: "write 1000 to 1000000 microseconds (1ms to 1s)" };
  },
});

export function integer(bounds: { min: number; max: number }): Shape<number> {
  const { min, max } = bounds;
  return scalar({
    expected: `a whole number from ${min} to ${max}`,
    schema: { type: "integer", minimum: min, maximum: max },
    parse(text) {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return { value };
      const what = Number.isNaN(value) ? `${quote(text)} is not a whole number` : `${text} is out of bounds`;
      return { what, fix: `write a whole number from ${min} to ${max}` };
    },
  });
}

export const truth: Shape<boolean> = scalar({
  expected: "true or false",
  schema: { type: "boolean" },
  parse(text) {
    if (text === "true" || text === "false") return { value: text === "true" };
    return { what: `${quote(text)} is neither true nor false`, fix: "write true or false" };
  },
});

/** Hosts as a number or as a share: `2`, `25%`. */
export function amount(bounds: { minHosts: 0 | 1 }): Shape<Amount> {
  const { minHosts } = bounds;
  const fix = `write a number of hosts${minHosts === 0 ? " (0 for none)" : ""} or a share from ${minHosts}% to 100%`;
  return scalar<Amount>({
    expected: "a number of hosts or a share such as 25%",
    schema: {
      anyOf: [
        { type: "integer", minimum: minHosts },
        { type: "string", pattern: "^\\d+%$" },
      ],
    },
    parse(text) {
      const match = /^(\d{1,5})(%?)$/.exec(text);
      if (match === null) return { what: `${quote(text)} is not an amount of hosts`, fix };
      const number = Number(match[1]);
      if (number < minHosts || (match[2] === "%" && number > 100)) return { what: `${text} is out of bounds`, fix };
      return { value: match[2] === "%" ? { percent: number } : { hosts: number } };
    },
  });
}

/** A text that fits a pattern. */
export function text(facts: { expected: string; pattern?: RegExp; fix?: string; max?: number }): Shape<string> {
  const { expected, pattern, max = 4096 } = facts;
  const schema: Schema =
    pattern === undefined ? { type: ["string", "number", "boolean"] } : { type: "string", pattern: pattern.source };
  return scalar({
    expected,
    schema,
    parse(value) {
      if (value.length > max) return { what: `a text of ${value.length} characters`, fix: `write at most ${max}` };
      if (pattern === undefined || pattern.test(value)) return { value };
      return { what: `${quote(value)} is not ${expected}`, fix: facts.fix ?? `write ${expected}` };
    },
  });
}

/** One of a few words. */
export function oneOf<W extends string>(words: readonly W[], refused: Readonly<Record<string, Complaint>> = {}): Shape<W> {
  const list = words.join(", ");
  return scalar({
    expected: `one of ${list}`,
    schema: { enum: words },
    parse(value) {
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return { value: word };
      const known = Object.hasOwn(refused, value) ? refused[value] : undefined;
      if (known !== undefined) return known;
      const near = nearest(value, words);
      return {
        what: `${quote(value)} is not one of ${list}`,
        fix: near === null ? `write one of ${list}` : `did you mean "${near}"?`,
      };
    },
  });
}
