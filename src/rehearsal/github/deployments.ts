/** Deployments and their statuses, with the rules GitHub applies to them. */
import type { WebAnswer } from "../web/server.ts";

export type SampleDeployment = {
  readonly id: number;
  readonly repository: string;
  readonly sha: string;
  readonly ref: string;
  readonly environment: string;
  readonly description: string | null;
  readonly payload: unknown;
  readonly autoMerge: boolean;
};

export type SampleStatus = {
  readonly id: number;
  readonly deployment: number;
  readonly state: string;
  readonly description: string;
  readonly environment: string;
};

const states = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

export type DeploymentBook = {
  readonly deployments: SampleDeployment[];
  readonly statuses: SampleStatus[];
  create(facts: { repository: string; body: unknown; resolve: (ref: string) => string | null }): WebAnswer;
  list(facts: { repository: string; query: URLSearchParams }): SampleDeployment[];
  addStatus(facts: { repository: string; deployment: number; body: unknown }): WebAnswer;
  listStatuses(facts: { repository: string; deployment: number }): SampleStatus[] | null;
};

export function createDeploymentBook(): DeploymentBook {
  const deployments: SampleDeployment[] = [];
  const statuses: SampleStatus[] = [];

  function create(facts: { repository: string; body: unknown; resolve: (ref: string) => string | null }): WebAnswer {
    const body = asRecord(facts.body);
    const ref = asText(body.ref);
    const sha = ref === null ? null : facts.resolve(ref);
    if (ref === null || sha === null) return unprocessable(`No ref found for: ${ref ?? ""}`);
    // Without an explicit empty list, GitHub demands that every commit status is green; no statuses exist here.
    if (!Array.isArray(body.required_contexts)) return conflict("Commit status checks are missing.");
    if (body.auto_merge !== false) return { status: 202, body: { message: "Auto-merged main into the ref on deployment." } };
    const description = asText(body.description);
    if (description !== null && description.length > 140)
      return unprocessable("description is too long (maximum is 140 characters)");
    const made: SampleDeployment = {
      id: 1000 + deployments.length,
      repository: facts.repository,
      sha,
      ref,
      environment: asText(body.environment) ?? "production",
      description,
      payload: body.payload ?? {},
      autoMerge: false,
    };
    deployments.push(made);
    return { status: 201, body: deploymentJson(made) };
  }

  function list(facts: { repository: string; query: URLSearchParams }): SampleDeployment[] {
    const { query } = facts;
    const fits = (name: string, value: string) => query.get(name) === null || query.get(name) === value;
    return deployments
      .filter(
        (d) =>
          d.repository === facts.repository && fits("sha", d.sha) && fits("ref", d.ref) && fits("environment", d.environment),
      )
      .reverse();
  }

  function find(repository: string, id: number): SampleDeployment | undefined {
    return deployments.find((d) => d.repository === repository && d.id === id);
  }

  function addStatus(facts: { repository: string; deployment: number; body: unknown }): WebAnswer {
    const deployment = find(facts.repository, facts.deployment);
    if (deployment === undefined) return notFound();
    const body = asRecord(facts.body);
    const state = asText(body.state) ?? "";
    if (!states.includes(state)) return unprocessable(`State is not included in the list: ${state}`);
    const description = asText(body.description) ?? "";
    if (description.length > 140) return unprocessable("description is too long (maximum is 140 characters)");
    const environment = asText(body.environment) ?? deployment.environment;
    const made = record(deployment.id, { state, description, environment });
    if (state === "success" && body.auto_inactive !== false) retireOthers(deployment);
    return { status: 201, body: statusJson(made) };
  }

  function record(deployment: number, facts: { state: string; description: string; environment: string }): SampleStatus {
    const made = { id: 5000 + statuses.length, deployment, ...facts };
    statuses.push(made);
    return made;
  }

  /** A success makes the earlier successful deployments of the environment inactive. */
  function retireOthers(winner: SampleDeployment): void {
    for (const other of deployments) {
      if (other.id >= winner.id || other.repository !== winner.repository || other.environment !== winner.environment) continue;
      const last = statuses.findLast((status) => status.deployment === other.id);
      if (last?.state === "success") record(other.id, { state: "inactive", description: "", environment: other.environment });
    }
  }

  function listStatuses(facts: { repository: string; deployment: number }): SampleStatus[] | null {
    if (find(facts.repository, facts.deployment) === undefined) return null;
    return statuses.filter((status) => status.deployment === facts.deployment).reverse();
  }

  return { deployments, statuses, create, list, addStatus, listStatuses };
}

export function deploymentJson(made: SampleDeployment): object {
  return {
    id: made.id,
    sha: made.sha,
    ref: made.ref,
    task: "deploy",
    payload: made.payload,
    environment: made.environment,
    description: made.description,
  };
}

export function statusJson(made: SampleStatus): object {
  return { id: made.id, state: made.state, description: made.description, environment: made.environment };
}

export function notFound(): WebAnswer {
  return { status: 404, body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" } };
}

export function unprocessable(message: string): WebAnswer {
  return { status: 422, body: { message, status: "422" } };
}

function conflict(message: string): WebAnswer {
  return { status: 409, body: { message, status: "409" } };
}

function asRecord(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
