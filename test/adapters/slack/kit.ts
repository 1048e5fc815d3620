/** The adapter against the stand-in workspace, with a door that remembers. */
import type { TestContext } from "node:test";
import { systemClock } from "../../../src/app/clock.ts";
import type { Answers, Clock, Delivery, Door, Log } from "../../../src/app/ports.ts";
import { type SlackWorkspace, startSlackWorkspace, type WorkspaceOptions } from "../../../src/rehearsal/slack/workspace.ts";
import { createSlack, type Slack, type SlackOptions } from "../../../src/slack/slack.ts";
import type { Timing } from "../../../src/slack/timing.ts";
import { eventually } from "../../kit/eventually.ts";

/** A door with memory. `serving` is what the application does with a delivery; `verdict` overrides what the store says. */
export class RememberingDoor implements Door {
  readonly accepted: Delivery[] = [];
  readonly served: Delivery[] = [];
  readonly #keys = new Set<string>();
  verdict: "full" | null = null;
  serving: (delivery: Delivery, answers: Answers) => Promise<void> = async () => {};

  async accept(delivery: Delivery): Promise<"new" | "duplicate" | "full"> {
    if (this.verdict !== null) return this.verdict;
    const names = [delivery.key, ...(delivery.meaning === null ? [] : [delivery.meaning])];
    if (names.some((name) => this.#keys.has(name))) return "duplicate";
    for (const name of names) this.#keys.add(name);
    this.accepted.push(delivery);
    return "new";
  }

  async serve(delivery: Delivery, answers: Answers): Promise<void> {
    await this.serving(delivery, answers);
    this.served.push(delivery);
  }

  /** The texts of the commands that came, in order. */
  get commands(): string[] {
    return this.accepted.flatMap(({ act }) => (act.kind === "command" ? [act.text] : []));
  }

  /** Waits for the delivery number `count` (from 1) and gives it. */
  async delivery(count = 1): Promise<Delivery> {
    return await eventually(() => {
      const found = this.served[count - 1];
      if (found === undefined) throw new Error(`${this.served.length} of ${count} deliveries were served`);
      return found;
    });
  }
}

export type LogLine = { readonly level: keyof Log; readonly facts: object; readonly message: string };

export class RememberingLog implements Log {
  readonly lines: LogLine[] = [];
  debug = (facts: object, message: string) => void this.lines.push({ level: "debug", facts, message });
  info = (facts: object, message: string) => void this.lines.push({ level: "info", facts, message });
  warn = (facts: object, message: string) => void this.lines.push({ level: "warn", facts, message });
  error = (facts: object, message: string) => void this.lines.push({ level: "error", facts, message });

  has(part: string): boolean {
    return this.lines.some(({ message }) => message.includes(part));
  }

  get text(): string {
    return this.lines.map((line) => JSON.stringify(line)).join("\n");
  }
}

/** Stands still until `pass`. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  #alarms: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  mono(): number {
    return this.#now;
  }

  wakeAt(at: number, wake: () => void): () => void {
    const alarm = { at, wake };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  soon(work: () => void): void {
    setImmediate(work);
  }

  get alarms(): number {
    return this.#alarms.length;
  }

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await turns();
      const next = this.#alarms.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#alarms = this.#alarms.filter((other) => other !== next);
      next.wake();
    }
    this.#now = until;
    await turns();
  }
}

/** Lets promises that can settle without time passing do so. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Short waits: a test shows the order of things, not their length. */
export const quick: Partial<Timing> = {
  secondSocketAfterMs: 0,
  helloWithinMs: 5_000,
  retryMinMs: 20,
  retryMaxMs: 100,
  postGapMs: 5,
  editGapMs: 5,
};

export type Rig = {
  readonly workspace: SlackWorkspace;
  readonly slack: Slack;
  readonly door: RememberingDoor;
  readonly log: RememberingLog;
  readonly acks: number[];
  readonly limited: string[];
};

/** A started workspace and a started adapter in Socket Mode, both gone after the test. */
export async function connectedRig(
  t: TestContext,
  options: { readonly workspace?: WorkspaceOptions; readonly slack?: Partial<SlackOptions>; readonly connect?: boolean } = {},
): Promise<Rig> {
  const workspace = await startSlackWorkspace({ rateLimits: false, ...options.workspace });
  const door = new RememberingDoor();
  const log = new RememberingLog();
  const acks: number[] = [];
  const limited: string[] = [];
  const slack = createSlack({
    botToken: workspace.botToken,
    appToken: workspace.appToken,
    apiUrl: workspace.apiUrl,
    door,
    log,
    clock: systemClock,
    onAck: (seconds) => acks.push(seconds),
    on429: (method) => limited.push(method),
    ...options.slack,
    timing: { ...quick, ...options.slack?.timing },
  });
  t.after(async () => {
    await slack.stop();
    await workspace.stop();
  });
  if (options.connect !== false) {
    await slack.start();
    await workspace.connected(2);
  }
  return { workspace, slack, door, log, acks, limited };
}

/** A message with a text only. */
export const says = (text: string) => ({ text, blocks: [] });
