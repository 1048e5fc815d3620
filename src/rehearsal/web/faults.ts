/**
 * What can be made to go wrong on a stand-in web server. A fault applies to requests whose line (`GET /repos/acme/api`)
 * matches, until it is used up or cleared; the oldest matching fault wins.
 */

export type Fault =
  /** The connection is cut before anything is done. */
  | { readonly kind: "down" }
  /** Answers rightly, but only after this long. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Takes the request and never answers: what a dropped packet looks like to the caller. */
  | { readonly kind: "silent" }
  /** Does the work, then cuts the connection: the caller cannot know that it succeeded. */
  | { readonly kind: "lost-answer" }
  /** Answers this instead of doing the work. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    };

export type FaultScope = {
  /** Request lines it applies to; all when absent. */
  readonly on?: RegExp;
  /** How many requests it spoils; until cleared when absent. */
  readonly times?: number;
};

export interface Faults {
  add(fault: Fault, scope?: FaultScope): void;
  clear(): void;
  /** The fault for this request line, counted as used; null when it may succeed. */
  take(line: string): Fault | null;
}

export function createFaults(): Faults {
  let planned: { fault: Fault; on: RegExp | null; left: number }[] = [];
  return {
    add(fault, scope = {}) {
      planned.push({ fault, on: scope.on ?? null, left: scope.times ?? Number.POSITIVE_INFINITY });
    },
    clear() {
      planned = [];
    },
    take(line) {
      const found = planned.find((plan) => plan.on?.test(line) ?? true);
      if (found === undefined) return null;
      found.left -= 1;
      planned = planned.filter((plan) => plan.left > 0);
      return found.fault;
    },
  };
}
