/** What is live where, since when and by whom; what moves; which hosts are odd; how ready the way back is. */
import type { EnvironmentStatus, FreezeFacts, SlotFacts } from "../core/facts.ts";
import { reasons } from "../core/reasons.ts";
import { releaseName } from "../core/release.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { message, note, section } from "./blocks.ts";
import { lockLine } from "./locks.ts";
import type { Message } from "./message.ts";
import { phaseSign, phaseWords } from "./phase.ts";
import { readyText } from "./readiness.ts";
import { findingLine, incompleteText } from "./rollout-after.ts";
import { usedText } from "./usage.ts";
import { code, count, cutList, noHealthCheck, releaseCode, releaseText, safe, sentence, utc, when } from "./words.ts";

export function statusMessage(facts: {
  readonly environments: readonly EnvironmentStatus[];
  readonly now: number;
  readonly freeze?: FreezeFacts | null;
}): Message {
  const { environments, now, freeze = null } = facts;
  if (environments.length === 0 && freeze === null) return note("No service is set up there.");
  const banner = freeze === null ? [] : [freezeLine(freeze, now)];
  const shown = environments.map((e) => environmentText(e, now));
  const texts = shown.map((s) => s.text);
  const mrkdwn = shown.map((s) => s.mrkdwn);
  const most = 20;
  const rest = (left: number) => `and ${left} more: name a service`;
  return message({
    text: [...banner.map((line) => line.text), ...cutList(texts, { budget: 3000, most, rest })].join("\n"),
    name: "status",
    blocks: [...banner.map((line) => line.mrkdwn), ...cutList(mrkdwn, { budget: 8800, most, rest })].map(section),
  });
}

/** Above everything else: nothing that is asked of a frozen server happens. */
export function freezeLine(freeze: FreezeFacts, now: number): Line {
  const { title, next } = reasons[freeze.reason];
  const host = freeze.host === null ? "" : ` ${safe(freeze.host, 60)} showed it.`;
  const detail = freeze.detail === "" ? "" : ` ${sentence(freeze.detail.replaceAll("\n", " "), 240)}`;
  const rest = `${host}${detail} Nothing is changed on any host; containers go on. ${sentence(next)}`;
  return {
    text: `THE SERVER STANDS STILL since ${utc(freeze.at, now)}: ${title} (${freeze.reason}).${rest}`,
    mrkdwn: `:snowflake: *The server stands still* since ${when(freeze.at, now)}: ${title} (\`${freeze.reason}\`).${rest}`,
  };
}

/** One environment, at most about 1,100 characters. Also used by the Home tab. */
export function environmentText(env: EnvironmentStatus, now: number): { readonly text: string; readonly mrkdwn: string } {
  const place = `${safe(env.service)} ${safe(env.environment)}`;
  const by = env.by === null ? "" : ` by ${safe(env.by, 40)}`;
  const live = env.live;
  const since = (time: (at: number, now: number) => string) => (env.since === null ? "" : ` since ${time(env.since, now)}`);
  const text = live === null ? "nothing is live" : `${releaseText(live)}${since(utc)}${by}`;
  const slack = live === null ? "nothing is live" : `${releaseCode(live)}${since(when)}${by}`;
  const odd = oddSlots(env);
  const shared = [
    ...troubleLine(env, now),
    ...lockLines(env, now),
    ...activeLine(env),
    ...lineLine(env),
    ...goneLine(env),
    ...healthLine(env),
    ...odd,
    ...leftOverLine(env),
    backLine(env),
  ];
  return {
    text: [`${place}: ${text}`, ...shared.map((line) => `  ${line.text}`)].join("\n"),
    mrkdwn: [`${signOf(env, odd.length)} *${place}*: ${slack}`, ...shared.map((line) => line.mrkdwn)].join("\n"),
  };
}

type Line = { readonly text: string; readonly mrkdwn: string };

function signOf(env: EnvironmentStatus, odd: number): string {
  if (env.lastTrouble !== null) return env.lastTrouble.phase === "incomplete" ? ":warning:" : ":rotating_light:";
  if (odd > 0 || !env.isConfigured) return ":warning:";
  if (env.lock !== null) return ":lock:";
  return env.live === null ? ":white_circle:" : ":large_green_circle:";
}

/** Ended, but not over: it stays in sight until something succeeds here. */
function troubleLine({ lastTrouble }: EnvironmentStatus, now: number): readonly Line[] {
  if (lastTrouble === null) return [];
  const words = troubleWords(lastTrouble, now);
  return [{ text: words, mrkdwn: `${phaseSign(lastTrouble.phase === "incomplete" ? "incomplete" : "stuck")} ${words}` }];
}

function lockLines({ lock }: EnvironmentStatus, now: number): readonly Line[] {
  if (lock === null) return [];
  const { text, mrkdwn } = lockLine(lock, now);
  return [{ text, mrkdwn: `:lock: ${mrkdwn}` }];
}

/** `in line: #143 by bo, #144 by eva` */
function lineLine({ line }: EnvironmentStatus): readonly Line[] {
  if (line.length === 0) return [];
  const names = line.map((state) => {
    const held = state.pauses.length > 0 ? ", held" : "";
    return `#${state.number} (${releaseName(state.release)} by ${safe(state.requester.name, 40)}${held})`;
  });
  const shown = cutList(names, { budget: 300, most: 4, rest: (left) => `${left} more` });
  const words = `in line: ${shown.join(", ")}`;
  return [{ text: words, mrkdwn: `${phaseSign("in_line")} ${words}` }];
}

/**
 * `#4 rollback of r1 is stuck, needs a person: prod-2 could not be rolled back (host_lost)`; the same for one that did not
 * reach every host, and for one whose containers did not stay well.
 */
export function troubleWords(state: RolloutState, now: number): string {
  const finding = state.watch?.finding ?? null;
  if (finding !== null) return `#${state.number} ${releaseName(state.release)}: ${findingLine(finding, now).text}`;
  const missing = incompleteText(state, "COMMIT");
  if (missing !== null) return `#${state.number} ${missing} (left_incomplete)`;
  const detail = state.detail === null ? "" : `: ${safe(state.detail, 160)}`;
  const reason = state.reason === null ? "" : ` (${state.reason})`;
  return `#${state.number} ${state.kind} of ${releaseName(state.release)} is ${phaseWords(state)}${detail}${reason}`;
}

/** A rollback and a way back end by themselves; anything else somebody may stop. */
function goneLine(env: EnvironmentStatus): readonly Line[] {
  const { active, isConfigured } = env;
  if (isConfigured || active === null) return [];
  const stoppable = active.kind !== "rollback" && active.phase !== "restoring";
  const stop = stoppable ? ` To stop it: \`/gantry cancel ${active.number}\`.` : "";
  const words = `the configuration does not have it any more; #${active.number} goes on.${stop}`;
  return [{ text: words, mrkdwn: `:warning: ${words}` }];
}

function healthLine({ healthDeclared = true }: EnvironmentStatus): readonly Line[] {
  if (healthDeclared) return [];
  const words = `no health check is declared: ${noHealthCheck}`;
  return [{ text: words, mrkdwn: `:warning: ${words}` }];
}

function activeLine(env: EnvironmentStatus): readonly Line[] {
  const { active } = env;
  if (active === null) return [];
  const words = `#${active.number} ${active.kind} of ${releaseName(active.release)} ${phaseWords(active)}, by ${safe(active.requester.name, 40)}`;
  return [{ text: words, mrkdwn: `${phaseSign(active.phase)} ${words}` }];
}

/** Hosts that do not serve the live release in good health. */
function oddSlots(env: EnvironmentStatus): readonly Line[] {
  if (env.slots.length === 0) return [{ text: "no host has its labels", mrkdwn: ":warning: no host has its labels" }];
  const odd = env.slots.filter((slot) => isOdd(slot, env)).map(slotText);
  return cutList(odd, { budget: 600, most: 6, rest: (left) => `and ${count(left, "more host")}` }).map((text) => ({
    text,
    mrkdwn: `:warning: ${text}`,
  }));
}

/** Nothing reaches them there any more, and nobody would look for them. */
function leftOverLine({ leftOver = [] }: EnvironmentStatus): readonly Line[] {
  if (leftOver.length === 0) return [];
  const names = cutList(
    leftOver.map((host) => code(host, 40)),
    { budget: 200, most: 4, rest: (left) => `${left} more` },
  );
  const words = `not a host of it any more, with a container of it still: ${names.join(", ")} (left_over)`;
  return [{ text: words, mrkdwn: `:warning: ${words}` }];
}

function isOdd(slot: SlotFacts, env: EnvironmentStatus): boolean {
  if (!slot.connected) return true;
  if (slot.release !== (env.live?.number ?? null)) return true;
  return env.live !== null && slot.health !== "ok";
}

function slotText(slot: SlotFacts): string {
  const isUnseen = slot.release !== null && slot.health === "unknown";
  const serves = isUnseen ? "was last seen with" : "serves";
  const runs = slot.release === null ? "serves nothing" : `${serves} ${releaseName(slot.release)}`;
  const away = slot.connected ? "" : ", no connection";
  const health = slot.health === "ok" || slot.health === "empty" ? "" : `, ${slot.health}`;
  const detail = slot.detail === null || slot.detail === "" ? "" : `: ${safe(slot.detail, 120)}`;
  return `${code(slot.host)} ${runs}${health}${away}${detail}`;
}

function backLine(env: EnvironmentStatus): Line {
  const { rollbackTo, readiness } = env;
  const used = env.usage === undefined ? "" : `; ${usedText(env.usage)}`;
  const hosts = `${count(env.slots.length, "host")}${used}`;
  if (rollbackTo === null)
    return {
      text: `${hosts}; no earlier good release to go back to`,
      mrkdwn: `_${hosts}; no earlier good release to go back to_`,
    };
  const ready = readyText(readiness);
  return {
    text: `${hosts}; rollback goes to ${releaseText(rollbackTo)}, ${ready}`,
    mrkdwn: `_${hosts}; rollback goes to_ ${releaseCode(rollbackTo)}, _${ready}_`,
  };
}
