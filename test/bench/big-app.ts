/** The application on a big base, with the configuration of all its places; nothing outside answers. */
import { systemClock } from "../../src/app/clock.ts";
import { type App, createApp } from "../../src/app/create-gantry.ts";
import type { GantryConfig } from "../../src/config/valid.ts";
import { agentCan } from "../../src/core/abilities.ts";
import { defaultPolicy } from "../../src/core/plan.ts";
import { createFakeRegistry } from "../../src/registry/fake.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { noChat, silent } from "../kit/app.ts";
import { aSpec } from "../kit/stores.ts";
import { bigFilePlaces } from "../store/big-file.ts";

export function openBigApp(folder: string): { readonly app: App; stop(): void } {
  const store = openStore({ folder, migrations: migrationsFolder });
  const app = createApp({
    store,
    config: bigConfig(),
    clock: systemClock,
    log: silent,
    chat: noChat,
    registry: createFakeRegistry(),
    forge: null,
    tickets: null,
    fleet: () => ({
      isConnected: () => true,
      answeredSince: () => true,
      nudge: () => undefined,
      drop: () => undefined,
      can: () => agentCan,
      ask: async () => undefined,
    }),
  });
  return {
    app,
    stop() {
      app.stop();
      store.close();
    },
  };
}

function bigConfig(): GantryConfig {
  const everyone = { users: [], groups: [], local: [], everyone: true };
  const names = [...new Set(bigFilePlaces.map((place) => place.service))];
  return {
    file: "gantry.yml",
    people: { deployers: everyone, oncall: everyone },
    registries: [],
    channel: null,
    services: names.map((name) => ({
      name,
      file: `${name}.yml`,
      repository: null,
      ticketProjects: [],
      spec: aSpec,
      environments: bigFilePlaces
        .filter((place) => place.service === name)
        .map((place) => ({
          name: place.environment,
          after: null,
          hosts: { env: place.environment },
          approvals: { required: 0, from: [], notRequester: false, expireMs: 1_800_000 },
          deployers: ["deployers"],
          oncall: ["oncall"],
          rollout: defaultPolicy,
        })),
    })),
  };
}
