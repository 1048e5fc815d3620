/** An agent's releases in this server's numbers. What this server does not know is made of what the agent was told. */
import type { Release, ReleaseSpec } from "../core/release.ts";
import type { DesiredRelease, DesiredSlot, SlotKey } from "../core/slot.ts";
import { specIn } from "../core/spec-in.ts";
import { specHashOf } from "./planner.ts";
import type { Store } from "./store.ts";

/** What should be on a slot, in this server's words. */
export type Named = {
  readonly release: number | null;
  /** False: the agent hears nothing about it before a person has decided. */
  readonly told: boolean;
  readonly note: string | null;
};

export type NewRelease = { readonly service: string; readonly made: DesiredRelease; readonly number: number };

/** Without a spec the agent is an old one, or says only what it sees. */
type Said = Pick<DesiredRelease, "number" | "digest"> & Partial<DesiredRelease>;

export type Numbers = {
  of(key: SlotKey, named: Said): Named;
  /** Those that this server has to make, in order. */
  made(): readonly NewRelease[];
};

/** `said`: all that agents have said; what one of them calls a release is not given to another. */
export function createNumbers(store: Store, said: readonly DesiredSlot[]): Numbers {
  const made: NewRelease[] = [];
  const spoken = new Set(said.map(({ service, release }) => `${service} ${release?.number}`));

  function of({ service, environment }: SlotKey, named: Said): Named {
    const { number, digest, spec, commit } = named;
    const known = store.releases.find(service, number) ?? made.find((m) => m.service === service && m.number === number)?.made;
    const isSame = known?.digest === digest && (spec === undefined || isSpecOf(known, spec, environment));
    if (isSame) return { release: number, told: true, note: null };
    if (spec === undefined || commit === undefined) {
      const note = `r${number} (${digest.slice(7, 19)}) is not known here, and its agent did not say what it is made of`;
      return { release: null, told: false, note };
    }
    const twin = twinOf(service, digest, specHashOf(spec));
    if (twin !== null) return renamed(number, twin);
    const whole: DesiredRelease = { number, digest, commit, spec, mirrors: [] };
    if (isFree(service, number)) {
      made.push({ service, made: whole, number });
      return { release: number, told: true, note: `r${number} was not known here: it is written down as the agent knows it` };
    }
    const other = nextFree(service, number);
    made.push({ service, made: whole, number: other });
    return renamed(number, other);
  }

  function isFree(service: string, number: number): boolean {
    return store.releases.find(service, number) === null && !made.some((m) => m.service === service && m.number === number);
  }

  /** The same build and spec under another number: made by another server, or found before. */
  function twinOf(service: string, digest: string, specHash: string): number | null {
    const stored = store.releases.same({ service, digest, specHash });
    if (stored !== null) return stored.number;
    const fits = ({ made: one }: NewRelease) => one.digest === digest && specHashOf(one.spec) === specHash;
    return made.find((m) => m.service === service && fits(m))?.number ?? null;
  }

  function nextFree(service: string, from: number): number {
    let number = from + 1;
    while (!isFree(service, number) || spoken.has(`${service} ${number}`)) number += 1;
    return number;
  }

  return { of, made: () => made };
}

/** Whole, or as agents hear of it: with the variables of their environment only. */
function isSpecOf(known: Pick<Release, "spec">, spec: ReleaseSpec, environment: string): boolean {
  const hash = specHashOf(spec);
  return hash === specHashOf(known.spec) || hash === specHashOf(specIn(known.spec, environment));
}

/** Its containers carry the other number, so an order by ours would replace them: that is for a person to say. */
function renamed(number: number, here: number): Named {
  const note = `r${number} is another build here: the one that runs there is r${here} from now on, and is left alone until a person deploys`;
  return { release: here, told: false, note };
}

export function intern(store: Store, releases: readonly NewRelease[], facts: { at: number; by: string }): void {
  for (const { service, made, number } of releases) {
    const { commit, digest, spec } = made;
    store.releases.intern({ service, number, commit, digest, spec, specHash: specHashOf(spec), ...facts });
  }
}
