/** The machines: connected or not, what runs on them, and what is wrong with their engine. */
import type { HostFacts, IntentFacts } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";
import { message, note, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { machineWords } from "./usage.ts";
import { code, cutList, duration, named, safe } from "./words.ts";

export function hostsMessage(facts: { readonly hosts: readonly HostFacts[]; readonly now: number }): Message {
  const { hosts, now } = facts;
  if (hosts.length === 0) return note("No host is enrolled yet. On the server: `gantry enroll --name NAME --label env=prod`.");
  const ordered = [...hosts].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
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

/** Those that need an eye first, then those that a person took out. */
function rank(host: HostFacts): number {
  if (!isWell(host)) return 0;
  return host.intent === null ? 2 : 1;
}

/** `cordoned by ana: its disk is being replaced` */
export function intentText(intent: IntentFacts): string {
  const why = intent.why === null || intent.why === "" ? "" : `: ${safe(intent.why, 100)}`;
  return `${intent.kind} by ${named(intent.by)}${why}`;
}

function isWell(host: HostFacts): boolean {
  return host.connected && !host.revoked && host.engine?.ok !== false;
}

function hostText(host: HostFacts, now: number, form: "text" | "mrkdwn"): string {
  const labels = Object.entries(host.labels).map(([k, v]) => `${safe(k, 30)}=${safe(v, 30)}`);
  const slots = host.slots.map((slot) => {
    const runs =
      slot.release === null
        ? slot.health === "unknown"
          ? "not seen"
          : "empty"
        : `${releaseName(slot.release)} ${safe(slot.health, 20)}`;
    return `${safe(slot.service, 40)} ${safe(slot.environment, 40)} ${runs}`;
  });
  const shownSlots = cutList(slots, { budget: 400, most: 6, rest: (left) => `${left} more` });
  const shownLabels = cutList(labels, { budget: 200, most: 6, rest: (left) => `${left} more` });
  const intent = host.intent === null ? [] : [`${intentText(host.intent)} (${duration(now - host.intent.at)} ago)`];
  const used = host.usage === undefined ? [] : machineWords(host.usage);
  const words = [connection(host, now), ...intent, ...engineWords(host), ...used, ...shownLabels, ...shownSlots].join(", ");
  if (form === "text") return `${safe(host.name, 60)}: ${words}`;
  const sign = signOf(host);
  return `${sign} ${code(host.name)} ${words}`;
}

function signOf(host: HostFacts): string {
  if (host.revoked) return ":no_entry_sign:";
  if (!isWell(host)) return ":warning:";
  return host.intent === null ? ":large_green_circle:" : ":construction:";
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
  if (engine.reason !== null) return [`engine: ${safe(engine.detail ?? engine.reason, 120)}`];
  return engine.liveRestore === false ? ["live-restore is off: an engine restart stops the services"] : [];
}
