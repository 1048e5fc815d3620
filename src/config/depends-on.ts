/** `depends_on`: what a container of a file waits for. Source of forms and conditions: the Compose specification. */
import type { Dependency } from "../core/release.ts";
import { quote, type Report, type Spot } from "./raw.ts";
import { oneOf, text, truth } from "./scalars.ts";
import { byKind, field, listOf, located, mapOf, nearest, nothingMeans, record, refined, type Shape } from "./shape.ts";

/** One entry as written. */
export type Waiting = Dependency & { readonly isRequired: boolean; readonly spot: Spot };

const conditions = {
  service_started: "started",
  service_healthy: "healthy",
  service_completed_successfully: "completed",
} as const;
type Condition = keyof typeof conditions;

const entry = record({
  expected: "a map with condition",
  fields: {
    condition: field(
      oneOf<Condition>(["service_started", "service_healthy", "service_completed_successfully"]),
      "What to wait for: that it runs (the default), that it is healthy, or that it has ended with exit code 0.",
    ),
    required: field(truth, "false: it may be missing. When it is there it is waited for all the same. Default true."),
    restart: field(
      refined(located(truth), ({ value, spot }, _spot, report) => {
        if (value)
          report(spot, {
            what: "restart: true: a container is swapped when its own image or spec changed, and not otherwise",
            fix: "remove it",
          });
        return value ? null : { value };
      }),
      "Only false: an unchanged container is not touched.",
    ),
  },
});

const plain = { condition: undefined, required: undefined, restart: undefined };

const mapForm = refined(
  mapOf({ expected: "a map of compose services", key: () => null, value: nothingMeans(plain, entry) }),
  (entries) => ({
    value: entries.map(({ key, spot, value }): Waiting => {
      const condition = conditions[value.condition ?? "service_started"];
      return { on: key, condition, isRequired: value.required ?? true, spot };
    }),
  }),
);

const listForm = listOf(
  refined(located(text({ expected: "the name of a compose service" })), ({ value, spot }) => ({
    value: { on: value, condition: "started", isRequired: true, spot } satisfies Waiting as Waiting,
  })),
);

export const dependsOn: Shape<readonly Waiting[]> = byKind({
  expected: "a list of compose services, or a map of them with condition",
  list: listForm,
  map: mapForm,
});

/** A container of the file, as far as waiting goes. */
export type Waiter = {
  readonly name: string;
  readonly waits: readonly Waiting[];
  /** It has a check that can say so. */
  readonly canBeHealthy: boolean;
  readonly isReleased: boolean;
};

export type Waiters = {
  readonly waiters: readonly Waiter[];
  /** Containers that are only for a laptop: they have `profiles`. */
  readonly absent: readonly string[];
  readonly report: Report;
};

/** The dependencies of each container by its name, checked: names, conditions, circles. */
export function dependenciesOf(facts: Waiters): ReadonlyMap<string, readonly Dependency[]> {
  const kept = facts.waiters.map((waiter) => ({ ...waiter, waits: waiter.waits.filter((wait) => isThere(wait, facts)) }));
  const checked = { ...facts, waiters: kept };
  for (const { waits } of kept) for (const wait of waits) checkCondition(wait, checked);
  checkCircles(checked);
  return new Map(kept.map(({ name, waits }) => [name, waits.map(({ on, condition }) => ({ on, condition }))]));
}

function isThere(wait: Waiting, { waiters, absent, report }: Waiters): boolean {
  const names = waiters.map(({ name }) => name);
  if (names.includes(wait.on)) return true;
  if (!wait.isRequired) return false;
  if (absent.includes(wait.on)) {
    report(wait.spot, {
      what: `depends_on: ${wait.on} has profiles, so that it does not run on hosts`,
      fix: "write required: false here, or remove profiles there",
    });
    return false;
  }
  const near = nearest(wait.on, names);
  const fix = near === null ? `name one of ${names.join(", ")}` : `did you mean "${near}"?`;
  report(wait.spot, { what: `depends_on: there is no compose service ${quote(wait.on)}`, fix });
  return false;
}

function checkCondition(wait: Waiting, { waiters, report }: Waiters): void {
  const target = waiters.find(({ name }) => name === wait.on);
  if (target === undefined) return;
  const { name } = target;
  if (wait.condition === "completed" && target.isReleased) {
    report(wait.spot, {
      what: `depends_on: ${name} is the released container, which serves and does not end`,
      fix: "wait for service_healthy or service_started",
    });
  }
  if (wait.condition !== "healthy") return;
  const hasEnd = waiters.some(({ waits }) => waits.some((other) => other.on === name && other.condition === "completed"));
  if (hasEnd) {
    report(wait.spot, {
      what: `depends_on: ${name} is waited for to end elsewhere, and here to be healthy`,
      fix: "write condition: service_completed_successfully",
    });
  } else if (!target.canBeHealthy) {
    const own = target.isReleased ? "x-gantry.health" : `x-gantry.supporting.${name}.health`;
    report(wait.spot, {
      what: `depends_on: ${name} has no healthcheck, so that it would never be healthy`,
      fix: `write healthcheck: { test: … } under services.${name}, or ${own}, or wait for service_started`,
    });
  }
}

/** Each circle is told once, at the entry that closes it. */
function checkCircles({ waiters, report }: Waiters): void {
  const byName = new Map(waiters.map((waiter) => [waiter.name, waiter]));
  const done = new Set<string>();
  function walk(name: string, path: readonly string[]): void {
    for (const wait of byName.get(name)?.waits ?? []) {
      const at = path.indexOf(wait.on);
      if (at >= 0) {
        const circle = [...path.slice(at), wait.on].join(" → ");
        report(wait.spot, { what: `depends_on goes in a circle: ${circle}`, fix: "let one of them not wait for the other" });
      } else if (!done.has(wait.on)) walk(wait.on, [...path, wait.on]);
    }
    done.add(name);
  }
  for (const { name } of waiters) if (!done.has(name)) walk(name, [name]);
}
