/** What people did: I9 (one effect, one outcome), I25 (the same key is the same command), and that what was acknowledged is never lost, nor answered in two ways. */
import { changesState } from "../../../commands/changes-state.ts";
import { commands } from "../../../commands/index.ts";
import type { Delivery } from "../../../src/app/ports.ts";
import type { Act } from "../world/slack.ts";
import type { Ground } from "./ground.ts";

export type Acts = {
  onAccepted(act: Act, key: string, verdict: "new" | "duplicate" | "full"): void;
  onDispatch(delivery: Delivery, begins: boolean): void;
  onServerStart(): void;
  onRestore(): void;
  /** Whether this person has said yes to this rollout: to any plan of it, or to this one. */
  hasApproved(person: string, rollout: number, planHash: string): boolean;
  finish(): void;
};

export function watchActs({ world, fail, reached }: Ground): Acts {
  /** Every key under which an act was taken as new. */
  const taken = new Map<number, string>();
  const begun = new Map<number, number>();
  const said = new Set<string>();
  /** Their answer cannot be on the disk: it was full when it was given, or another disk was put in its place. */
  const unrecorded = new Set<number>();
  let servers = 0;

  function idOf(key: string): number {
    return Number(/^act-(\d+)/.exec(key)?.[1] ?? 0);
  }

  /** What the person has been told of an act that was to change something, and that is on the disk. */
  function toldOf(id: number, delivery: Delivery): readonly string[] {
    const told = world.slack.acts[id - 1]?.answers.map(({ text }) => text) ?? [];
    if (told.length === 0 || unrecorded.has(id) || !changesState(delivery, commands)) return [];
    return told.some((text) => text.endsWith("Reason: store_unwritable")) ? [] : told;
  }

  function answerStands(id: number, key: string): void {
    const item = world.disk.store.inbox.byKey(key);
    if (item === null) return;
    const told = toldOf(id, item.delivery);
    if (told.length === 0) return;
    reached("answers held to what is recorded");
    if (item.answer === null) fail("I9", `act ${id} was told "${told[0]}", and that is not on the disk`);
    const settled = item.answer?.message?.text;
    const other = settled === undefined ? undefined : told.find((text) => text !== settled);
    if (other !== undefined) fail("I9", `act ${id} was told "${other}", and "${settled}" is what came of it`);
  }

  return {
    onAccepted(act, key, verdict) {
      world.trace.note("door", `${key} is ${verdict}`);
      reached(`deliveries ${verdict}`);
      if (verdict !== "new") return;
      const before = taken.get(act.id);
      if (before !== undefined) fail("I25", `act ${act.id} was taken as new twice: as ${before} and as ${key}`);
      taken.set(act.id, key);
    },
    onDispatch(delivery, begins) {
      const id = idOf(delivery.key);
      if (!begins) {
        if (world.disk.fault !== null) unrecorded.add(id);
        return;
      }
      const [told] = toldOf(id, delivery);
      if (told !== undefined) fail("I9", `act ${id} was told "${told}" already, and is worked on again`);
      const { act, actor } = delivery;
      if (begun.get(id) === servers) fail("I9", `act ${id} is worked on twice by one server`);
      begun.set(id, servers);
      const typed = act.kind === "command" ? /^\/?approve #?(\d+)/.exec(act.text) : null;
      if (typed !== null) said.add(`${actor.id} ${typed[1]}`);
      if (act.kind === "press" && act.action === "verb:approve") {
        const { rollout, planHash } = JSON.parse(act.value) as { rollout: number; planHash: string };
        said.add(`${actor.id} ${rollout} ${planHash}`);
      }
    },
    onServerStart() {
      servers += 1;
      for (const [id, key] of taken) {
        if (world.disk.store.inbox.byKey(key) === null)
          fail("I9", `act ${id} was accepted, and is not in the inbox after the start`);
        answerStands(id, key);
      }
    },
    onRestore() {
      for (const { id } of world.slack.acts) unrecorded.add(id);
      for (const [id, key] of [...taken]) if (world.disk.store.inbox.byKey(key) === null) taken.delete(id);
      // Numbers are given again: what was said of one is of another now, unless it named the plan.
      for (const words of [...said]) if (words.split(" ").length === 2) said.delete(words);
    },
    hasApproved: (person, rollout, planHash) => said.has(`${person} ${rollout}`) || said.has(`${person} ${rollout} ${planHash}`),
    finish() {
      const { store } = world.disk;
      for (const [id, key] of taken) {
        answerStands(id, key);
        const item = store.inbox.byKey(key);
        if (item !== null && store.inboxRow(item.id)?.outcome === null) fail("I9", `act ${id} was accepted and has no outcome`);
        const made = [key, `act-${id}`, `act-${id}-twin`, `act-${id}-0`, `act-${id}-1`, `act-${id}-2`].map(
          (k) => store.rollouts.byRequest(k)?.number,
        );
        const rollouts = new Set(made.filter((n) => n !== undefined));
        if (rollouts.size > 1) fail("I9", `act ${id} made more than one rollout: ${[...rollouts].join(", ")}`);
      }
    },
  };
}
