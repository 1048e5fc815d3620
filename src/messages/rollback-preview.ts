/** What a rollback would do, with the one button that does it. This message is the confirmation; there is no second one. */
import type { RollbackPreview } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";
import { actions, context, fields, header, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { rollbackValue } from "./values.ts";
import { count, cutList, releaseCode, releaseText, safe } from "./words.ts";

export function rollbackPreview(preview: RollbackPreview): Message {
  const { service, environment, to, stops } = preview;
  const place = `${safe(service, 40)} ${safe(environment, 40)}`;
  const now = `/rollback ${place}${to === null ? "" : ` ${releaseName(to.number)}`} --now`;
  const lines = [
    to === null ? `${place}: stop it, and empty the hosts again?` : `${place}: roll back to ${releaseText(to)}?`,
    preview.from === null ? "Nothing is live there now." : `Live now: ${releaseText(preview.from)}.`,
    `${count(preview.hosts.length, "host")}: ${hostNames(preview.hosts)}. ${readiness(preview)}`,
    ...(stops === null ? [] : [stopsText(stops)]),
    `To do it: press Roll back, or type \`${now}\`.`,
  ];
  return message({
    text: lines.join("\n"),
    name: "rollback",
    blocks: [
      header(`Roll back ${service} → ${environment}?`),
      fields([
        ["Live now", preview.from === null ? "nothing" : releaseCode(preview.from)],
        ["Back to", to === null ? "nothing" : releaseCode(to)],
        ["Hosts", `${preview.hosts.length}: ${hostNames(preview.hosts)}`],
        ["Ready", readiness(preview)],
      ]),
      ...(stops === null ? [] : [section(`:warning: ${stopsText(stops)}`)]),
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
      describe: `Roll back ${place} to ${to === null ? "nothing" : releaseName(to.number)} now`,
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

function stopsText(stops: { readonly rollout: number; readonly phase: string }): string {
  const begun = stops.phase === "rolling" || stops.phase === "soaking";
  const what = begun ? "its hosts go back to what they served before" : "it is cancelled before it touches a host";
  return `This stops rollout #${stops.rollout} (${stops.phase.replaceAll("_", " ")}): ${what}.`;
}
