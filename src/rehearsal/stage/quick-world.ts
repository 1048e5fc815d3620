/** The world around a quick stage. */
import { type SampleCommit, sampleHistory } from "../../../examples/sample-service/history.ts";
import { type RehearsalGitHub, startGitHub } from "../github/server.ts";
import { type RehearsalJira, startJira } from "../jira/server.ts";
import { type RehearsalRegistry, startRegistry } from "../registry/server.ts";
import type { WorkspaceSeed } from "../slack/seed.ts";
import { type SlackWorkspace, startSlackWorkspace } from "../slack/workspace.ts";
import { sampleTickets } from "./tickets.ts";

export type WorldOptions = {
  /** Default off. */
  readonly slackRateLimits?: boolean;
  readonly slackMode?: "socket" | "http";
  readonly slackSeed?: WorkspaceSeed;
  /** Whether GitHub and Jira are set up. Default not: Octokit sends GitHub one write a second. */
  readonly links?: boolean;
};

/** What Gantry finds outside: other people's servers, with the sample service in them. */
export type World = {
  readonly slack: SlackWorkspace;
  readonly github: RehearsalGitHub;
  readonly jira: RehearsalJira;
  readonly registry: RehearsalRegistry;
  readonly images: readonly { readonly digest: string; readonly commit: SampleCommit }[];
};

/** Starts them all; how each is stopped goes into `undo`. */
export async function startWorld(options: WorldOptions, undo: (() => unknown)[]): Promise<World> {
  const registry = await startRegistry();
  undo.push(() => registry.stop());
  const images = sampleHistory.map((commit) => {
    return { commit, digest: registry.push({ repository: "api", tag: commit.sha, content: commit.sha }) };
  });
  const slack = await startSlackWorkspace({
    rateLimits: options.slackRateLimits ?? false,
    ...(options.slackSeed && { seed: options.slackSeed }),
  });
  undo.push(() => slack.stop());
  const newest = sampleHistory.at(-1)?.sha ?? "";
  const branches = { main: newest, "feature/login": sampleHistory[1]?.sha ?? "" };
  const tags = { "v1.0.0": sampleHistory[0]?.sha ?? "" };
  const github = await startGitHub({ repositories: [{ fullName: "acme/api", commits: sampleHistory, branches, tags }] });
  undo.push(() => github.stop());
  const jira = await startJira({ tickets: sampleTickets() });
  undo.push(() => jira.stop());
  return { slack, github, jira, registry, images };
}

/** The server's environment variables that lead there. */
export function environmentOf(world: World, options: WorldOptions): Readonly<Record<string, string>> {
  const { slack, github, jira } = world;
  const mode: Record<string, string> =
    options.slackMode === "http" ? { SLACK_SIGNING_SECRET: slack.signingSecret } : { SLACK_APP_TOKEN: slack.appToken };
  const links: Record<string, string> = {
    GITHUB_TOKEN: github.token,
    GITHUB_API_URL: github.url,
    JIRA_URL: jira.url,
    JIRA_EMAIL: jira.email,
    JIRA_API_TOKEN: jira.token,
  };
  return { SLACK_BOT_TOKEN: slack.botToken, SLACK_API_URL: slack.apiUrl, ...mode, ...(options.links ? links : {}) };
}
