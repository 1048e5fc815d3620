/** Builds, the registry that has them, and what hosts get when they pull. */
import { OutsideError, type Registry } from "../../../src/app/ports.ts";
import { EngineError } from "../../../src/host/engine.ts";
import type { Pulls } from "./engine.ts";
import { drawProgram, type Program } from "./program.ts";
import type { Random } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export type Build = { readonly service: string; readonly commit: string; readonly digest: string; readonly program: Program };

export type RegistryWeather = { down: boolean; mirrorDown: boolean; slowestPullMs: number };

export type SimRegistry = {
  readonly builds: readonly Build[];
  readonly weather: RegistryWeather;
  /** CI pushes one more. */
  push(service: string): Build;
  /** As the server reaches it. */
  ofServer(life: Life): Registry;
  readonly pulls: Pulls;
};

export function createSimRegistry(facts: { scheduler: Scheduler; random: Random; badShare: number }): SimRegistry {
  const { scheduler, random } = facts;
  const builds: Build[] = [];
  const weather: RegistryWeather = { down: false, mirrorDown: false, slowestPullMs: random.pick([300, 2_000, 8_000]) };

  function push(service: string): Build {
    const hex = () =>
      Math.floor(random.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0");
    const commit = `${hex()}${hex()}${hex()}${hex()}${hex()}`;
    const digest = `sha256:${hex()}${hex()}${hex()}${hex()}${hex()}${hex()}${hex()}${hex()}`;
    const build = { service, commit, digest, program: drawProgram(random, facts.badShare) };
    builds.push(build);
    return build;
  }

  function later<T>(life: Life, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    scheduler.after(random.between(20, 400), life, () => {
      if (weather.down) reject(new OutsideError({ reason: "registry_unreachable", message: "the registry does not answer" }));
      else resolve(work());
    });
    return promise;
  }

  const of = (repository: string) => builds.filter((b) => `registry.test/${b.service}` === repository);
  return {
    builds,
    weather,
    push,
    ofServer: (life) => ({
      tags: (repository) => later(life, () => of(repository).map((b) => b.commit)),
      platforms: (repository, digest) =>
        later(life, () => (of(repository).some((b) => b.digest === digest) ? ["linux/amd64"] : null)),
      digest: (repository, tag) => later(life, () => of(repository).find((b) => b.commit === tag)?.digest ?? null),
    }),
    pulls({ repository, digest }) {
      const isDown = repository.startsWith("mirror.test/") ? weather.mirrorDown : weather.down;
      if (isDown)
        return {
          ms: random.between(500, 5_000),
          program: new EngineError({ reason: "registry_unreachable", message: "it does not answer" }),
        };
      const build = builds.find((b) => b.digest === digest);
      const program = build?.program ?? new EngineError({ reason: "image_missing", message: "manifest unknown" });
      return { ms: random.between(100, weather.slowestPullMs), program };
    },
  };
}
