/** The two keys that an interaction carries: a trigger (3 s, once) and a response_url (30 min, five times). */
import type { RehearsalClock } from "./clock.ts";
import type { Ids } from "./ids.ts";

const TRIGGER_LIFE_MS = 3_000;
const RESPONSE_URL_LIFE_MS = 30 * 60_000;
const RESPONSE_URL_USES = 5;

type Trigger = { readonly user: string; readonly viewId: string | null; readonly expiresAt: number; used: boolean };

/** Where an answer through a response_url goes. `ts`: the message that the interaction came from. */
export type ResponseTarget = {
  readonly channel: string;
  readonly user: string;
  readonly ts: string | null;
};

export class Capabilities {
  readonly #clock: RehearsalClock;
  readonly #ids: Ids;
  readonly #baseUrl: () => string;
  readonly #triggers = new Map<string, Trigger>();
  readonly #responses = new Map<string, ResponseTarget & { readonly expiresAt: number; uses: number }>();

  constructor(facts: { clock: RehearsalClock; ids: Ids; baseUrl: () => string }) {
    this.#clock = facts.clock;
    this.#ids = facts.ids;
    this.#baseUrl = facts.baseUrl;
  }

  trigger(facts: { user: string; viewId?: string }): string {
    const id = `${this.#clock.now()}.${this.#triggers.size + 1}.${this.#ids.secret()}`;
    this.#triggers.set(id, {
      user: facts.user,
      viewId: facts.viewId ?? null,
      expiresAt: this.#clock.now() + TRIGGER_LIFE_MS,
      used: false,
    });
    return id;
  }

  /** Spends a trigger, or gives Slack's error code. */
  spendTrigger(id: string): Trigger | "invalid_trigger_id" | "expired_trigger_id" | "exchanged_trigger_id" {
    const trigger = this.#triggers.get(id);
    if (trigger === undefined) return "invalid_trigger_id";
    if (trigger.used) return "exchanged_trigger_id";
    if (this.#clock.now() >= trigger.expiresAt) return "expired_trigger_id";
    trigger.used = true;
    return trigger;
  }

  responseUrl(target: ResponseTarget): string {
    const id = this.#ids.secret();
    this.#responses.set(id, { ...target, expiresAt: this.#clock.now() + RESPONSE_URL_LIFE_MS, uses: 0 });
    return `${this.#baseUrl()}response/${id}`;
  }

  /** Counts one use, or gives the error that Slack answers with status 404. */
  useResponse(id: string): ResponseTarget | "invalid_url" | "expired_url" | "used_url" {
    const response = this.#responses.get(id);
    if (response === undefined) return "invalid_url";
    if (this.#clock.now() >= response.expiresAt) return "expired_url";
    if (response.uses >= RESPONSE_URL_USES) return "used_url";
    response.uses += 1;
    return response;
  }
}
