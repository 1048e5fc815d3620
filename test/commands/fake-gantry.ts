/** A Gantry that remembers what it was asked and answers with what a test put there. */

import type { Reply } from "../../commands/command.ts";
import { dispatcher } from "../../commands/dispatch.ts";
import { commands } from "../../commands/index.ts";
import type { Gantry, LogsTold } from "../../src/app/gantry.ts";
import type { Actor, Delivery } from "../../src/app/ports.ts";
import type { EnvironmentConfig, GantryConfig } from "../../src/config/valid.ts";
import type { EnvironmentStatus, FreezeFacts, RollbackPreview, WhyFacts } from "../../src/core/facts.ts";
import type { LogPiece } from "../../src/core/logs.ts";
import { defaultPolicy } from "../../src/core/plan.ts";
import { type Refusal, refuse } from "../../src/core/reasons.ts";
import type { RolloutState } from "../../src/core/rollout-state.ts";
import { after, factsOf, noon, r41, r42 } from "../messages/facts.ts";
import { vocabulary } from "./words.ts";

export const ana: Actor = { kind: "slack", id: "U0ANA", name: "ana" };

export type Asked = { readonly verb: string; readonly facts: Readonly<Record<string, unknown>> };

export class Fake {
  readonly asked: Asked[] = [];
  /** What every act is refused with, when set. */
  refusal: Refusal | null = null;
  /** Rollouts that exist. */
  rollouts = new Map<number, RolloutState>([[142, after([])]]);
  config: GantryConfig = configOf();
  preview: RollbackPreview = {
    service: "api",
    environment: "prod",
    from: r42,
    live: r42,
    to: r41,
    planHash: "feedbeef",
    hosts: ["web-1", "web-2"],
    readiness: { ready: 2, total: 2 },
    stops: null,
    touched: [],
    rest: [],
    judged: [42],
  };

  /** What `status` says of api prod; null: nothing at all. */
  place: { readonly active: RolloutState | null; readonly line: readonly RolloutState[] } | null = null;
  /** What `render` says that hosts run. */
  containers: readonly object[] = [];
  /** What `logs` finds. */
  printed: readonly { readonly host: string; readonly piece: LogPiece }[] = [];
  told: Omit<LogsTold, "kind"> = { hosts: ["web-1"], faults: [], leftOut: [] };
  frozen: FreezeFacts | null = null;
  explanation: WhyFacts = { subject: "#142", now: "It waits for approval.", waits: [], story: [], series: null, at: noon };

  readonly gantry: Gantry = this.make();

  private make(): Gantry {
    const fake = this;
    const opens = (verb: string) => async (facts: object) => {
      fake.asked.push({ verb, facts: { ...facts } });
      if (fake.refusal !== null) return { kind: "refused", refusal: fake.refusal } as const;
      return { kind: "opened", rollout: 142 } as const;
    };
    const decides = (verb: string) => async (facts: { readonly rollout: number }) => {
      fake.asked.push({ verb, facts: { ...facts } });
      const state = fake.rollouts.get(facts.rollout);
      const refusal =
        fake.refusal ?? (state === undefined ? refuse("unknown_rollout", `There is no rollout #${facts.rollout}.`) : null);
      if (refusal !== null || state === undefined) return { kind: "refused", refusal: refusal as Refusal } as const;
      return { kind: "decided", facts: factsOf(state) } as const;
    };
    const does = (verb: string) => async (facts: object) => {
      fake.asked.push({ verb, facts: { ...facts } });
      if (fake.refusal !== null) return { kind: "refused", refusal: fake.refusal } as const;
      return { kind: "done", text: `Done: ${verb}.` } as const;
    };
    return {
      get config() {
        return fake.config;
      },
      now: () => noon,
      deploy: opens("deploy"),
      promote: opens("promote"),
      rollback: opens("rollback"),
      async previewRollback(facts) {
        fake.asked.push({ verb: "previewRollback", facts: { ...facts } });
        return fake.refusal === null ? fake.preview : { kind: "refused", refusal: fake.refusal };
      },
      approve: decides("approve"),
      reject: decides("reject"),
      cancel: decides("cancel"),
      restart: opens("restart"),
      pause: decides("pause"),
      resume: decides("resume"),
      retry: decides("retry"),
      proceed: decides("proceed"),
      skipSoak: decides("skipSoak"),
      lock: does("lock"),
      unlock: does("unlock"),
      cordon: does("cordon"),
      drain: does("drain"),
      uncordon: does("uncordon"),
      why(about) {
        fake.asked.push({ verb: "why", facts: { about } });
        return fake.refusal === null ? fake.explanation : { kind: "refused", refusal: fake.refusal };
      },
      freeze: () => fake.frozen,
      rollout(number) {
        const state = fake.rollouts.get(number);
        return state === undefined ? null : factsOf(state);
      },
      status(facts) {
        if (fake.place !== null) return [fake.status()];
        fake.asked.push({ verb: "status", facts });
        return [];
      },
      history(facts) {
        fake.asked.push({ verb: "history", facts });
        return [];
      },
      hosts() {
        fake.asked.push({ verb: "hosts", facts: {} });
        return [];
      },
      async logs({ onPiece, signal, ...facts }) {
        fake.asked.push({ verb: "logs", facts });
        if (fake.refusal !== null) return { kind: "refused", refusal: fake.refusal };
        for (const { host, piece } of fake.printed) onPiece(host, piece);
        return { kind: "told", ...fake.told };
      },
      async render(facts) {
        fake.asked.push({ verb: "render", facts });
        const { service, environment } = facts;
        return fake.refusal === null
          ? { service, environment, build: r42, hosts: ["web-1"], containers: fake.containers }
          : { kind: "refused", refusal: fake.refusal };
      },
      async diff(facts) {
        fake.asked.push({ verb: "diff", facts });
        const { service, environment } = facts;
        const changes = { changes: [{ kind: "added", member: "metrics" } as const], runs: [] };
        return fake.refusal === null
          ? { service, environment, live: r41, build: r42, changes }
          : { kind: "refused", refusal: fake.refusal };
      },
    };
  }

  /** What was done to which rollout, and why. */
  acted(): readonly unknown[] {
    return this.asked.map(({ verb, facts }) => [verb, facts["rollout"], facts["why"]]);
  }

  private status(): EnvironmentStatus {
    const { active, line } = this.place ?? { active: null, line: [] };
    const where = { service: "api", environment: "prod", since: noon, by: "ana", lastTrouble: null, isConfigured: true };
    const rest = { slots: [], readiness: { ready: 3, total: 3 }, lock: null };
    return { ...where, ...rest, live: r42, rollbackTo: r41, active, line };
  }

  says(text: string): Promise<Reply> {
    return this.does({ kind: "command", text });
  }

  presses(verb: string, value: unknown): Promise<Reply> {
    return this.does({ kind: "press", action: `verb:${verb}`, value: JSON.stringify(value) ?? "undefined", place: null });
  }

  submits(form: string, context: string, values: Readonly<Record<string, string>>): Promise<Reply> {
    return this.does({ kind: "form", form, context, values });
  }

  does(act: Delivery["act"]): Promise<Reply> {
    const dispatch = dispatcher({ gantry: this.gantry, commands });
    return dispatch({ key: "E1", meaning: null, actor: ana, channel: "C0OPS", threadTs: null, act });
  }
}

function configOf(): GantryConfig {
  return {
    file: "gantry.yml",
    people: {},
    registries: [],
    channel: null,
    services: vocabulary.services.map(({ name, environments }) => ({
      name,
      file: `services/${name}.yml`,
      repository: null,
      ticketProjects: [],
      spec: {
        container: {
          image: `registry.example.com/${name}`,
          environment: {},
          envFiles: [],
          command: null,
          entrypoint: null,
          volumes: [],
          user: null,
          healthcheck: null,
          stopSignal: null,
          stopGraceMs: 10_000,
          ulimits: [],
          memoryBytes: null,
          cpus: null,
          labels: {},
          network: "host",
          logging: null,
        },
        health: { probe: { kind: "none" }, intervalMs: 1000, deadlineMs: 60_000 },
      },
      environments: environments.map(environmentOf),
    })),
  };
}

function environmentOf(name: string): EnvironmentConfig {
  return {
    name,
    after: null,
    hosts: { env: name },
    approvals: { required: 1, from: ["release-captains"], notRequester: true, expireMs: 30 * 60_000 },
    deployers: ["deployers"],
    oncall: ["oncall"],
    rollout: defaultPolicy,
  };
}
