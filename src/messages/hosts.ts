/** The machines: connected or not, what runs on them, and what is wrong with their engine. */
import type { HostFacts } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";
import { message, note, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { code, cutList, duration, safe } from "./words.ts";

export function hostsMessage(facts: { readonly hosts: readonly HostFacts[]; readonly now: number }): Message {
  const { hosts, now } = facts;
  if (hosts.length === 0) return note("No host is enrolled yet. On the server: `gantry enroll --name NAME --label env=prod`.");
  const ordered = [...hosts].sort((a, b) => Number(isWell(a)) - Number(isWell(b)) || (a.name < b.name ? -1 : 1));
  const rest = (left: number) => `and ${left} more, all connected or listed after these`;
  const texts = cutList(
    ordered.map((host) => hostText(host, now, "text")),
    { budget: 3600, most: 60, rest },
  );
  const mrkdwn = cutList(
    ordered.map((host) => hostText(host, now, "mrkdwn")),
    { budget: 9000, most: 40, rest },
  );
  return message({ text: texts.join("\n"), name: "hosts", blocks: mrkdwn.map(section) });
}

function isWell(host: HostFacts): boolean {
  return host.connected && !host.revoked && host.engine?.ok !== false;
}

function hostText(host: HostFacts, now: number, form: "text" | "mrkdwn"): string {
  const labels = Object.entries(host.labels).map(([k, v]) => `${safe(k, 30)}=${safe(v, 30)}`);
  const slots = host.slots.map((slot) => {
    const runs = slot.release === null ? "empty" : `${releaseName(slot.release)} ${safe(slot.health, 20)}`;
    return `${safe(slot.service, 40)} ${safe(slot.environment, 40)} ${runs}`;
  });
  const shownSlots = cutList(slots, { budget: 400, most: 6, rest: (left) => `${left} more` });
  const shownLabels = cutList(labels, { budget: 200, most: 6, rest: (left) => `${left} more` });
  const words = [connection(host, now), ...engineWords(host), ...shownLabels, ...shownSlots].join(", ");
  if (form === "text") return `${safe(host.name, 60)}: ${words}`;
  const sign = isWell(host) ? ":large_green_circle:" : host.revoked ? ":no_entry_sign:" : ":warning:";
  return `${sign} ${code(host.name)} ${words}`;
}

function connection(host: HostFacts, now: number): string {
  if (host.revoked) return "revoked";
  const version = host.agentVersion === null ? "" : ` (agent ${safe(host.agentVersion, 20)})`;
  if (host.connected) return `connected${version}`;
  return host.lastSeenAt === null ? "never seen" : `no connection for ${duration(now - host.lastSeenAt)}${version}`;
}

function engineWords(host: HostFacts): readonly string[] {
  const { engine } = host;
  if (engine === null) return [];
  if (!engine.ok) return [`engine: ${safe(engine.detail ?? engine.reason ?? "not well", 120)}`];
  return engine.liveRestore === false ? ["live-restore is off: an engine restart stops the services"] : [];
}
