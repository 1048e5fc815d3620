/** Journeys read as transcripts: who says what, what each of them sees, what the hosts serve. Every journey has its own Gantry. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Person } from "../../src/rehearsal/slack/people.ts";
import type { SeenMessage } from "../../src/rehearsal/slack/types.ts";
import { type QuickStage, type QuickStageOptions, startQuickStage } from "../../src/rehearsal/stage/quick-stage.ts";
import { eventually } from "./eventually.ts";

/** Commits of the sample history, as people type them. */
export const first = "1a4c9e2";
export const second = "3f2a1c9";
export const third = "5b7e0d4";
export const newest = "b6f3e71";
export const unhealthy = "7c81f36";
export const dying = "9d05b8a";

/** Two who may approve, so that either may ask: bo and eva. */
export const twoCaptains: QuickStageOptions = {
  service: {
    people: [
      "  deployers: { users: [U0ANA, U0BO] }",
      "  release-captains: { users: [U0BO, U0EVA] }",
      "  oncall: { users: [U0EVA] }",
    ],
  },
};

type Text = string | RegExp;

export type Journey = QuickStage & {
  readonly ana: Person;
  readonly bo: Person;
  readonly eva: Person;
  readonly zed: Person;
  /** What one person alone was told last, in the channel or by direct message: waits until it fits. Told once, it does not count again. */
  told(person: Person, ...wanted: readonly Text[]): Promise<string>;
  /** Waits until the newest card (or that of the rollout `number`) fits; what people read on it. */
  card(wanted: Text, number?: number): Promise<string>;
  /** Waits until the thread of the newest card says so. */
  thread(wanted: Text): Promise<string>;
  /** The buttons on the newest card. */
  buttons(): readonly string[];
  /** Waits until it is true. */
  until(isTrue: () => boolean): Promise<void>;
  /** How many cards there are. */
  cards(): number;
  /** Waits until every host of the environment serves this commit and nothing else; `nothing` for empty hosts. */
  serves(environment: string, commit: string): Promise<void>;
  /** Makes the commit live the ordinary way: ana asks, bo approves where that is needed. */
  makeLive(environment: string, commit: string): Promise<void>;
};

export function journey(name: string, tell: (journey: Journey) => Promise<void>, options: QuickStageOptions = {}): void {
  test(name, { timeout: 90_000 }, () => journeyOn(options, tell));
}

/** The same inside a test that has more to it. */
export async function journeyOn(options: QuickStageOptions, tell: (journey: Journey) => Promise<void>): Promise<void> {
  const stage = await startQuickStage(options);
  try {
    await tell(told(stage));
  } catch (error) {
    if (error instanceof Error) error.message += `\n\nThe transcript:\n${stage.slack.channel("deploys").transcript()}`;
    throw error;
  } finally {
    await stage.stop();
  }
}

function told(stage: QuickStage): Journey {
  const { slack } = stage;
  /** What each person was told and has read: by message, how often it had been changed then. */
  const heard = new Map<string, { last: string; readonly edits: Map<string, number> }>();
  const people = { ana: slack.as("ana"), bo: slack.as("bo"), eva: slack.as("eva"), zed: slack.as("zed") };
  const deploys = slack.channel("deploys");
  const cardsNow = () => deploys.messages().filter((m) => m.user === "gantry" && m.thread_ts === undefined);

  function cardOf(number: number | undefined): SeenMessage | undefined {
    return cardsNow().findLast((m) => number === undefined || m.rendered.split("\n")[0]?.endsWith(`#${number}`));
  }

  async function card(wanted: Text, number?: number): Promise<string> {
    return eventually(() => {
      const rendered = cardOf(number)?.rendered ?? "(no card)";
      if (!fits(rendered, wanted)) throw new Error(`the card does not say ${wanted}:\n${rendered}`);
      return rendered;
    }, waitMs);
  }

  function privateTo(person: Person): SeenMessage[] {
    const whispers = ["deploys", "random"]
      .flatMap((channel) => person.sees(channel))
      .filter((m) => m.ephemeralTo === person.name);
    const direct = slack
      .direct(person.name)
      .messages()
      .filter((m) => m.user === "gantry");
    const { last, edits } = heardBy(person);
    const news = [...whispers, ...direct].filter((m) => m.ts > last || m.edited > (edits.get(m.ts) ?? m.edited));
    return news.sort((a, b) => (a.ts < b.ts ? -1 : 1));
  }

  function heardBy(person: Person): { last: string; readonly edits: Map<string, number> } {
    const known = heard.get(person.name) ?? { last: "", edits: new Map() };
    heard.set(person.name, known);
    return known;
  }

  function hear(person: Person, message: SeenMessage): void {
    const known = heardBy(person);
    known.edits.set(message.ts, message.edited);
    if (message.ts > known.last) known.last = message.ts;
  }

  async function serves(environment: string, commit: string): Promise<void> {
    await eventually(() => {
      const serving = stage.serving(environment);
      assert.ok(Object.keys(serving).length > 0, `${environment} has no hosts`);
      for (const [host, what] of Object.entries(serving)) assert.equal(what, commit, `on ${host}`);
    }, waitMs);
  }

  return {
    ...stage,
    ...people,
    async told(person, ...wanted) {
      return eventually(() => {
        const found = privateTo(person).find((m) => wanted.every((each) => fits(`${m.rendered}\n${m.text}`, each)));
        if (found === undefined) {
          const all = privateTo(person).map((m) => m.rendered);
          throw new Error(`${person.name} was not told ${wanted.join(" and ")}, but:\n${all.join("\n--\n") || "nothing"}`);
        }
        hear(person, found);
        return found.rendered;
      }, waitMs);
    },
    card,
    async thread(wanted) {
      return eventually(() => {
        const lines = deploys.thread(cardOf(undefined)?.ts ?? "").slice(1);
        const whole = lines.map((m) => m.rendered).join("\n");
        if (!fits(whole, wanted)) throw new Error(`the thread does not say ${wanted}:\n${whole}`);
        return whole;
      }, waitMs);
    },
    buttons: () => cardOf(undefined)?.buttons ?? [],
    cards: () => cardsNow().length,
    until: (isTrue) =>
      eventually(() => {
        if (!isTrue()) throw new Error(`this did not come true: ${isTrue}`);
      }, waitMs),
    serves,
    async makeLive(environment, commit) {
      const before = cardsNow().length;
      await people.ana.says(`/deploy api ${environment} ${commit}`);
      await eventually(() => assert.equal(cardsNow().length, before + 1), waitMs);
      if (environment === "prod") {
        await card("Waits for approval");
        await people.bo.clicks("Approve");
      }
      await card("Live");
      await serves(environment, commit);
    },
  };
}

/** Far beyond what any step takes, on a machine that does other things besides. */
const waitMs = 20_000;

function fits(text: string, wanted: Text): boolean {
  return typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
}
