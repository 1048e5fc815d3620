/** The registries that a fake engine pulls from. */
import type { ReasonCode } from "../core/reasons.ts";
import { EngineError } from "../host/engine.ts";
import type { FakeProgram } from "./fake.ts";

export type FakeRegistries = {
  push(image: { readonly repository: string; readonly digest: string; readonly program?: FakeProgram }): void;
  /** Every pull from repositories that begin like this fails so; null mends it. */
  setFault(repository: string, reason: ReasonCode | null): void;
  /** Pulls wait until the returned function is called. */
  hold(): () => void;
  fetch(image: { readonly repository: string; readonly digest: string; readonly signal: AbortSignal }): Promise<FakeProgram>;
};

export function createFakeRegistries(): FakeRegistries {
  const images = new Map<string, FakeProgram>();
  const faults = new Map<string, ReasonCode>();
  let held: Promise<void> = Promise.resolve();

  return {
    push: ({ repository, digest, program = {} }) => void images.set(`${repository}@${digest}`, program),
    setFault(repository, reason) {
      if (reason === null) faults.delete(repository);
      else faults.set(repository, reason);
    },
    hold() {
      const gate = Promise.withResolvers<void>();
      held = gate.promise;
      return gate.resolve;
    },
    async fetch({ repository, digest }) {
      await held;
      const fault = [...faults].find(([prefix]) => repository.startsWith(prefix))?.[1];
      if (fault !== undefined) throw new EngineError({ reason: fault, message: `${repository}: ${fault}` });
      const program = images.get(`${repository}@${digest}`);
      if (program === undefined) throw new EngineError({ reason: "image_missing", message: `${repository}: manifest unknown` });
      return program;
    },
  };
}
