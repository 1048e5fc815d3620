/** docs/images/card.png: a plan card as Slack's stand-in shows it, made by the real reducer and the real message. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { type SampleCommit, sampleHistory } from "../../examples/sample-service/history.ts";
import type { RolloutFacts } from "../../src/core/facts.ts";
import { defaultPolicy } from "../../src/core/plan.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { LaterEvent, Requested, RolloutState } from "../../src/core/rollout-state.ts";
import { rolloutCard } from "../../src/messages/rollout-card.ts";
import { startSlackWorkspace } from "../../src/rehearsal/slack/workspace.ts";

const hosts = ["prod-1", "prod-2", "prod-3"];

/** Writes the picture. Needs /usr/bin/chromium. */
export async function takePicture(file: string): Promise<void> {
  const slack = await startSlackWorkspace({ port: 0 });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const message = rolloutCard(cardFacts(Date.now()));
    await callApi(slack, "chat.postMessage", { channel: "C0DEPLOYS", text: message.text, blocks: message.blocks });
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 } });
    await page.goto(slack.windowUrl);
    const card = page.locator(".message").last();
    await card.getByText("Approve", { exact: true }).waitFor();
    writeFileSync(file, await card.screenshot());
  } finally {
    await browser.close();
    await slack.stop();
  }
}

async function callApi(slack: { apiUrl: string; botToken: string }, method: string, body: object): Promise<void> {
  const headers = { "content-type": "application/json; charset=utf-8", authorization: `Bearer ${slack.botToken}` };
  const response = await fetch(`${slack.apiUrl}${method}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as { ok: boolean; error?: string };
  if (!answer.ok) throw new Error(`${method}: ${answer.error}`);
}

function cardFacts(now: number): RolloutFacts {
  const [running, ...later] = sampleHistory.filter((commit) => commit.behaviour === "good");
  const asked = later[1];
  if (running === undefined || asked === undefined) throw new Error("the sample history is too short");
  const state = waiting(now);
  const from = releaseOf(running, 41);
  const release = releaseOf(asked, 42);
  const between = later.slice(0, 2).reverse();
  return {
    state,
    plan: {
      ...state,
      commit: asked.sha,
      digest: release.digest,
      specHash: "",
      hosts: state.hosts.map(({ host, from }) => ({ host, from, labels: {} })),
      leftOut: [],
      policy: state.policy,
    },
    release,
    from,
    ref: "main",
    notSetUp: [],
    change: {
      commits: between.map(({ sha, title, author }) => ({
        sha,
        title,
        author,
        url: `https://github.com/acme/api/commit/${sha}`,
      })),
      total: between.length,
      behind: 0,
      compareUrl: `https://github.com/acme/api/compare/${running.sha}...${asked.sha}`,
      tickets: between.map(ticketOf),
      gaps: [],
    },
    steps: {},
    away: [],
    approvers: ["release-captains"],
    notRequester: true,
    allowBad: null,
    healthDeclared: true,
    notSoakedIn: null,
    readiness: { ready: 3, total: 3, release: 41 },
    why: "faster login before the sale",
    position: null,
    behind: null,
    leftOut: [],
    head: null,
    now,
  };
}

function waiting(now: number): RolloutState {
  const requested: Requested = {
    type: "requested",
    at: now - 60_000,
    number: 142,
    service: "api",
    environment: "prod",
    kind: "deploy",
    release: 42,
    from: 41,
    planHash: "a1b2c3d4e5f60718",
    requester: { kind: "slack", id: "U0ANA", name: "ana" },
    expireMs: 30 * 60_000,
    approvalsRequired: 1,
    batches: [["prod-1"], ["prod-2", "prod-3"]],
    back: 41,
    policy: { ...defaultPolicy, batch: { hosts: 2 }, onFailure: "pause" },
    inLine: false,
    hosts: hosts.map((host) => ({ host, from: 41, unchanged: false })),
  };
  const pulled = hosts.map((host): LaterEvent => ({ type: "image_present", at: now - 50_000, host }));
  return pulled.reduce((state, event) => {
    const next = step(state, event);
    return next.kind === "moved" ? next.state : state;
  }, begin(requested).state);
}

function releaseOf(commit: SampleCommit, number: number) {
  return { number, commit: commit.sha, digest: `sha256:${createHash("sha256").update(commit.sha).digest("hex")}` };
}

function ticketOf(commit: SampleCommit) {
  const [key = "API-1"] = /[A-Z]+-\d+/.exec(commit.title) ?? [];
  const summary = commit.title.replace(/^[A-Z]+-\d+: /, "");
  return { key, summary, status: "In Review", url: `https://acme.atlassian.net/browse/${key}` };
}
