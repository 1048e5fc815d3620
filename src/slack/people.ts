import type { Clock, Log } from "../app/ports.ts";
import type { Call } from "./api.ts";

/** `member`: a full member of the workspace. `unknown`: Slack could not be asked. */
export type Person = { readonly standing: "member" | "guest" | "outsider" | "bot" | "unknown"; readonly name: string | null };

export type People = { find(user: string): Promise<Person> };

const freshMs = 10 * 60_000;
/** While Slack's directory does not answer, what it said within a day still counts. */
const staleMs = 24 * 3_600_000;
const mostPeople = 5_000;

/**
 * Who a user id is. Asked before an act is recorded, hence on the way to its acknowledgement: so answers are kept, and one question
 * serves all who wait for it.
 */
export function createPeople(options: {
  readonly callNow: Call;
  readonly team: () => string | null;
  readonly clock: Clock;
  readonly log: Log;
}): People {
  const { clock } = options;
  const seen = new Map<string, { readonly person: Person; readonly at: number }>();
  const asking = new Map<string, Promise<Person>>();

  async function ask(user: string): Promise<Person> {
    const old = seen.get(user);
    try {
      const answer = await options.callNow("users.info", { user });
      const person = personOf(answer["user"], options.team());
      seen.delete(user);
      seen.set(user, { person, at: clock.now() });
      if (seen.size > mostPeople) seen.delete(seen.keys().next().value ?? user);
      return person;
    } catch (error) {
      options.log.warn({ user, error: String(error) }, "users.info failed");
      const usable = old !== undefined && clock.now() - old.at < staleMs;
      return usable ? old.person : { standing: "unknown", name: null };
    } finally {
      asking.delete(user);
    }
  }

  return {
    find(user) {
      const known = seen.get(user);
      if (known !== undefined && clock.now() - known.at < freshMs) return Promise.resolve(known.person);
      const question = asking.get(user) ?? ask(user);
      asking.set(user, question);
      return question;
    },
  };
}

function personOf(answer: unknown, team: string | null): Person {
  const user = (typeof answer === "object" && answer !== null ? answer : {}) as Record<string, unknown>;
  const profile = (typeof user["profile"] === "object" && user["profile"] !== null ? user["profile"] : {}) as Record<
    string,
    unknown
  >;
  const names = [profile["display_name"], profile["real_name"], user["real_name"], user["name"]];
  const name = names.find((candidate): candidate is string => typeof candidate === "string" && candidate !== "") ?? null;
  return { standing: standingOf(user, team), name };
}

function standingOf(user: Record<string, unknown>, team: string | null): Person["standing"] {
  const foreign = typeof user["team_id"] === "string" && team !== null && user["team_id"] !== team;
  if (user["is_bot"] === true) return "bot";
  if (user["is_stranger"] === true || user["deleted"] === true || foreign) return "outsider";
  if (user["is_restricted"] === true || user["is_ultra_restricted"] === true) return "guest";
  return "member";
}
