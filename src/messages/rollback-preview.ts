/** What a rollback would do, with the one button that does it. This message is the confirmation; there is no second one. */
import type { IntentFacts, RollbackPreview, RolloutFacts } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";
import { actions, context, fields, header, message, note, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { readyText } from "./readiness.ts";
import { besidesLines } from "./spec-changes.ts";
import { isCalledOff, rollbackValue } from "./values.ts";
import { count, cutList, releaseCode, releaseText, safe } from "./words.ts";

/** A host that a person took out, and what it serves on. */
export type KeptOn = { readonly host: string; readonly intent: IntentFacts; readonly release: number };

export function rollbackPreview(preview: RollbackPreview, keptOn: readonly KeptOn[] = []): Message {
  const { service, environment, stops } = preview;
  if (isCalledOff(preview)) return callOffPreview(preview);
  const { to } = preview;
  const place = placeText(preview);
  const now = `/rollback ${place}${to === null ? "" : ` ${releaseName(to.number)}`} --now`;
  const lines = [
    to === null ? `${place}: stop it, and empty the hosts again?` : `${place}: roll back to ${releaseText(to)}?`,
    standing(preview),
    // One under way is stopped in two steps, which name their hosts.
    hasBegun(preview)
      ? readiness(preview)
      : `${count(preview.hosts.length, "host")}: ${hostNames(preview.hosts)}. ${readiness(preview)}`,
    ...(stops === null ? [] : [stopsText(preview)]),
    ...besidesLines(preview.besides, service).map((line) => line.text),
    ...judgedText(preview),
    ...warningText(preview),
    ...keptText(keptOn),
    `To do it: press Roll back, or type \`${now}\`.`,
  ];
  return message({
    text: lines.join("\n"),
    name: "rollback",
    blocks: [
      header(`Roll back ${service} → ${environment}?`),
      fields([
        ["Live now", preview.live === null ? "nothing" : releaseCode(preview.live)],
        ...(isLive(preview) || preview.from === null ? [] : [[leaves(preview), releaseCode(preview.from)] as const]),
        ["Back to", to === null ? "nothing" : releaseCode(to)],
        ...(hasBegun(preview) ? [] : [["Hosts", `${preview.hosts.length}: ${hostNames(preview.hosts)}`] as const]),
        ["Ready", readiness(preview)],
      ]),
      ...(stops === null ? [] : [section(`:warning: ${stopsText(preview)}`)]),
      ...besidesBlock(preview),
      ...judgedText(preview).map((text) => section(text)),
      ...[...warningText(preview), ...keptText(keptOn)].map((text) => section(`:warning: ${text}`)),
      buttons(preview),
      context([`No approval is needed. The same as \`${now}\``]),
    ],
  });
}

function besidesBlock({ besides, service }: RollbackPreview) {
  const lines = besidesLines(besides, service).map((line) => line.mrkdwn);
  return lines.length === 0 ? [] : [section(lines.join("\n"))];
}

/** Going back is not refused for it: it may be all that is left. */
function warningText({ warning }: RollbackPreview): readonly string[] {
  return warning === undefined ? [] : [`${safe(warning, 600)} There it would run without that.`];
}

function keptText(keptOn: readonly KeptOn[]): readonly string[] {
  if (keptOn.length === 0) return [];
  const names = keptOn.map(
    ({ host, intent, release }) => `${safe(host, 60)} (${releaseName(release)}, ${intent.kind} by ${safe(intent.by.name, 40)})`,
  );
  const shown = cutList(names, { budget: 400, most: 6, rest: (left) => `and ${left} more` }).join(", ");
  return [`Not reached, and serving on what they have: ${shown}. \`/gantry uncordon HOST\` gives a host what is live then.`];
}

function buttons(preview: RollbackPreview) {
  const { service, environment, to } = preview;
  const place = `${service} ${environment}`;
  return actions([
    {
      label: "Roll back",
      verb: "rollback",
      style: "danger",
      value: rollbackValue(preview),
      describe: isCalledOff(preview)
        ? `Stop what waits in ${place}`
        : `Roll back ${place} to ${to === null ? "nothing" : releaseName(to.number)} now`,
    },
    // A cancel of nothing: there is no rollout yet.
    {
      label: "Never mind",
      verb: "cancel",
      value: { rollout: null, planHash: preview.planHash },
      describe: `Leave ${place} as it is`,
    },
  ]);
}

function hostNames(hosts: readonly string[]): string {
  const names = hosts.map((host) => safe(host, 60));
  return cutList(names, { budget: 400, most: 12, rest: (left) => `and ${left} more` }).join(", ");
}

function readiness(preview: RollbackPreview): string {
  if (preview.to === null) return "Nothing was live there before.";
  return `Rollback to ${releaseName(preview.to.number)}: ${readyText(preview.readiness)}.`;
}

function placeText({ service, environment }: RollbackPreview): string {
  return `${safe(service, 40)} ${safe(environment, 40)}`;
}

/** What is live, and what is left when that is something else. */
function standing(preview: RollbackPreview): string {
  const { live, from } = preview;
  const now = live === null ? "Nothing is live there now." : `Live now: ${releaseText(live)}.`;
  return from === null || isLive(preview) ? now : `${now} ${leaves(preview)}: ${releaseText(from)}.`;
}

function isLive({ live, from }: RollbackPreview): boolean {
  return live?.number === from?.number;
}

/** `from`, where it is not what is live. */
function leaves(preview: RollbackPreview): string {
  return hasBegun(preview) ? "Being rolled out" : "To be left";
}

function hasBegun({ stops }: RollbackPreview): boolean {
  return stops !== null && (stops.phase === "rolling" || stops.phase === "soaking");
}

/** The two steps, and who goes with which. */
function stopsText(preview: RollbackPreview): string {
  const { stops, to, touched, rest } = preview;
  if (stops === null) return "";
  const what = `This stops rollout #${stops.rollout} (${stops.phase.replaceAll("_", " ")})`;
  if (!hasBegun(preview)) return `${what}: it is cancelled before it touches a host.`;
  const whose = `which it has touched, ${touched.length === 1 ? "goes" : "go"} back to`;
  if (to === null) return `${what}: ${hostNames(touched)}, ${whose} nothing: emptied again.`;
  const target = releaseName(to.number);
  const others = rest.length === 0 ? "No other host changes." : `Then the others follow to ${target}: ${hostNames(rest)}.`;
  return `${what}. First ${hostNames(touched)}, ${whose} ${target}. ${others}`;
}

function judgedText({ judged }: RollbackPreview): readonly string[] {
  if (judged.length === 0) return [];
  const names = judged.map(releaseName).join(" and ");
  return [`${names} ${judged.length === 1 ? "is" : "are"} judged bad here.`];
}

function callOffPreview(preview: RollbackPreview): Message {
  const { service, environment, to, stops, from } = preview;
  const place = placeText(preview);
  const number = stops?.rollout ?? 0;
  const on = to === null ? "Nothing serves there, as before." : `${releaseText(to)} serves on.`;
  const itself = to === null ? "" : ` To leave ${releaseName(to.number)} itself, roll back again.`;
  const what = `#${number}${from === null ? "" : ` (${releaseName(from.number)})`} has touched no host: it is cancelled, and nothing is judged. ${on}${itself}`;
  const now = `/rollback ${place} --now`;
  return message({
    text: [`${place}: stop #${number}?`, what, `To do it: press Roll back, or type \`${now}\`.`].join("\n"),
    name: "rollback",
    blocks: [
      header(`Roll back ${service} → ${environment}?`),
      section(what),
      buttons(preview),
      context([`No approval is needed. The same as \`${now}\``]),
    ],
  });
}

/** Afterwards. */
export function calledOff({ state, from }: RolloutFacts): Message {
  const { number, service, environment } = state;
  const on = from === null ? "Nothing serves there, as before." : `${releaseText(from)} serves on.`;
  const itself = from === null ? "" : ` To leave ${releaseName(from.number)} itself: \`/rollback ${service} ${environment}\`.`;
  return note(`#${number} has touched no host: it is cancelled, and nothing is judged. ${on}${itself}`);
}
