/** A registry in memory, with faults to order. Passes the same contract tests as the real one. */
import { OutsideError, type Registry } from "../app/ports.ts";

export type FakeRegistry = Registry & {
  push(facts: { repository: string; tag: string; digest: string; platforms?: readonly string[] }): void;
  remove(facts: { repository: string; tag: string }): void;
  /** Every call fails this way until `null` is given. */
  fail(reason: "registry_unreachable" | "registry_auth" | null): void;
};

export function createFakeRegistry(): FakeRegistry {
  const repositories = new Map<string, Map<string, string>>();
  const runsOn = new Map<string, readonly string[]>();
  let fault: "registry_unreachable" | "registry_auth" | null = null;

  function lookAt(repository: string): ReadonlyMap<string, string> {
    if (fault !== null) throw new OutsideError({ reason: fault, message: `the fake registry was told to fail: ${fault}` });
    return repositories.get(repository) ?? new Map();
  }

  return {
    push({ repository, tag, digest, platforms }) {
      if (platforms !== undefined) runsOn.set(`${repository}@${digest}`, platforms);
      const tags = repositories.get(repository) ?? new Map<string, string>();
      repositories.set(repository, tags.set(tag, digest));
    },
    remove({ repository, tag }) {
      repositories.get(repository)?.delete(tag);
    },
    fail(reason) {
      fault = reason;
    },
    tags: async (repository) => [...lookAt(repository).keys()],
    platforms: async (repository, digest) => {
      lookAt(repository);
      return runsOn.get(`${repository}@${digest}`) ?? null;
    },
    digest: async (repository, tag) => {
      const tags = lookAt(repository);
      return tags.get(tag) ?? [...tags.values()].find((digest) => digest === tag) ?? null;
    },
  };
}
