/** What `gantry validate` prints when everything is good: per service what a reader would want to see again. */
import { durationText } from "../config/scalars.ts";
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../config/valid.ts";
import { type Member, membersOf } from "../core/members.ts";
import type { HealthProbe } from "../core/release.ts";
import type { Requirement } from "../core/requirement.ts";

export function validText(config: GantryConfig): readonly string[] {
  const { file, services } = config;
  const count = services.length === 1 ? "1 service" : `${services.length} services`;
  return [`${file} is valid: ${count}.`, ...services.flatMap((service) => ["", ...serviceLines(service)])];
}

function serviceLines(service: ServiceConfig): readonly string[] {
  const { spec } = service;
  const members = membersOf({ digest: "", spec });
  const own = spec.name ?? service.name;
  const order = members.map((member) => containerText(member, { members, own })).join(" → ");
  return [
    `${service.name}  (${service.file})`,
    ...service.environments.map((environment) => `  ${environmentText(environment, service)}`),
    ...(service.requires === undefined ? [] : [`  requires ${service.requires.map(requiredText).join(", ")}`]),
    ...(members.length > 1 ? [`  starts   ${order}`] : []),
    ...members.map((member) => `  health   ${members.length > 1 ? `${member.name ?? own}: ` : ""}${healthText(member)}`),
  ];
}

function requiredText({ service, environment }: Requirement): string {
  return environment === undefined ? service : `${service} ${environment}`;
}

function environmentText(environment: EnvironmentConfig, service: ServiceConfig): string {
  const { name, hosts, after, approvals } = environment;
  const labels = Object.entries(hosts).map(([key, value]) => `${key}=${value}`);
  const people = approvals.required === 1 ? "1 approval" : `${approvals.required} approvals`;
  const parts = [
    `hosts ${labels.join(" and ")}`,
    ...(after === null ? [] : [`after ${after}`]),
    ...(approvals.required === 0 ? [] : [`${people} of ${approvals.from.join(", ")}`]),
    ...(service.spec.environments?.[name] === undefined ? [] : ["variables of its own"]),
  ];
  return `${name.padEnd(8)} ${parts.join("; ")}`;
}

/** A container, and what those after it wait for. */
function containerText(member: Member, facts: { members: readonly Member[]; own: string }): string {
  const name = member.name ?? facts.own;
  const conditions = facts.members.flatMap(({ dependsOn }) => dependsOn.filter(({ on }) => on === name)).map((d) => d.condition);
  if (conditions.includes("completed")) return `${name} (to its end)`;
  return conditions.includes("healthy") ? `${name} (healthy)` : name;
}

function healthText({ health, isOneShot }: Member): string {
  if (isOneShot) return `ends with exit code 0 within ${durationText(health.deadlineMs)}`;
  if (health.probe.kind === "none") return "none: only a crash is noticed";
  return `${probeText(health.probe)}, every ${durationText(health.intervalMs)}, within ${durationText(health.deadlineMs)} of its start`;
}

function probeText(probe: HealthProbe): string {
  switch (probe.kind) {
    case "http":
      return probe.url;
    case "tcp":
      return `tcp ${probe.host}:${probe.port}`;
    case "container":
      return probe.command === undefined ? "its own healthcheck" : `the command ${probe.command.join(" ")}`;
    case "none":
      return "none";
  }
}
