/** Images and candidates: what a swap makes before it touches anything. */
import type { DesiredRelease } from "../core/slot.ts";
import type { MemberName, Step } from "../core/slot-step.ts";
import { type CreateOrder, EngineError } from "./engine.ts";
import { readEnvFiles } from "./env-file.ts";
import { type ImageOrder, isEngineFault } from "./images.ts";
import { containerName, labelsFor, type WantedContainer } from "./labels.ts";
import { type Provided, provideSecrets } from "./secrets.ts";
import { type Bench, createdState, enter, note } from "./slot-bench.ts";
import { noteFailedRepair, noteFault } from "./slot-faults.ts";
import { outcomeOf, wantedOf } from "./slot-memory.ts";
import { gateFor, inPlace, isGatesFault, madePlain, triesPlain } from "./slot-swap.ts";

/** All at once; each is needed before anything is touched. */
export async function pull(bench: Bench, step: Extract<Step, { kind: "pull" }>): Promise<void> {
  const { memory, images } = bench;
  const release = memory.goal?.release ?? null;
  if (release === null) return;
  enter(bench, "pulling");
  const newer = bench.newer();
  const overtaken = new Promise<null>((resolve) => newer.addEventListener("abort", () => resolve(null), { once: true }));
  let refused: MemberName = null;
  const fetchOne = async (name: MemberName) => {
    const wanted = wantedOf(memory, name);
    if (wanted === null) return;
    const ref = await images.need(imageOf(release, wanted), newer).catch((thrown) => {
      refused = name;
      throw thrown;
    });
    memory.imageRefs.set(name, ref);
  };
  try {
    const fetched = newer.aborted ? null : await Promise.race([Promise.all(step.members.map(fetchOne)), overtaken]);
    if (fetched !== null) note(bench, { imagePresent: true });
  } catch (thrown) {
    await noteUnmade(bench, thrown, refused);
  }
}

/** A supporting container of the release's own image comes from wherever that comes from. */
function imageOf(release: DesiredRelease, { name, container, digest }: WantedContainer): ImageOrder {
  const { image } = container;
  const isOwn = name === null || image === release.spec.container.image;
  return { image, digest, mirrors: (isOwn ? release.mirrors : release.supportingMirrors?.[name]) ?? [] };
}

export async function create(bench: Bench, step: Extract<Step, { kind: "create" }>): Promise<void> {
  const { memory, engine, limit } = bench;
  const desired = memory.goal;
  const release = desired?.release;
  const member = wantedOf(memory, step.member);
  const imageRef = memory.imageRefs.get(step.member);
  if (!desired || !release || member === null) return;
  // Only what was looked for under the digest of this very goal.
  if (imageRef?.endsWith(`@${member.digest}`) !== true) return note(bench, { imagePresent: false });
  enter(bench, "creating");
  const written = begin(bench, desired.generation);
  const name = containerName(desired, step.member);
  const { member: placed, place } = inPlace(bench, { release, member });
  const gate = await gateFor(bench, { release, member, name, replaces: step.replaces });
  const labels = labelsFor({ desired, release, member: placed, replaces: step.replaces, gate: gate?.name ?? null, place });
  const spec = placed.container;
  const order = { name, imageRef, spec, labels, ...(gate === null ? {} : { gate: gate.folder }) };
  try {
    const { envFiles: files, optionalEnvFiles: optional, rawEnvFiles: raw } = spec;
    const environment = await readEnvFiles({ envDir: bench.envDir, files, optional, raw });
    const provided = await provideSecrets(bench, { order: { ...memory.key, release: release.number }, container: name, spec });
    const id = await limit(() => engine.create(withProvided(order, { ...provided, envFiles: environment })));
    madePlain(bench);
    const stopping = { stopSignal: spec.stopSignal ?? "SIGTERM", stopGraceMs: spec.stopGraceMs };
    // With the values of the service file: whatever of them is secret must not be shown in its last lines.
    const all = [
      ...environment,
      ...provided.environment,
      ...Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    ];
    memory.states = [...memory.states, createdState({ id, name: order.name, labels, environment: all, ...stopping })];
    // This process knows how far it is: whatever it finds stopped from here on is no reason to turn back.
    note(bench, { resume: "forward" });
    await written.catch((cause) => {
      throw new EngineError({
        reason: "disk_full",
        message: `the agent's state directory cannot be written: ${cause.message}`,
        cause,
      });
    });
  } catch (thrown) {
    // An engine whose answer was lost may have made the container all the same.
    const mayBeThere = isEngineFault(thrown) || memory.states.some((s) => s.name === name);
    if (!mayBeThere) await bench.secrets?.files.remove(name);
    if (gate !== null && (isGatesFault(bench, thrown, gate.folder) || triesPlain(bench, thrown))) return;
    if (thrown instanceof EngineError && thrown.gone) {
      // The image was removed between the look and the create: fetch it again, but not for ever.
      note(bench, { imagePresent: false });
      memory.imageMisses += 1;
      if (memory.imageMisses <= 2) return;
    }
    await noteUnmade(bench, thrown, step.member);
  }
}

type Order = Omit<CreateOrder, "environment">;

/** The secrets win over env_files, and nothing wins over them: the file may not name a variable twice. */
function withProvided(order: Order, { environment, volumes, envFiles }: Provided & { envFiles: readonly string[] }): CreateOrder {
  const spec = volumes.length === 0 ? order.spec : { ...order.spec, volumes: [...order.spec.volumes, ...volumes] };
  return { ...order, spec, environment: [...envFiles, ...environment] };
}

/** On the disk before the old container is touched, beside the create rather than before it. */
function begin(bench: Bench, generation: number): Promise<void> {
  const { memory, clock, bootId } = bench;
  if (outcomeOf(memory) !== null) return Promise.resolve();
  const began = { monoAt: clock.mono(), bootId };
  const written = bench.write({ ...memory.entry, generation, outcome: null, began });
  written.catch(() => undefined);
  return written;
}

/** A settled generation stays settled: there it is a supporting container that somebody removed. */
async function noteUnmade(bench: Bench, thrown: unknown, member: MemberName): Promise<void> {
  if (outcomeOf(bench.memory) === null) return await noteFault(bench, thrown, { id: null, member });
  noteFailedRepair(bench, thrown, member);
}
