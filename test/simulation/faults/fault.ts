import type { Random } from "../world/random.ts";
import type { Site, World } from "../world/world.ts";

/** What a class of faults has to work with. Everything it breaks it mends in `heal`. */
export type FaultGround = {
  readonly world: World;
  /** Its own; nothing else draws from it. */
  readonly random: Random;
  /** From time to time, about this often, until the faults end. */
  often(meanMs: number, work: () => void): void;
  /** Once, some time later, whether or not the faults have ended by then. */
  later(ms: number, work: () => void): void;
  /** One of the hosts that are there. */
  site(): Site;
  note(who: string, what: string): void;
};

export type Fault = {
  readonly name: string;
  /** Begins to go wrong; returns how to mend it for good. */
  arm(ground: FaultGround): () => void;
};
