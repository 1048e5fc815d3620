/** The containers of one slot that are watched: for each member the one that serves, and the lines that show what is wrong with it. */
import type { MemberName } from "../core/slot-step.ts";
import type { ContainerState } from "./engine.ts";
import { marksOf } from "./labels.ts";
import { pause } from "./prove.ts";
import type { Bench } from "./slot-bench.ts";
import { tailOf } from "./slot-faults.ts";
import { healthOf } from "./slot-memory.ts";
import { createWatch, type Watch, type Watched } from "./watch.ts";

/** A change of health and the lines that show it come together. */
export type Shown = Watched & { readonly logTail: readonly string[] };

export type Wards = {
  /** Watches these, and nothing else, from now on. */
  follow(serving: readonly ContainerState[], proven: readonly string[]): void;
  /** Something is done to this container: what the watch sees of it meanwhile is no news. */
  leave(id: string): void;
  leaveAll(): void;
  /** Something happened to it: look at once. */
  poke(id: string): void;
  shown(id: string): Shown | null;
};

type Ward = { readonly watch: Watch; shown: Shown | null; notices: number };

const tailWaitMs = 1_000;

export function createWards(
  bench: Bench,
  listener: { readonly onChange: () => void; readonly onGone: () => void; readonly onFault: () => void },
): Wards {
  const wards = new Map<MemberName, Ward>();
  const { key } = bench.memory;

  function wardOf(member: MemberName): Ward {
    const known = wards.get(member);
    if (known !== undefined) return known;
    const watch = createWatch(bench, {
      onChange: (watched) => void changed(ward, watched),
      onGone: listener.onGone,
      onFault: listener.onFault,
    });
    // `notices` counts what the watch has told, so that late news are known as such.
    const ward: Ward = { watch, shown: null, notices: 0 };
    wards.set(member, ward);
    return ward;
  }

  async function changed(ward: Ward, watched: Watched): Promise<void> {
    ward.notices += 1;
    const mine = ward.notices;
    const { state, health, detail } = watched;
    const tail = health === "ok" ? [] : await Promise.race([tailOf(bench, state.id), pause(bench.clock, tailWaitMs)]);
    // Fetching the lines took its time: by now a swap may be at work on this very container, or newer news have come.
    if (mine !== ward.notices || ward.watch.now()?.state.id !== state.id) return;
    ward.shown = { ...watched, logTail: tail ?? [] };
    const facts = { ...key, container: state.name };
    if (health !== "ok") bench.log.warn({ ...facts, health, detail }, "the serving container is unwell");
    else bench.log.info(facts, "the serving container is well");
    listener.onChange();
  }

  function followOne(ward: Ward, state: ContainerState | null, proven: boolean): void {
    if (proven) ward.notices += 1;
    ward.watch.follow(state === null ? null : { state, health: healthOf(bench.memory, state.id), proven });
    const watched = ward.watch.now();
    if (watched === null) ward.shown = null;
    else if (ward.shown?.state.id !== watched.state.id || proven) ward.shown = { ...watched, logTail: [] };
  }

  return {
    follow(serving, proven) {
      const wanted = new Map(serving.map((state) => [marksOf(state.labels)?.member ?? null, state]));
      for (const [member, ward] of wards) if (!wanted.has(member)) followOne(ward, null, false);
      for (const [member, state] of wanted) followOne(wardOf(member), state, proven.includes(state.id));
    },
    leave(id) {
      for (const ward of wards.values()) if (ward.watch.now()?.state.id === id) ward.watch.follow(null);
    },
    leaveAll() {
      for (const ward of wards.values()) ward.watch.follow(null);
    },
    poke(id) {
      for (const ward of wards.values()) if (ward.watch.now()?.state.id === id) ward.watch.poke();
    },
    shown: (id) => [...wards.values()].find((ward) => ward.shown?.state.id === id)?.shown ?? null,
  };
}
