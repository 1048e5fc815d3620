/** The application as its surfaces see it. Commands call this and nothing else; every method checks authority itself. */
import type { GantryConfig } from "../config/valid.ts";
import type {
  EnvironmentStatus,
  FreezeFacts,
  HistoryLine,
  HostFacts,
  RollbackPreview,
  RolloutFacts,
  WhyFacts,
} from "../core/facts.ts";
import type { LogPiece } from "../core/logs.ts";
import type { ReasonCode, Refusal } from "../core/reasons.ts";
import type { DiffFacts, RenderFacts } from "../core/render-slot.ts";
import type { Actor } from "./ports.ts";

/** Where a request came from. `key` makes it happen at most once: the same key finds the same rollout again. */
export type Origin = { readonly key: string; readonly channel: string | null };

export type Refused = { readonly kind: "refused"; readonly refusal: Refusal };
/** The rollout exists and its card is on its way. */
export type Opened = { readonly kind: "opened"; readonly rollout: number };
/** The decision counts; the card shows it. */
export type Decided = { readonly kind: "decided"; readonly facts: RolloutFacts };
/** Done, and said in a sentence. */
export type Done = { readonly kind: "done"; readonly text: string };

/** What could be shown was; `faults`: hosts that showed nothing, or stopped, and why. */
export type LogsTold = {
  readonly kind: "told";
  readonly hosts: readonly string[];
  readonly faults: readonly { readonly host: string; readonly reason: ReasonCode; readonly text: string }[];
  /** Not asked, because they are too many for one question. */
  readonly leftOut: readonly string[];
};

/** A person's act on one rollout. `planHash` null: typed, not pressed. */
export type Act = {
  readonly rollout: number;
  readonly planHash: string | null;
  readonly why: string | null;
  readonly actor: Actor;
  /** `proceed`: the failed hosts that the person was shown and accepts; absent (typed): those that have failed now. */
  readonly hosts?: readonly string[];
  /** `skipSoak`: the batch whose soak the button was made for; absent (typed): the one that soaks now. */
  readonly batch?: number;
};

export interface Gantry {
  readonly config: GantryConfig;
  now(): number;
  deploy(facts: {
    readonly service: string;
    readonly environment: string;
    readonly ref: string;
    readonly allowBad: boolean;
    /** Wait in line when the environment is busy or locked, instead of a refusal. */
    readonly wait: boolean;
    readonly why: string | null;
    readonly actor: Actor;
    readonly origin: Origin;
  }): Promise<Opened | Refused>;
  /** `from` null: the environment that `to` comes after. */
  promote(facts: {
    readonly service: string;
    readonly from: string | null;
    readonly to: string;
    readonly wait: boolean;
    readonly why: string | null;
    readonly actor: Actor;
    readonly origin: Origin;
  }): Promise<Opened | Refused>;
  /** New containers of what is live, on every host. */
  restart(facts: {
    readonly service: string;
    readonly environment: string;
    readonly why: string | null;
    readonly actor: Actor;
    readonly origin: Origin;
  }): Promise<Opened | Refused>;
  /** What a rollback would do now. `to` null: the newest good release that is not the current one. */
  previewRollback(facts: {
    readonly service: string;
    readonly environment: string;
    readonly to: number | null;
    readonly actor: Actor;
  }): Promise<RollbackPreview | Refused>;
  /** `shown`: what the preview said (its plan, and the rollout it would stop); null: whatever the way back is now (`--now`, CLI). */
  rollback(facts: {
    readonly service: string;
    readonly environment: string;
    readonly to: number | null;
    readonly shown: { readonly planHash: string; readonly rollout: number | null } | null;
    readonly why: string | null;
    readonly actor: Actor;
    readonly origin: Origin;
  }): Promise<Opened | Refused>;
  /** `planHash` null: typed, not pressed; it counts for the plan as it stands. */
  approve(facts: {
    readonly rollout: number;
    readonly planHash: string | null;
    readonly actor: Actor;
  }): Promise<Decided | Refused>;
  reject(facts: {
    readonly rollout: number;
    readonly planHash: string | null;
    readonly why: string;
    readonly actor: Actor;
  }): Promise<Decided | Refused>;
  /** Before anything was touched it ends; afterwards it stops, and touched hosts are put back. Also: leaves the line. */
  cancel(facts: { readonly rollout: number; readonly why: string | null; readonly actor: Actor }): Promise<Decided | Refused>;
  /** No further host begins; those in mid-swap finish; clocks stand still. */
  pause(act: Act): Promise<Decided | Refused>;
  resume(act: Act): Promise<Decided | Refused>;
  /** Swaps the failed hosts again, and no others. */
  retry(act: Act): Promise<Decided | Refused>;
  /** Goes on past a failed batch. `why` must be given. */
  proceed(act: Act): Promise<Decided | Refused>;
  skipSoak(act: Act): Promise<Decided | Refused>;
  lock(facts: {
    readonly service: string;
    readonly environment: string;
    readonly why: string;
    readonly forMs: number | null;
    readonly actor: Actor;
  }): Promise<Done | Refused>;
  unlock(facts: { readonly service: string; readonly environment: string; readonly actor: Actor }): Promise<Done | Refused>;
  /** The host is left out of plans and gets nothing new. */
  cordon(facts: { readonly host: string; readonly why: string | null; readonly actor: Actor }): Promise<Done | Refused>;
  /** Cordoned, and what serves on it is stopped, inside the budget of each environment. */
  drain(facts: { readonly host: string; readonly why: string | null; readonly actor: Actor }): Promise<Done | Refused>;
  /** It takes part again, and gets what is live. */
  uncordon(facts: { readonly host: string; readonly actor: Actor }): Promise<Done | Refused>;
  /** `about`: `#142` or `142`, a host's name, or `service environment`. */
  why(about: readonly string[]): WhyFacts | Refused;
  /** Null while all is well. */
  freeze(): FreezeFacts | null;
  rollout(number: number): RolloutFacts | null;
  /** All of them, or those of one service, or one environment. */
  status(facts: { readonly service: string | null; readonly environment: string | null }): readonly EnvironmentStatus[];
  /** Newest first. */
  history(facts: {
    readonly service: string | null;
    readonly environment: string | null;
    readonly limit: number;
  }): readonly HistoryLine[];
  hosts(): readonly HostFacts[];
  /**
   * The last lines of a place's containers, piece by piece as hosts answer. Resolves when all is told; what is followed goes on
   * until `signal` aborts. `host` null: all of them. `lines`: of each container. `sinceMs`: only what is younger.
   */
  logs(facts: {
    readonly service: string;
    readonly environment: string;
    readonly host: string | null;
    readonly member: string | null;
    readonly lines: number;
    readonly sinceMs: number | null;
    readonly previous: boolean;
    readonly follow: boolean;
    readonly actor: Actor;
    readonly signal: AbortSignal;
    readonly onPiece: (host: string, piece: LogPiece) => void;
  }): Promise<LogsTold | Refused>;
  /** What each host runs. `what`: a release (`r41`), or a ref with the service file as it is now; null: what is live. */
  render(facts: {
    readonly service: string;
    readonly environment: string;
    readonly what: string | null;
  }): Promise<RenderFacts | Refused>;
  /** What would change against what is live. `what` as above; null: the service file as it is now. */
  diff(facts: {
    readonly service: string;
    readonly environment: string;
    readonly what: string | null;
  }): Promise<DiffFacts | Refused>;
}
