/** A server process: the real application and the real door, wired as src/main.ts wires them. */
import { changesState } from "../../../commands/changes-state.ts";
import { dispatcher } from "../../../commands/dispatch.ts";
import { commands } from "../../../commands/index.ts";
import { type App, createApp } from "../../../src/app/create-gantry.ts";
import { type AppDoor, createDoor, type Reply } from "../../../src/app/door.ts";
import { chatKinds } from "../../../src/app/effects.ts";
import { keepHouse } from "../../../src/app/housekeeping.ts";
import type { Chat, Clock, Delivery, Fleet, FleetDesk, Log, Registry } from "../../../src/app/ports.ts";
import type { GantryConfig } from "../../../src/config/valid.ts";
import { refuse } from "../../../src/core/reasons.ts";
import { homeView } from "../../../src/messages/home.ts";
import { refusalMessage } from "../../../src/messages/refusal.ts";
import { processClock, type TimeOfDay } from "./clocks.ts";
import type { SimHub } from "./hub.ts";
import type { MemoryStore } from "./memory-store/store.ts";
import { type Life, newLife, type Scheduler } from "./scheduler.ts";

export type Server = {
  readonly life: Life;
  readonly app: App;
  readonly door: AppDoor;
  readonly hub: SimHub;
  readonly clock: Clock;
  /** SIGTERM: resolves when it would have exited. */
  stop(): Promise<void>;
};

export function startServer(facts: {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly timeOfDay: TimeOfDay;
  readonly store: MemoryStore;
  readonly config: GantryConfig;
  readonly log: Log;
  readonly chat: (life: Life) => Chat;
  readonly registry: (life: Life) => Registry;
  readonly hub: (desk: FleetDesk, life: Life, clock: Clock) => SimHub;
  readonly failpoint: (name: string, life: Life) => void;
  readonly onDispatch: (delivery: Delivery, reply: Reply | null) => void;
}): Server {
  const { store, config, log, scheduler } = facts;
  const life = newLife(facts.name);
  const clock = processClock({ scheduler, timeOfDay: facts.timeOfDay, life });
  const chat = facts.chat(life);
  const failpoint = (name: string) => facts.failpoint(name, life);
  let hub: SimHub | null = null;
  const app = createApp({
    store,
    config,
    clock,
    log,
    chat,
    registry: facts.registry(life),
    forge: null,
    tickets: null,
    fleet: (desk): Fleet => {
      hub = facts.hub(desk, life, clock);
      return hub;
    },
    failpoint,
  });
  if (hub === null) throw new Error("the application asked for no fleet");
  const dispatch = dispatcher({ gantry: app.gantry, commands });
  let ids = 0;
  const door = createDoor({
    store,
    clock,
    log,
    chat,
    dispatch: async (delivery) => {
      facts.onDispatch(delivery, null);
      const reply = await dispatch(delivery);
      facts.onDispatch(delivery, reply);
      return reply;
    },
    home: () => homeView({ board: app.facts.status({ service: null, environment: null }), now: clock.now() }),
    faultMessage: (id) => refusalMessage(refuse("internal", `Something failed inside Gantry (id ${id}).`)),
    newId: () => {
      ids += 1;
      return `fault-${ids}`;
    },
    changesState: (delivery) => changesState(delivery, commands),
    outboxChanged: () => app.outbox.nudge(),
    failpoint,
  });
  app.recover();
  void door.recover();
  app.outbox.hasten(chatKinds);
  const stopCleaning = keepHouse({ store, clock, log, suspect: app.fence.suspect });
  return {
    life,
    app,
    door,
    hub,
    clock,
    async stop() {
      stopCleaning();
      app.stop();
      await app.outbox.stop(5_000);
      door.close();
    },
  };
}
