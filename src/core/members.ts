/** The containers of a release on one slot, in the order in which they start. */
import type { ContainerSpec, Dependency, Health, ReleaseSpec } from "./release.ts";

/** On one host, for one service: what a file may ask for and what server and agent tell each other are held to the same. */
export const mostContainers = 32;

export type Member = {
  /** Its name in the Compose file; null: the released container itself. */
  readonly name: string | null;
  readonly container: ContainerSpec;
  readonly digest: string;
  readonly health: Health;
  readonly dependsOn: readonly Dependency[];
  /** Others wait for its end, so that it runs once and must end well. */
  readonly isOneShot: boolean;
  /** What it must have shown before the swap goes on: the most that another one asks of it; its health when none does. */
  readonly condition: Dependency["condition"];
};

/**
 * Each after what it depends on, otherwise as written; the released container last, unless something waits for it.
 * Source of the conditions: the Compose specification, `depends_on`.
 */
export function membersOf(facts: { readonly digest: string; readonly spec: ReleaseSpec }): readonly Member[] {
  const { digest, spec } = facts;
  const { container, health, name = "", dependsOn = [], supporting = [] } = spec;
  const asked = [...dependsOn, ...supporting.flatMap((s) => s.dependsOn)];
  const others = supporting.map((s): Member => {
    const condition = conditionOf(s.name, asked);
    return {
      name: s.name,
      container: s.container,
      digest: s.digest ?? digest,
      health: s.health,
      dependsOn: s.dependsOn,
      isOneShot: condition === "completed",
      condition,
    };
  });
  return inOrder([...others, { name: null, container, digest, health, dependsOn, isOneShot: false, condition: "healthy" }], name);
}

function conditionOf(name: string, asked: readonly Dependency[]): Dependency["condition"] {
  const ofIt = asked.filter((d) => d.on === name).map((d) => d.condition);
  if (ofIt.includes("completed")) return "completed";
  return ofIt.includes("healthy") || ofIt.length === 0 ? "healthy" : "started";
}

/** `own`: how the others call the released container. A circle (the file's reader refuses it) keeps the order written. */
function inOrder(members: readonly Member[], own: string): readonly Member[] {
  const nameOf = (member: Member) => member.name ?? own;
  const ordered: Member[] = [];
  let waiting = [...members];
  while (waiting.length > 0) {
    const ready = waiting.filter((m) => !m.dependsOn.some((d) => waiting.some((w) => nameOf(w) === d.on)));
    const next = ready[0] ?? waiting[0];
    if (next === undefined) break;
    ordered.push(next);
    waiting = waiting.filter((member) => member !== next);
  }
  return ordered;
}
