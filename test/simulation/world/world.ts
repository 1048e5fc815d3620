/** Everything there is in one run: the server and its disk, the hosts, the network, Slack, the registry; and who watches it all. */
import type { Log } from "../../../src/app/ports.ts";
import type { DesiredPicture } from "../../../src/core/slot.ts";
import { seatsOf } from "../../../src/host/seat.ts";
import { type Agent, copyStateDir, endAgent, newStateDir, type StateDir, startAgent } from "./agent.ts";
import { createSimChat, type SimChat } from "./chat.ts";
import { bootOf, dawn, leaveMark, newTimeOfDay, type TimeOfDay } from "./clocks.ts";
import { configurationOf, type Variant } from "./configuration.ts";
import type { EngineWeather } from "./engine.ts";
import type { FileWeather } from "./files.ts";
import { createSimHub } from "./hub.ts";
import { createMachine, type Machine } from "./machine.ts";
import { createServerDisk, ProcessDied, type ServerDisk } from "./memory-store/store.ts";
import { type Cable, createWire, type End, type Wire } from "./network.ts";
import { createRandom, type Random } from "./random.ts";
import { createSimRegistry, type SimRegistry } from "./registry.ts";
import { createScheduler, type Life, type Scheduler } from "./scheduler.ts";
import { type Server, startServer } from "./server.ts";
import { createSimSlack, type SimSlack } from "./slack.ts";
import { createTrace, type Trace } from "./trace.ts";
import type { Watcher } from "./watcher.ts";

/** A machine with its wires and the agents on it. */
export type Site = {
  readonly host: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly cable: Cable;
  readonly timeOfDay: TimeOfDay;
  dir: StateDir;
  /** Pictures that reached its agents, some of them. */
  readonly told: DesiredPicture[];
  agent: Agent | null;
  /** A second agent on a machine that has one. */
  readonly isDouble: boolean;
  /** In another network namespace of the machine: it and the others there do not see each other. */
  readonly isApart: boolean;
  /** It was taken away for good. */
  gone: boolean;
};

export type World = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly disk: ServerDisk;
  readonly slack: SimSlack;
  readonly chat: SimChat;
  readonly registry: SimRegistry;
  readonly sites: readonly Site[];
  readonly engineWeather: EngineWeather;
  readonly fileWeather: FileWeather;
  readonly serverClock: TimeOfDay;
  /** When the machine of the server last booted with another time of day than it had gone down with: nobody can know what passed. */
  timeSlippedAt: number;
  variant: Variant;
  /** What the server read when it started: edits count from its next start on. */
  running: Variant;
  server: Server | null;
  /** Asked at every named point of the server; true ends the process there. */
  dieAt: ((point: string) => boolean) | null;
  /** `silently`: the power went, so that nobody is told. */
  killServer(facts: { readonly powerCut: boolean }): void;
  stopServer(): void;
  startServer(): void;
  /** The data become what they were at the mark; the server must not run. */
  restoreServer(mark: number): void;
  /** A person lets the server take what runs for what should be. */
  adopt(): void;
  /** Hosts whose agents have forgotten what they were told, or of which there was more than one. */
  readonly forgetful: Set<string>;
  join(facts: { host: string; labels: Readonly<Record<string, string>> }): Site;
  /** A second machine with the state directory of the first: a restored image of it. */
  clone(site: Site): Site;
  /** A second agent on a copy of the state directory, beside the first on the same machine. */
  double(site: Site, facts: { readonly isApart: boolean; readonly dir: StateDir }): Site;
  startAgent(site: Site): void;
  killAgent(site: Site): void;
  powerOff(site: Site): void;
  powerOn(site: Site): void;
  /** A cable or a process was changed by a fault. */
  lookAtWires(): void;
};

/** As systemd does. */
const startAgainMs = 5_000;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function createWorld(facts: {
  readonly seed: string;
  readonly watcher: (world: World) => Watcher;
  readonly badShare: number;
  readonly variant: Variant;
  readonly keepTrace: boolean;
}): World {
  const random = createRandom(facts.seed);
  const scheduler = createScheduler();
  const trace = createTrace(scheduler, facts.keepTrace);
  const sites: Site[] = [];
  const wires = new Set<Wire>();
  const randoms = {
    engine: random.split("engine"),
    files: random.split("files"),
    net: random.split("net"),
    agents: random.split("agents"),
  };
  let instances = 0;
  let servers = 0;

  /** Which agent holds what only one on a machine may hold: as the kernel's sockets do, whatever its state directory. */
  const sitters = new Map<string, Life>();

  function seatsAt({ host, machine, isApart }: Site): string[] {
    const seats = seatsOf({ name: host, publicKey: host, engine: "its engine" });
    return seats.map((seat) => `${machine.name}${isApart ? ", apart" : ""}: ${seat}`);
  }

  const logOf = (who: string): Log => (facts.keepTrace ? trace.log(who) : silent);
  const disk = createServerDisk({ serverId: "server-1", onCommit: (changes) => watcher.onCommit(changes) });

  function dial(site: Site, life: Life, end: End): Wire | null {
    const { server } = world;
    if (server === null || !server.life.alive || site.cable.upBlocked || site.cable.downBlocked) return null;
    const ends: { agent: End; server: End } = { agent: end, server: { onMessage() {}, onClose() {} } };
    const lives = { agent: life, server: server.life };
    const wire = createWire({ scheduler, random: randoms.net, cable: site.cable, lives, ends });
    ends.server = server.hub.accept(wire);
    wires.add(wire);
    return wire;
  }

  function lookAtWires(): void {
    for (const wire of wires) {
      wire.look();
      if (!wire.isOpen("agent") && !wire.isOpen("server")) wires.delete(wire);
    }
  }

  function failpoint(point: string, life: Life): void {
    if (!life.alive) throw new ProcessDied();
    if (world.dieAt?.(point) !== true) return;
    world.dieAt = null;
    trace.note("fault", `the server is killed at ${point}`);
    world.killServer({ powerCut: false });
    throw new ProcessDied();
  }

  const world: World = {
    scheduler,
    random,
    trace,
    disk,
    slack: createSimSlack({
      scheduler,
      random: random.split("slack"),
      server: () => world.server,
      onAccepted: (act, key, verdict) => watcher.onAccepted(act, key, verdict),
    }),
    chat: createSimChat({
      scheduler,
      random: random.split("chat"),
      onMessage: (said) => watcher.onMessage(said),
      onDrawn: (key, message) => watcher.onDrawn(key, message),
      onCard: (posted) => watcher.onCard(posted),
    }),
    registry: createSimRegistry({ scheduler, random: random.split("registry"), badShare: facts.badShare }),
    sites,
    engineWeather: { fails: 0, losesAnswer: 0, slowLooks: 0.1, slowestMs: 40 },
    fileWeather: { slowestMs: 8 },
    serverClock: newTimeOfDay(),
    timeSlippedAt: 0,
    variant: facts.variant,
    running: facts.variant,
    server: null,
    dieAt: null,
    forgetful: new Set(),
    restoreServer(mark) {
      trace.note("server", "its data are restored from an older copy");
      disk.ledger.undoTo(mark);
      watcher.onRestore();
    },
    adopt() {
      const { server } = world;
      if (server === null || disk.fault !== null || disk.store.freeze.current() === null) return;
      trace.note("root", "adopts what runs");
      server.app.fence.adopt({ by: { kind: "local", id: "root", name: "root" } });
      server.app.lookAgain();
    },
    killServer({ powerCut }) {
      const { server } = world;
      if (server === null) return;
      server.life.alive = false;
      leaveMark(world.serverClock, server.clock);
      if (powerCut) world.serverClock.boot += 1;
      disk.fault = new ProcessDied();
      world.server = null;
      for (const wire of server.hub.wires()) wire.processEnded("server", { silently: powerCut });
      trace.note("server", powerCut ? "loses its power" : "is killed");
      const lost = powerCut ? disk.ledger.cutPower() : 0;
      watcher.onServerEnd({ lost });
    },
    stopServer() {
      const { server } = world;
      if (server === null) return;
      trace.note("server", "is told to stop");
      void server.stop().then(() => {
        if (world.server === server) world.killServer({ powerCut: false });
      });
    },
    startServer() {
      if (world.server !== null) return;
      servers += 1;
      disk.fault = null;
      world.running = world.variant;
      const { mark } = world.serverClock;
      const expected = mark === null ? dawn : mark.time + (scheduler.now() - mark.mono);
      trace.note("server", `starts (${servers})`);
      world.server = startServer({
        name: `server ${servers}`,
        scheduler,
        timeOfDay: world.serverClock,
        store: disk.store,
        config: configurationOf(world.variant),
        log: logOf("server"),
        chat: world.chat.ofServer,
        registry: world.registry.ofServer,
        hub: (desk, life, clock) =>
          createSimHub({
            desk,
            clock,
            log: logOf("hub"),
            life,
            scheduler,
            onSent: (host, picture) => watcher.onSent(host, picture),
            onHeard: (host, picture, instance) => watcher.onHeard(host, picture, instance),
            onTaken: (host, picture) => watcher.onTaken(host, picture),
            onFault: (error) => watcher.onFault("hub", error),
          }),
        failpoint,
        onDispatch: (delivery, reply) => watcher.onDispatch(delivery, reply),
      });
      const rebooted = mark !== null && mark.bootId !== bootOf(world.serverClock);
      if (rebooted && Math.abs(world.server.clock.now() - expected) > 1_000) world.timeSlippedAt = scheduler.now();
      watcher.onServerStart();
    },
    join({ host, labels }) {
      const timeOfDay = newTimeOfDay();
      const machine = createMachine({
        name: host,
        scheduler,
        random: random.split(`machine ${host}`),
        onHappening: (mine, happening) => watcher.onHappening(mine, happening),
        wallNow: () => dawn + scheduler.now() + timeOfDay.offsetMs,
      });
      const cable: Cable = { upBlocked: false, downBlocked: false, slowestMs: 30 };
      const site: Site = {
        host,
        labels,
        machine,
        cable,
        timeOfDay,
        dir: newStateDir(),
        told: [],
        agent: null,
        isDouble: false,
        isApart: false,
        gone: false,
      };
      sites.push(site);
      disk.store.hosts.put({ name: host, labels, publicKey: host, at: dawn + scheduler.now() });
      trace.note(host, `joins (${Object.values(labels).join(", ")})`);
      world.startAgent(site);
      return site;
    },
    clone(site) {
      world.forgetful.add(site.host);
      const timeOfDay = newTimeOfDay();
      const machine = createMachine({
        name: `${site.host}-clone`,
        scheduler,
        random: random.split(`clone of ${site.host}`),
        onHappening: (mine, happening) => watcher.onHappening(mine, happening),
        wallNow: () => dawn + scheduler.now() + timeOfDay.offsetMs,
      });
      const cable: Cable = { upBlocked: false, downBlocked: false, slowestMs: 30 };
      const twin: Site = {
        ...site,
        machine,
        cable,
        timeOfDay,
        dir: copyStateDir(site.dir),
        agent: null,
        gone: false,
      };
      sites.push(twin);
      machine.copyFrom(site.machine);
      world.startAgent(twin);
      return twin;
    },
    double(site, { isApart, dir }) {
      const double: Site = { ...site, isDouble: true, isApart, dir, agent: null, gone: false };
      sites.push(double);
      world.startAgent(double);
      return double;
    },
    startAgent(site) {
      if (site.agent?.life.alive || site.gone || !site.machine.power.alive) return;
      const seats = seatsAt(site);
      if (seats.some((seat) => sitters.get(seat)?.alive === true)) {
        watcher.onHeldBack(site);
        scheduler.after(startAgainMs, null, () => world.startAgent(site));
        return;
      }
      instances += 1;
      if (site.isDouble) world.forgetful.add(site.host);
      trace.note(site.machine.name, "agent starts");
      site.agent = startAgent({
        host: site.host,
        labels: site.labels,
        machine: site.machine,
        dir: site.dir,
        instance: `i${instances}`,
        scheduler,
        timeOfDay: site.timeOfDay,
        random: randoms.agents.split(`${instances}`),
        log: logOf(site.machine.name),
        engineWeather: world.engineWeather,
        fileWeather: world.fileWeather,
        pulls: world.registry.pulls,
        onTouch: (box, method) => watcher.onTouch(site, box, method),
        onOrder(picture, refused) {
          if (site.told.length < 30) site.told.push(picture);
          watcher.onOrder(site, picture, refused);
        },
        dial: (life, end) => dial(site, life, end),
      });
      for (const seat of seats) sitters.set(seat, site.agent.life);
    },
    killAgent(site) {
      if (site.agent === null || !site.agent.life.alive) return;
      trace.note(site.machine.name, "agent is killed");
      endAgent(site.agent, site.dir, { random: randoms.files, powerCut: false });
      site.agent = null;
    },
    powerOff(site) {
      if (!site.machine.power.alive) return;
      trace.note(site.machine.name, "loses its power");
      for (const each of sites) {
        if (each.machine !== site.machine || each.agent === null) continue;
        endAgent(each.agent, each.dir, { random: randoms.files, powerCut: true });
        each.agent = null;
      }
      site.machine.powerOff();
    },
    powerOn(site) {
      if (site.machine.power.alive || site.gone) return;
      trace.note(site.machine.name, "boots");
      site.machine.powerOn();
      world.startAgent(site);
    },
    lookAtWires,
  };
  const watcher = facts.watcher(world);
  return world;
}
