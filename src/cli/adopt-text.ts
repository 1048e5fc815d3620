/** What `gantry adopt` says: host by host what is found, and what follows from it. */
import type { AdoptReport } from "../app/adopt.ts";
import type { FreezeFacts } from "../core/facts.ts";
import { releaseName } from "../core/release.ts";

export function previewText(frozen: FreezeFacts, report: AdoptReport): string {
  const since = new Date(frozen.at).toISOString().slice(0, 16).replace("T", " ");
  return lines([
    `Gantry stands still since ${since} UTC: ${frozen.detail}`,
    "",
    "This would be taken for what should be. Nothing on any host is changed by it:",
    "",
    ...found(report),
    "",
    ...live(report),
    ...ended(report, "would end as they are; nobody is sent back"),
    ...report.trouble.map((text) => `Not possible: ${text}.`),
    `Orders would go on under epoch ${report.epoch}.`,
  ]);
}

export function doneText(report: AdoptReport): string {
  const mixed = report.environments.filter((e) => e.live !== null && e.others.length > 0);
  return lines([
    "Adopted; the freeze is over. What is found on the hosts is what should be:",
    "",
    ...found(report),
    "",
    ...live(report),
    ...ended(report, "have ended as they are; nobody was sent back"),
    ...report.trouble.map((text) => `Not possible: ${text}.`),
    `Orders go on under epoch ${report.epoch}.`,
    ...mixed.map(
      (e) =>
        `${e.service} ${e.environment} is mixed. Decide which release it should have: deploy it, or roll back; until then every host keeps its own.`,
    ),
  ]);
}

function found({ hosts, away }: AdoptReport): string[] {
  const rows = hosts.flatMap(({ host, slots }) => {
    if (slots.length === 0) return [`  ${host}: nothing`];
    return slots.map((slot) => {
      const what = slot.release === null ? "nothing" : releaseName(slot.release);
      const note = slot.note === null ? "" : ` (${slot.note})`;
      return `  ${host}  ${slot.service} ${slot.environment}: ${what}${slot.told ? "" : ", left as it is"}${note}`;
    });
  });
  const none = rows.length === 0 ? ["  No agent has been heard yet. Wait until the hosts are connected (gantry hosts)."] : [];
  return [...rows, ...none, ...(away.length === 0 ? [] : [`  Away, and taken in when they connect: ${away.join(", ")}`])];
}

function live({ environments }: AdoptReport): string[] {
  return environments.map(({ service, environment, live: release, hosts, others, awaits }) => {
    const place = `${service} ${environment}`;
    if (awaits.length > 0) return `${place}: ${unheard(awaits, release)}`;
    if (release === null) return `${place}: nothing is live.`;
    if (hosts.length + others.length === 0) return `${place}: it has no host; ${releaseName(release)} is what was live last.`;
    if (others.length === 0) return `${place}: ${releaseName(release)} is live, on all ${hosts.length}.`;
    const named = others.map((o) => `${o.host} (${o.release === null ? "nothing" : releaseName(o.release)})`).join(", ");
    return `${place}: ${releaseName(release)} is live on ${hosts.length} of ${hosts.length + others.length}; not on ${named}.`;
  });
}

function unheard(awaits: readonly string[], release: number | null): string {
  const last = release === null ? "" : ` (${releaseName(release)} when this server last knew)`;
  return `no host was heard, so what is live is not known${last}. The first of ${awaits.join(", ")} that connects and serves something says it; until then no host is given anything there. If none of them comes back: revoke them, or deploy.`;
}

function ended(report: AdoptReport, what: string): string[] {
  return report.ended.length === 0
    ? []
    : [`Rollouts under way or in line ${what}: ${report.ended.map((n) => `#${n}`).join(", ")}.`];
}

function lines(all: readonly string[]): string {
  return all.join("\n");
}
