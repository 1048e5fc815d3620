/**
 * GitHub Deployments that follow a rollout. Both calls look before they write: an outbox repeats an effect whose answer
 * was lost, and a repeated write would leave a second deployment on the commit for ever.
 */
import type { Forge } from "../app/ports.ts";
import { OutsideError } from "../app/ports.ts";
import type { Call } from "./session.ts";

type Opening = Parameters<Forge["openDeployment"]>[0];
type Status = Parameters<Forge["setDeploymentState"]>[0];

/** GitHub refuses longer ones. */
const longestDescription = 140;
/** Deployments of one commit to one environment that are looked through, newest first. */
const pagesToSearch = 3;
const pageSize = 100;

export async function openDeployment(call: Call, facts: Opening): Promise<string> {
  return (await findDeployment(call, facts)) ?? (await createDeployment(call, facts));
}

async function findDeployment(call: Call, facts: Opening): Promise<string | null> {
  const { owner, repo, rest, read } = call;
  const query = { owner, repo, sha: facts.commit, environment: facts.environment, per_page: pageSize, request: read };
  for (let page = 1; page <= pagesToSearch; page += 1) {
    const { data } = await rest.repos.listDeployments({ ...query, page });
    const found = data.find((deployment) => rolloutOf(deployment.payload) === facts.rollout);
    if (found !== undefined) return String(found.id);
    if (data.length < pageSize) return null;
  }
  return null;
}

async function createDeployment(call: Call, facts: Opening): Promise<string> {
  const { data } = await call.rest.repos.createDeployment({
    owner: call.owner,
    repo: call.repo,
    ref: facts.commit,
    environment: facts.environment,
    description: facts.description.slice(0, longestDescription),
    payload: { gantry_rollout: facts.rollout },
    // Never let GitHub change the branch, and let Gantry's own gates decide about checks.
    auto_merge: false,
    required_contexts: [],
    request: call.write,
  });
  if ("id" in data) return String(data.id);
  throw new OutsideError({ reason: "github_unreachable", message: "GitHub made no deployment of the commit" });
}

/** GitHub gives the payload back as an object or as its JSON text, depending on how it was written. */
function rolloutOf(payload: unknown): number | null {
  const value = typeof payload === "string" ? parsed(payload) : payload;
  if (value === null || typeof value !== "object" || !("gantry_rollout" in value)) return null;
  return typeof value.gantry_rollout === "number" ? value.gantry_rollout : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export async function setDeploymentState(call: Call, facts: Status): Promise<void> {
  const place = { owner: call.owner, repo: call.repo, deployment_id: Number(facts.deployment) };
  const description = facts.description.slice(0, longestDescription);
  const { data } = await call.rest.repos.listDeploymentStatuses({ ...place, per_page: 1, request: call.read });
  const newest = data[0];
  if (newest?.state === facts.state && newest.description === description) return;
  await call.rest.repos.createDeploymentStatus({
    ...place,
    state: facts.state,
    description,
    environment: facts.environment,
    request: call.write,
  });
}
