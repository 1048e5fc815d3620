/** What a rollback comes to, for people to see before they say yes: who goes first, who follows, what is judged. By the rules of rollback-open.ts. */
import type { RollbackPreview } from "../core/facts.ts";
import type { Release } from "../core/release.ts";
import { keyOf, type Place } from "./place.ts";
import { planFor } from "./planner.ts";
import type { Store, StoredRollout } from "./store.ts";

type Steps = Pick<RollbackPreview, "touched" | "rest" | "judged">;

const nothing: Steps = { touched: [], rest: [], judged: [] };

export function stepsOf(
  store: Store,
  way: {
    readonly does: "stop" | "open" | "call_off";
    readonly place: Place;
    readonly active: StoredRollout | null;
    readonly target: Release | null;
    readonly leave: number | null;
  },
): Steps {
  const { active, target, leave } = way;
  switch (way.does) {
    case "call_off":
      return nothing;
    case "open": {
      const left = leave ?? liveIn(store, way.place);
      return { ...nothing, judged: left === null ? [] : [left] };
    }
    case "stop": {
      const touched = active?.state.hosts.filter((h) => h.attempt > 0).map((h) => h.host) ?? [];
      const judged = leave === null ? [] : [leave];
      if (target === null) return { touched, rest: [], judged };
      const { hosts } = planFor(store, { ...way.place, kind: "rollback", release: target }).plan;
      const rest = hosts.filter((h) => h.from !== null && h.from !== target.number && !touched.includes(h.host));
      const live = liveIn(store, way.place);
      // Where the target is live the rest only lacked it; otherwise they leave what is live, and that is said of it.
      const isLeft = rest.length > 0 && live !== null && live !== target.number && live !== leave;
      return { touched, rest: rest.map((h) => h.host), judged: isLeft ? [...judged, live] : judged };
    }
  }
}

export function liveIn(store: Store, place: Place): number | null {
  const { service, environment } = keyOf(place);
  return store.rollouts.live(service, environment)?.state.release ?? null;
}
