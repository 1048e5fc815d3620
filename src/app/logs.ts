/**
 * Logs of a place, from the agents of its hosts. What a service prints may be about people and may hold what nobody meant to
 * print, so only those see it who may act there; who looked is in the server's log.
 */
import { AskError } from "../core/ask.ts";
import { type LogPiece, type LogsAsk, logPieceOf } from "../core/logs.ts";
import { membersOf } from "../core/members.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import type { Gantry, LogsTold, Refused } from "./gantry.ts";
import { lockersOf, nameOf, type Place, placeOf } from "./place.ts";
import { hostsOf } from "./planner.ts";
import type { Fleet } from "./ports.ts";

type Parts = Pick<RequestParts, "store" | "config" | "people" | "log"> & { readonly fleet: Pick<Fleet, "ask"> };
type Asked = Parameters<Gantry["logs"]>[0];

/** The engine of a host has 10 s for each of two calls. */
const deadlineMs = 25_000;
/** Each is asked at once. */
const mostHosts = 100;

export function createLogs(parts: Parts): Pick<Gantry, "logs"> {
  const { store, config, people, log } = parts;

  async function logs(asked: Asked): Promise<LogsTold | Refused> {
    const place = placeOf(config, asked.service, asked.environment);
    if (isRefusal(place)) return refused(place);
    const refusal =
      (await people.refusal({ actor: asked.actor, roles: lockersOf(place), what: `read the logs of ${nameOf(place)}` })) ??
      unknownMember(place, asked.member);
    if (refusal !== null) return refused(refusal);
    const all = hostsAsked(place, asked.host);
    if (isRefusal(all)) return refused(all);
    const { member, previous, follow } = asked;
    const { kind, id } = asked.actor;
    log.info({ place: nameOf(place), host: asked.host, member, previous, follow, by: `${kind} ${id}` }, "logs are read");
    const hosts = all.slice(0, mostHosts);
    const faults = await Promise.all(hosts.map((host) => tell(host, asked)));
    return { kind: "told", hosts, faults: faults.filter((fault) => fault !== null), leftOut: all.slice(mostHosts) };
  }

  /** Those of the environment, by name; one that left it only when it is named and still has something of it. */
  function hostsAsked(place: Place, host: string | null): readonly string[] | Refusal {
    const names = hostsOf(store, place.environment).map(({ name }) => name);
    if (host === null) return names.length > 0 ? names : refuse("no_hosts", `No host has the labels of ${nameOf(place)}.`);
    const key = { service: place.service.name, environment: place.environment.name };
    if (names.includes(host) || store.slots.get(host, key) !== null) return [host];
    const known = store.hosts.find(host) !== null;
    const some = names.slice(0, 8).join(", ") || "none";
    return refuse(
      "unknown_host",
      known
        ? `${host} is no host of ${nameOf(place)}. Those are: ${some}.`
        : `There is no host ${host}. Those of ${nameOf(place)}: ${some}.`,
    );
  }

  /** Null, or why nothing came, or no more. */
  async function tell(host: string, asked: Asked): Promise<LogsTold["faults"][number] | null> {
    const { service, environment, member, lines, sinceMs, previous, follow, signal } = asked;
    const body: LogsAsk = { service, environment, member, lines, sinceMs, previous, follow };
    const onPiece = (raw: unknown) => {
      const piece: LogPiece | null = logPieceOf(raw);
      if (piece === null) throw new AskError("internal", "its agent's answer is not understood");
      asked.onPiece(host, piece);
    };
    try {
      await parts.fleet.ask(host, { what: "logs", body, onPiece, signal, deadlineMs: follow ? null : deadlineMs });
      return null;
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      return { host, reason: error.reason, text: error.message };
    }
  }

  return { logs };
}

/** As the service file has them now, and as what is asked about had them: a typing error is told at once. */
function unknownMember({ service }: Place, member: string | null): Refusal | null {
  if (member === null || member === service.name || member === "released") return null;
  const names = membersOf({ digest: "", spec: service.spec }).flatMap(({ name }) => name ?? []);
  if (names.includes(member) || service.spec.name === member) return null;
  const known = [service.name, ...names].join(", ");
  return refuse("no_container", `${service.name} has no container ${member}. It has: ${known}.`);
}
