/**
 * The way of one act: arrival, who is it, recorded, acknowledged, served. The record comes before the acknowledgement, so that what
 * Slack believes to be delivered is; the work comes after it, so that nothing slow stands between a person and Slack's 3 s.
 */
import type { Clock, Delivery, Door, Log } from "../app/ports.ts";
import type { Message } from "../messages/message.ts";
import { createAnswers, type Whisper } from "./answers.ts";
import type { Call } from "./api.ts";
import type { Exchange } from "./exchange.ts";
import type { Inbound } from "./inbound.ts";
import type { People, Person } from "./people.ts";
import { notAMember, notForBots, nothingRecorded, restarting, whoAreYou } from "./refusals.ts";

export type Intake = {
  /** Never rejects. */
  take(exchange: Exchange, inbound: Inbound): Promise<void>;
  /** Says no to the person, and acknowledges. */
  decline(exchange: Exchange, inbound: Inbound, message: Message): Promise<void>;
  /** From now on everything is declined. */
  close(): void;
  /** Resolves when nothing accepted is being served any more. */
  idle(): Promise<void>;
};

/** More than this at once is no traffic of people; it is turned away rather than piled up. */
const mostInFlight = 1_000;

export function createIntake(options: {
  readonly door: Door;
  readonly people: People;
  readonly team: () => string | null;
  readonly whisper: Whisper;
  readonly callNow: Call;
  readonly clock: Clock;
  readonly log: Log;
}): Intake {
  const { door, people, log } = options;
  const inFlight = new Set<Promise<void>>();
  let closed = false;

  async function take(exchange: Exchange, inbound: Inbound): Promise<void> {
    if (closed) return decline(exchange, inbound, restarting);
    const team = options.team();
    if (team === null || inbound.teams.length === 0 || inbound.teams.some((named) => named !== team)) {
      log.warn({ key: exchange.key, user: inbound.user, teams: inbound.teams }, "An act from outside the workspace was refused");
      return decline(exchange, inbound, notAMember);
    }
    const person = await people.find(inbound.user);
    const refusal = refusalFor(person);
    if (refusal !== null) {
      log.warn({ key: exchange.key, user: inbound.user, standing: person.standing }, "An act was refused for who did it");
      return decline(exchange, inbound, refusal);
    }
    const delivery = deliveryOf(exchange.key, inbound, person);
    const verdict = await record(delivery);
    if (verdict === "full") return decline(exchange, inbound, nothingRecorded);
    await exchange.ack();
    if (verdict === "new") serve(exchange, delivery, inbound);
    else log.info({ key: delivery.key, meaning: delivery.meaning }, "A duplicate delivery changed nothing");
  }

  async function record(delivery: Delivery): Promise<Awaited<ReturnType<Door["accept"]>>> {
    try {
      if (inFlight.size < mostInFlight) return await door.accept(delivery);
      log.error({ key: delivery.key, inFlight: inFlight.size }, "Too many acts at once; one was turned away");
    } catch (error) {
      log.error({ key: delivery.key, error: String(error) }, "Recording a delivery threw");
    }
    return "full";
  }

  function serve(exchange: Exchange, delivery: Delivery, inbound: Inbound): void {
    const work = door
      .serve(delivery, answersTo(exchange, inbound))
      .catch((error: unknown) => log.error({ key: delivery.key, error: String(error) }, "Serving a delivery threw"))
      .finally(() => inFlight.delete(work));
    inFlight.add(work);
  }

  async function decline(exchange: Exchange, inbound: Inbound, message: Message): Promise<void> {
    switch (inbound.act.kind) {
      case "command":
        // A mention has no answer in its acknowledgement; a slash command has.
        if (inbound.responseUrl !== null) return exchange.ack({ response_type: "ephemeral", text: message.text });
        break;
      case "form":
        if (inbound.errorField !== null) {
          return exchange.ack({ response_action: "errors", errors: { [inbound.errorField]: message.text } });
        }
        break;
      case "press":
        break;
      case "home":
        return exchange.ack();
    }
    await exchange.ack();
    await answersTo(exchange, inbound)
      .privately(message)
      .catch((error: unknown) => log.warn({ key: exchange.key, error: String(error) }, "A refusal could not be told"));
  }

  function answersTo(exchange: Exchange, inbound: Inbound) {
    const { whisper, callNow, clock } = options;
    return createAnswers({ inbound, key: exchange.key, receivedAt: exchange.receivedAt, whisper, callNow, clock, log });
  }

  return {
    take,
    decline,
    close() {
      closed = true;
    },
    async idle() {
      while (inFlight.size > 0) await Promise.allSettled(inFlight);
    },
  };
}

function refusalFor(person: Person): Message | null {
  switch (person.standing) {
    case "member":
      return null;
    case "guest":
    case "outsider":
      return notAMember;
    case "bot":
      return notForBots;
    case "unknown":
      return whoAreYou;
  }
}

function deliveryOf(key: string, inbound: Inbound, person: Person): Delivery {
  const name = person.name ?? inbound.userName ?? inbound.user;
  return {
    key,
    meaning: inbound.meaning,
    actor: { kind: "slack", id: inbound.user, name },
    channel: inbound.channel,
    threadTs: inbound.threadTs,
    act: inbound.act,
  };
}
