/** Hosts that wait for a service that theirs stands on: what would end that. */
import { type Lacking, lackingText } from "../core/requirement.ts";
import type { Wait } from "./why-standing.ts";

/** What would end it, as sentences. */
export function lackingEnds({ host, service, environment, how }: Lacking): string {
  const place = environment === undefined ? service : `${service} ${environment}`;
  switch (how) {
    case "uncovered":
      return `${host} is enrolled again with the labels that ${place} asks for, or the service file does not require it any more.`;
    case "absent":
      return `${place} comes there: by itself, when it is live, or by a deploy of it. \`/gantry why ${host}\` tells more.`;
    case "unhealthy":
      return `It is healthy there again: \`/gantry why ${host}\`; or \`/rollback ${place}\`.`;
    case "changing":
      return `Its swap there ends: \`/gantry why ${place}\`.`;
    case "unheard":
      return `The agent of ${host} says that it is well.`;
  }
}

/** `since`: when that is not known of the service itself. */
export function lackingWait(one: Lacking, facts: Pick<Wait, "since" | "until">): Wait {
  const text = `${one.host} waits for a service that it needs first: ${lackingText(one)}.`;
  return { reason: "awaiting_service", text, since: one.since ?? facts.since, until: facts.until, ends: lackingEnds(one) };
}
