/**
 * Shapes: one declaration of what may stand somewhere, from which come the reader (typed value or complaints, never a
 * throw) and the JSON Schema for editors. A shape that complained answers null; everything else goes on being read, so
 * that all errors are told at once.
 */
import { distance } from "fastest-levenshtein";
import { type Complaint, kindName, quote, type Report, type Spot, type Written } from "./raw.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** A value and where it stood, for checks that look at more than one place. */
export type Located<T> = { readonly value: T; readonly spot: Spot };

export type Shape<T> = {
  /** The value in a box, or null when something was reported. */
  readonly read: (written: Written, report: Report) => { readonly value: T } | null;
  readonly schema: Schema;
};

/** A text that means something: `parse` gives the value in a box, or what is wrong with it. */
export function scalar<T>(facts: {
  /** For "a list, where … belongs": "a duration such as 30s". */
  expected: string;
  parse: (text: string) => { readonly value: T } | Complaint;
  schema: Schema;
}): Shape<T> {
  const { expected, parse, schema } = facts;
  return {
    schema,
    read(written, report) {
      if (written.kind !== "text") return complain(report, written.spot, wrongKind(written, expected));
      if (written.plain && /^(~|null|Null|NULL)$/.test(written.text)) {
        return complain(report, written.spot, {
          what: `${written.text} is no value`,
          fix: `write ${expected}, or leave the key out`,
        });
      }
      const parsed = parse(written.text);
      return "value" in parsed ? parsed : complain(report, written.spot, parsed);
    },
  };
}

export function listOf<T>(item: Shape<T>, options: { expected?: string; nonEmpty?: boolean } = {}): Shape<readonly T[]> {
  const expected = options.expected ?? "a list";
  return {
    schema: { type: "array", items: item.schema, ...(options.nonEmpty ? { minItems: 1 } : {}) },
    read(written, report) {
      if (written.kind !== "list") return complain(report, written.spot, wrongKind(written, expected));
      if (options.nonEmpty && written.items.length === 0) {
        return complain(report, written.spot, { what: "an empty list", fix: `write ${expected}, or leave the key out` });
      }
      const boxes = written.items.map((entry) => item.read(entry, report));
      const values = boxes.filter((box) => box !== null).map((box) => box.value);
      return values.length === boxes.length ? { value: values } : null;
    },
  };
}

/** One value, or a list of them. */
export function oneOrMany<T>(item: Shape<T>, options: { nonEmpty?: boolean } = {}): Shape<readonly T[]> {
  const many = listOf(item, options);
  return {
    schema: { anyOf: [item.schema, many.schema] },
    read(written, report) {
      if (written.kind === "list") return many.read(written, report);
      const one = item.read(written, report);
      return one === null ? null : { value: [one.value] };
    },
  };
}

type MapFacts<T> = {
  readonly expected: string;
  /** What is wrong with a key, or null. */
  readonly key: (key: string) => Complaint | null;
  readonly value: Shape<T>;
};

type Keyed<T> = { readonly key: string; readonly spot: Spot; readonly value: T };

/** Any keys of one form, in the order written. Broken entries have the value null, so that the others can still be checked. */
export function looseMapOf<T>(facts: MapFacts<T>): Shape<readonly Keyed<T | null>[]> {
  return {
    schema: { type: "object", additionalProperties: facts.value.schema },
    read(written, report) {
      if (written.kind !== "map") return complain(report, written.spot, wrongKind(written, facts.expected));
      const entries = written.entries.map((entry): Keyed<T | null> => {
        const trouble = facts.key(entry.key);
        if (trouble !== null) report(entry.keySpot, trouble);
        const box = facts.value.read(entry.value, report);
        return { key: entry.key, spot: entry.keySpot, value: trouble === null && box !== null ? box.value : null };
      });
      return { value: entries };
    },
  };
}

/** Any keys of one form, all of them good. */
export function mapOf<T>(facts: MapFacts<T>): Shape<readonly Keyed<T>[]> {
  return refined(looseMapOf({ ...facts, value: boxed(facts.value) }), (entries) => {
    const good = entries.flatMap(({ key, spot, value }) => (value === null ? [] : [{ key, spot, value: value.box }]));
    return good.length === entries.length ? { value: good } : null;
  });
}

/** Tells a value that is null from one that is broken. */
function boxed<T>(shape: Shape<T>): Shape<{ readonly box: T }> {
  return refined(shape, (value) => ({ value: { box: value } }));
}

/** Different forms by the kind of what was written: a short text form beside a long map form, say. */
export function byKind<A = never, B = never, C = never>(facts: {
  expected: string;
  text?: Shape<A>;
  list?: Shape<B>;
  map?: Shape<C>;
}): Shape<A | B | C> {
  const shapes = [facts.text, facts.list, facts.map].filter((shape) => shape !== undefined);
  return {
    schema: { anyOf: shapes.map((shape) => shape.schema) },
    read(written, report) {
      const shape: Shape<A | B | C> | undefined = written.kind === "nothing" ? undefined : facts[written.kind];
      return shape === undefined
        ? complain(report, written.spot, wrongKind(written, facts.expected))
        : shape.read(written, report);
    },
  };
}

/** Keeps where it stood. */
export function located<T>(shape: Shape<T>): Shape<Located<T>> {
  return {
    schema: shape.schema,
    read(written, report) {
      const box = shape.read(written, report);
      return box === null ? null : { value: { value: box.value, spot: written.spot } };
    },
  };
}

/** `key:` with nothing after it means `value`. */
export function nothingMeans<T>(value: T, shape: Shape<T>): Shape<T> {
  return {
    schema: { anyOf: [shape.schema, { type: "null" }] },
    read: (written, report) => (written.kind === "nothing" ? { value } : shape.read(written, report)),
  };
}

/** The value, made into something else or refused. */
export function refined<T, U>(
  shape: Shape<T>,
  refine: (value: T, spot: Spot, report: Report) => { readonly value: U } | null,
): Shape<U> {
  return {
    schema: shape.schema,
    read(written, report) {
      const box = shape.read(written, report);
      return box === null ? null : refine(box.value, written.spot, report);
    },
  };
}

export type Field<T> = { readonly shape: Shape<T>; readonly doc: string };
export type Fields = Readonly<Record<string, Field<unknown>>>;
export type RecordOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T | undefined : never };

export function field<T>(shape: Shape<T>, doc: string): Field<T> {
  return { shape, doc };
}

type RecordFacts<F extends Fields> = {
  readonly expected: string;
  readonly fields: F;
  /** Keys that are known but not possible, each with its own reason. */
  readonly refused?: Readonly<Record<string, Complaint>>;
};

/** Like `RecordOf`, with null for what was written and is broken. */
export type LooseRecordOf<F extends Fields> = { readonly [K in keyof F]: RecordOf<F>[K] | null };

/** A map with known keys, all of them optional here. Any other key is an error with the nearest known one. */
export function record<F extends Fields>(facts: RecordFacts<F>): Shape<RecordOf<F>> {
  return {
    schema: recordSchema(facts.fields),
    read(written, report) {
      const found = readFields(facts, written, report);
      return found?.whole ? { value: found.values as RecordOf<F> } : null;
    },
  };
}

/** A record whose good parts are worth checking further although others are broken. */
export function looseRecord<F extends Fields>(facts: RecordFacts<F>): Shape<LooseRecordOf<F>> {
  return {
    schema: recordSchema(facts.fields),
    read(written, report) {
      const found = readFields(facts, written, report);
      return found === null ? null : { value: found.values as LooseRecordOf<F> };
    },
  };
}

function readFields<F extends Fields>(facts: RecordFacts<F>, written: Written, report: Report) {
  const { fields, expected, refused = {} } = facts;
  if (written.kind !== "map") return complain(report, written.spot, wrongKind(written, expected));
  const values: Record<string, unknown> = {};
  let whole = true;
  for (const { key, keySpot, value } of written.entries) {
    const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const box = known?.shape.read(value, report) ?? null;
    if (known !== undefined) values[key] = box === null ? null : box.value;
    else report(keySpot, Object.hasOwn(refused, key) ? (refused[key] as Complaint) : unknownKey(key, fields));
    if (box === null) whole = false;
  }
  return { values, whole };
}

function recordSchema(fields: Fields): Schema {
  const properties = Object.entries(fields).map(([key, { shape, doc }]) => [key, { ...shape.schema, description: doc }]);
  return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
}

function unknownKey(key: string, fields: Fields): Complaint {
  const known = Object.keys(fields);
  const near = nearest(key, known);
  const all = `the keys here are ${known.join(", ")}`;
  return { what: `unknown key ${quote(key)}`, fix: near === null ? all : `did you mean "${near}"?` };
}

/** The known word that was probably meant, or null. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > 60) return null;
  const lower = word.toLowerCase();
  const ranked = known.map((candidate) => ({ candidate, far: distance(lower, candidate.toLowerCase()) }));
  ranked.sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= (word.length < 4 ? 1 : word.length < 9 ? 2 : 3) ? best.candidate : null;
}

function wrongKind(written: Written, expected: string): Complaint {
  return { what: `${kindName(written)} here`, fix: `write ${expected}` };
}

function complain(report: Report, spot: Spot, complaint: Complaint): null {
  report(spot, complaint);
  return null;
}
