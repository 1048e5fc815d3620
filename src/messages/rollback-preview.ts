/** What a rollback would do, with the one button that does it. This message is the confirmation; there is no second one. */
import type { RollbackPreview } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";
import { actions, context, fields, header, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { rollbackValue } from "./values.ts";
import { count, cutList, releaseCode, releaseText, safe } from "./words.ts";

export function rollbackPreview(preview: RollbackPreview): Message {
  const { service, environment, stops } = preview;
  if (isCalledOff(preview)) return callOffPreview(preview);
  const { to } = preview;
  const place = placeText(preview);
  const now = `/rollback ${place}${to === null ? "" : ` ${releaseName(to.number)}`} --now`;
  const lines = [
    to === null ? `${place}: stop it, and empty the hosts again?` : `${place}: roll back to ${releaseText(to)}?`,
    preview.from === null ? "Nothing is live there now." : `${leaves(preview)}: ${releaseText(preview.from)}.`,
    `${count(preview.hosts.length, "host")}: ${hostNames(preview.hosts)}. ${readiness(preview)}`,
    ...(stops === null ? [] : [stopsText(preview)]),
    `To do it: press Roll back, or type \`${now}\`.`,
  ];
  return message({
    text: lines.join("\n"),
    name: "rollback",
    blocks: [
      header(`Roll back ${service} → ${environment}?`),
      fields([
        [leaves(preview), preview.from === null ? "nothing" : releaseCode(preview.from)],
        ["Back to", to === null ? "nothing" : releaseCode(to)],
        ["Hosts", `${preview.hosts.length}: ${hostNames(preview.hosts)}`],
        ["Ready", readiness(preview)],
      ]),
      ...(stops === null ? [] : [section(`:warning: ${stopsText(preview)}`)]),
      buttons(preview),
      context([`No approval is needed. The same as \`${now}\``]),
    ],
  });
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
  const { ready, total } = preview.readiness;
  if (ready === total) return `All ${total} keep it, ready to start.`;
  return `${ready} of ${total} keep it, ready to start; the others pull it first.`;
}

function placeText({ service, environment }: RollbackPreview): string {
  return `${safe(service, 40)} ${safe(environment, 40)}`;
}

/** While a rollout is under way, `from` is what that one brings. */
function leaves(preview: RollbackPreview): string {
  return hasBegun(preview) ? "Being rolled out" : "Live now";
}

function hasBegun({ stops }: RollbackPreview): boolean {
  return stops !== null && (stops.phase === "rolling" || stops.phase === "soaking");
}

/** Decided, and no host is touched: what is about to come is what the person means. */
function isCalledOff({ stops, hosts }: RollbackPreview): boolean {
  return stops?.phase === "queued" && hosts.length === 0;
}

/** The two steps, and what is judged by them. */
function stopsText(preview: RollbackPreview): string {
  const { stops, from, to } = preview;
  if (stops === null) return "";
  const what = `This stops rollout #${stops.rollout} (${stops.phase.replaceAll("_", " ")})`;
  if (!hasBegun(preview)) return `${what}: it is cancelled before it touches a host.`;
  const bad = from === null ? "" : ` ${releaseName(from.number)} is judged bad.`;
  if (to === null) return `${what}: the hosts that it has touched are emptied again.${bad}`;
  const target = releaseName(to.number);
  const others = `Where the others serve something that was not good here, or you named ${target}, a rollback takes them to ${target} too, and what they served is judged bad as well.`;
  return `${what}: the hosts that it has touched go to ${target} first.${bad} ${others}`;
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
