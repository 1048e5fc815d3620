/** What really runs: I1 (one container per host and port), I5 (only what was approved), I7 (no older generation), I19 (others' containers). */
import { marksOf } from "../../../src/host/labels.ts";
import type { Box, Happening, Machine } from "../world/machine.ts";
import type { Site } from "../world/world.ts";
import { type Ground, placeOf } from "./ground.ts";

export type Containers = {
  onHappening(machine: Machine, happening: Happening): void;
  onTouch(site: Site, box: Box): void;
  /** From now on this digest may run there. */
  approve(place: string, digest: string): void;
  /** The newest moment at which a container of this digest ran and answered well on the machine; null: never. */
  servedAt(machine: Machine, place: string, digest: string): number | null;
  /** Any container of the place has ever answered well on the machine. */
  hasServed(machine: Machine, place: string): boolean;
};

export function watchContainers(ground: Ground): Containers {
  const { world, fail } = ground;
  const approved = new Map<string, Set<string>>();
  const newest = new Map<string, number>();
  /** When what ran last ended, by machine, place and digest. */
  const ended = new Map<string, number>();

  function onHappening(machine: Machine, { what, box, by }: Happening): void {
    const marks = marksOf(box.state.labels);
    if (what !== "ending")
      world.trace.note(machine.name, `${box.state.name} ${what} by ${by}${what === "created" ? ` (${box.program.kind})` : ""}`);
    if (marks === null) return;
    const place = placeOf(marks);
    if (what === "started") started(machine, box, place, marks.digest);
    if (what === "ending") noteEnd(machine, box, `${machine.name} ${place} ${marks.digest}`);
    if (what === "policy" && box.state.restartPolicy === "always")
      fail("I1", `${box.state.name} on ${machine.name} would come back after a stop by hand (policy always)`);
    if (what !== "created" || marks.role !== "live" || by !== "agent") return;
    const key = `${machine.name} ${place}`;
    const before = newest.get(key) ?? 0;
    if (marks.generation < before && !hasForgotten(machine, box, place))
      fail("I7", `${machine.name} makes a container of generation ${marks.generation} of ${place} after one of ${before}`);
    newest.set(key, Math.max(before, marks.generation));
  }

  /** Its agent lost what it knew, and no container is left to tell it: there is nothing on the host that it could go back behind. */
  function hasForgotten(machine: Machine, fresh: Box, place: string): boolean {
    const site = world.sites.find((each) => each.machine === machine);
    if (site === undefined || !world.forgetful.has(site.host)) return false;
    const others = [...machine.boxes.values()].filter((box) => box !== fresh).map((box) => marksOf(box.state.labels));
    return others.every((marks) => marks === null || placeOf(marks) !== place);
  }

  function noteEnd(machine: Machine, box: Box, key: string): void {
    const at = machine.wellUntil(box);
    if (at !== null) ended.set(key, at);
  }

  function started(machine: Machine, box: Box, place: string, digest: string): void {
    ground.reached("containers started");
    for (const other of machine.boxes.values()) {
      if (other === box || other.run === null || other.port !== box.port) continue;
      fail("I1", `${machine.name} runs ${other.state.name} and ${box.state.name} at once on port ${box.port}`);
    }
    if (approved.get(place)?.has(digest) !== true)
      fail("I5", `${machine.name} starts ${box.state.name}, whose digest nobody approved for ${place}`);
  }

  return {
    onHappening,
    onTouch(site, box) {
      const owner = box.state.labels["gantry.host"];
      if (owner !== site.host)
        fail("I19", `the agent of ${site.host} touches ${box.state.name}, which is of ${owner ?? "nobody"}`);
    },
    approve(place, digest) {
      const known = approved.get(place) ?? new Set();
      approved.set(place, known.add(digest));
    },
    servedAt(machine, place, digest) {
      for (const box of machine.boxes.values()) {
        const marks = marksOf(box.state.labels);
        if (marks === null || placeOf(marks) !== place || marks.digest !== digest) continue;
        const at = machine.wellUntil(box);
        if (at !== null) return at;
      }
      return ended.get(`${machine.name} ${place} ${digest}`) ?? null;
    },
    hasServed(machine, place) {
      if ([...ended.keys()].some((key) => key.startsWith(`${machine.name} ${place} `))) return true;
      return [...machine.boxes.values()].some((box) => {
        const marks = marksOf(box.state.labels);
        return marks !== null && placeOf(marks) === place && machine.wellUntil(box) !== null;
      });
    },
  };
}
