/** The demo's story, played through the same Slack protocol that people use, each step proved from the outside. */
import { type SampleCommit, sampleHistory } from "../../../examples/sample-service/history.ts";
import type { Stage } from "../stage/stage.ts";
import { Watcher } from "./watcher.ts";

const stepDeadlineMs = 60_000;

/** Resolves with the exit code: 0 only if every step was true. */
export async function playStory({ stage, say }: { stage: Stage; say: (line: string) => void }): Promise<number> {
  const story = new Story(stage, say);
  try {
    await story.play();
  } catch (error) {
    story.check("the story could be told to its end", false, error instanceof Error ? error.message : String(error));
  } finally {
    await story.end();
  }
  return story.failures === 0 ? 0 : 1;
}

class Story {
  failures = 0;
  readonly #stage: Stage;
  readonly #say: (line: string) => void;
  readonly #watcher: Watcher;
  readonly #prod: readonly string[];
  #stepBegan = Date.now();

  constructor(stage: Stage, say: (line: string) => void) {
    this.#stage = stage;
    this.#say = say;
    this.#watcher = new Watcher(stage.lab.hosts);
    this.#prod = stage.lab.hosts.map((h) => h.name).filter((name) => name.startsWith("prod"));
  }

  check(what: string, isTrue: boolean, detail = ""): void {
    if (!isTrue) this.failures += 1;
    this.#say(`  ${isTrue ? "✓" : "✗ NOT TRUE:"} ${what}${detail === "" ? "" : ` (${detail})`}`);
  }

  #step(title: string): void {
    this.#stepBegan = Date.now();
    this.#say(title);
  }

  async play(): Promise<void> {
    const first = build("good", 0);
    const second = build("good", 1);
    const unhealthy = build("unhealthy", 0);
    this.#step("1. ana deploys to staging, where nobody has to approve");
    await this.#deploy("staging", first, { approve: false, until: "Live" });
    await this.#serves(["staging-1"], first);
    this.#step("2. ana promotes to prod what soaked in staging; bo approves");
    await this.#says("ana", "/promote api prod");
    await this.#approve();
    await this.#card(/Live/);
    await this.#serves(this.#prod, first);
    this.#step("3. the next commit, straight to prod");
    await this.#deploy("prod", second, { approve: true, until: "Live" });
    await this.#serves(this.#prod, second);
    await this.#unhealthyDeploy(unhealthy, second);
    await this.#rollback(first, second);
    await this.#secondRollback();
  }

  async #unhealthyDeploy(unhealthy: SampleCommit, serving: SampleCommit): Promise<void> {
    this.#step("4. a commit that never becomes healthy is put back by itself");
    const before = Date.now();
    await this.#deploy("prod", unhealthy, { approve: true, until: "Failed, put back" });
    await this.#serves(this.#prod, serving);
    const [canary, ...others] = this.#prod;
    const seen = this.#watcher.since(canary ?? "", before);
    this.check(
      `${canary} tried it and came back`,
      seen.includes(short(unhealthy)) || seen.includes("no answer"),
      seen.join(" → "),
    );
    for (const host of others) {
      const answers = this.#watcher.since(host, before);
      this.check(
        `${host} was never touched`,
        answers.every((a) => a === short(serving)),
        answers.join(" → "),
      );
    }
    await this.#says("ana", `/deploy api prod ${short(unhealthy)}`);
    await this.#whisper("ana", /judged bad/);
    this.check("asking for it again is refused: the release is bad", true);
  }

  async #rollback(target: SampleCommit, from: SampleCommit): Promise<void> {
    this.#step("5. eva, on call, rolls back from her phone with the registry and GitHub stopped");
    await this.#stage.lab.registry.stop();
    await this.#stage.github.stop();
    const before = Date.now();
    await this.#says("eva", "/rollback api prod");
    await this.#whisper("eva", /Roll back/);
    await this.#stage.slack.as("eva").clicks("Roll back");
    await this.#card(/Live|Rolled back/);
    await this.#serves(this.#prod, target);
    for (const host of this.#prod) {
      const answers = this.#watcher.since(host, before);
      this.check(`${host} went from ${short(from)} to ${short(target)}`, answers[0] === short(from), answers.join(" → "));
    }
  }

  async #secondRollback(): Promise<void> {
    this.#step("6. a second rollback never returns to the bad release");
    await this.#says("eva", "/rollback api prod");
    await this.#whisper("eva", /no earlier good release/);
    this.check("it is refused with the reason", true);
  }

  async #deploy(environment: string, commit: SampleCommit, facts: { approve: boolean; until: string }): Promise<void> {
    await this.#says("ana", `/deploy api ${environment} ${short(commit)}`);
    if (facts.approve) await this.#approve();
    await this.#card(new RegExp(facts.until));
  }

  async #says(who: string, text: string): Promise<void> {
    this.#say(`  ${who}: ${text}`);
    await this.#stage.slack.as(who).says(text);
  }

  async #approve(): Promise<void> {
    await this.#card(/Waits for approval/);
    this.#say("  bo: [Approve]");
    await this.#stage.slack.as("bo").clicks("Approve");
  }

  /** Waits until the newest card says so. */
  async #card(wanted: RegExp): Promise<void> {
    const channel = this.#stage.slack.channel("deploys");
    await this.#stage.slack.until(
      () =>
        wanted.test(
          channel
            .messages()
            // What a thread shows in the channel may come after the next card.
            .filter((m) => m.user !== "ana" && m.thread_ts === undefined)
            .at(-1)?.rendered ?? "",
        ),
      {
        timeoutMs: stepDeadlineMs,
      },
    );
  }

  async #whisper(who: string, wanted: RegExp): Promise<void> {
    const person = this.#stage.slack.as(who);
    const lastTold = () => person.sees("deploys").findLast((m) => m.ephemeralTo === who)?.rendered ?? "";
    await this.#stage.slack.until(() => wanted.test(lastTold()), { timeoutMs: stepDeadlineMs });
  }

  async #serves(hosts: readonly string[], commit: SampleCommit): Promise<void> {
    const now = await this.#watcher.now();
    for (const host of hosts) {
      const seen = this.#watcher.since(host, this.#stepBegan);
      this.check(`${host} answers ${short(commit)}`, now[host] === short(commit), `before, during, after: ${seen.join(" → ")}`);
    }
  }

  async end(): Promise<void> {
    await this.#watcher.stop();
    console.log(`\n--- #deploys ---\n${this.#stage.slack.channel("deploys").transcript()}\n`);
    for (const host of this.#stage.lab.hosts) {
      const table = 'table {{.Names}}\t{{.Status}}\t{{.Label "gantry.release"}}\t{{.Label "gantry.role"}}';
      console.log(`--- docker ps -a on ${host.name} ---\n${await host.docker("ps", "-a", "--format", table)}\n`);
    }
    this.#say(this.failures === 0 ? "every step was true" : `${this.failures} steps were not true`);
  }
}

function short(commit: SampleCommit): string {
  return commit.sha.slice(0, 7);
}

function build(behaviour: SampleCommit["behaviour"], index: number): SampleCommit {
  const found = sampleHistory.filter((c) => c.behaviour === behaviour)[index];
  if (found === undefined) throw new Error(`the sample history has no ${behaviour} commit number ${index}`);
  return found;
}
