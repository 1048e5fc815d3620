/** GitHub's REST routes, as far as Gantry walks them: repositories, refs, tags, commits, comparisons, deployments. */
import type { WebAnswer, WebRequest } from "../web/server.ts";
import { type DeploymentBook, deploymentJson, notFound, statusJson, unprocessable } from "./deployments.ts";
import type { GraphCommit, History } from "./history.ts";

type Place = {
  readonly fullName: string;
  readonly history: History;
  readonly book: DeploymentBook;
  readonly request: WebRequest;
};
type Route = {
  readonly method: string;
  readonly path: RegExp;
  readonly answer: (place: Place, parts: readonly string[]) => WebAnswer;
};

const routes: readonly Route[] = [
  { method: "GET", path: /^$/, answer: repository },
  { method: "GET", path: /^\/git\/ref\/(.+)$/, answer: gitRef },
  { method: "GET", path: /^\/git\/tags\/([0-9a-f]{40})$/, answer: tagObject },
  { method: "GET", path: /^\/git\/commits\/([^/]+)$/, answer: gitCommit },
  { method: "GET", path: /^\/commits\/(.+)$/, answer: commit },
  { method: "GET", path: /^\/compare\/(.+)\.\.\.(.+)$/, answer: comparison },
  { method: "GET", path: /^\/deployments$/, answer: listDeployments },
  { method: "POST", path: /^\/deployments$/, answer: createDeployment },
  { method: "GET", path: /^\/deployments\/(\d+)\/statuses$/, answer: listStatuses },
  { method: "POST", path: /^\/deployments\/(\d+)\/statuses$/, answer: addStatus },
];

/** Answers a request to `/repos/{owner}/{name}/…`, 404 for whatever GitHub (or this stand-in) does not have. */
export function answerRepository(facts: {
  request: WebRequest;
  histories: ReadonlyMap<string, History>;
  book: DeploymentBook;
}): WebAnswer {
  const [, fullName = "", rest = ""] = /^\/repos\/([^/]+\/[^/]+)(.*)$/.exec(facts.request.path) ?? [];
  const history = facts.histories.get(fullName);
  if (history === undefined) return notFound();
  for (const route of routes) {
    const match = route.method === facts.request.method ? route.path.exec(rest) : null;
    if (match !== null) return route.answer({ fullName, history, book: facts.book, request: facts.request }, match.slice(1));
  }
  return notFound();
}

function repository({ fullName }: Place): WebAnswer {
  const [owner, name] = fullName.split("/");
  return { status: 200, body: { full_name: fullName, name, owner: { login: owner }, default_branch: "main" } };
}

function gitRef({ history }: Place, [name = ""]: readonly string[]): WebAnswer {
  const target = history.ref(name);
  return target === null ? notFound() : { status: 200, body: { ref: `refs/${name}`, object: target } };
}

function tagObject({ history }: Place, [sha = ""]: readonly string[]): WebAnswer {
  const tag = history.tagObject(sha);
  return tag === null ? notFound() : { status: 200, body: tag };
}

function gitCommit({ history }: Place, [sha = ""]: readonly string[]): WebAnswer {
  const found = history.commit(sha);
  if (found === null) return notFound();
  return { status: 200, body: { sha, message: found.title, parents: found.parents.map((parent) => ({ sha: parent })) } };
}

function commit(place: Place, [ref = ""]: readonly string[]): WebAnswer {
  const found = place.history.find(ref);
  return found === null ? unprocessable(`No commit found for SHA: ${ref}`) : { status: 200, body: commitJson(place, found) };
}

function comparison(place: Place, [from = "", to = ""]: readonly string[]): WebAnswer {
  const [base, head] = [place.history.find(from), place.history.find(to)];
  if (base === null || head === null) return notFound();
  const result = place.history.compare(base.sha, head.sha);
  if (result === null) return { status: 404, body: { message: `No common ancestor between ${from} and ${to}.` } };
  const link = `${place.request.origin}/${place.fullName}/compare/${from}...${to}`;
  const { ahead, behind } = result;
  return {
    status: 200,
    body: {
      url: link,
      html_url: link,
      base_commit: commitJson(place, base),
      status: ahead.length > 0 ? (behind > 0 ? "diverged" : "ahead") : behind > 0 ? "behind" : "identical",
      ahead_by: ahead.length,
      behind_by: behind,
      total_commits: ahead.length,
      // Unpaged, GitHub gives 250 at most and the last of them is the newest of the whole comparison.
      commits: ahead.slice(-250).map((entry) => commitJson(place, entry)),
      files: [],
    },
  };
}

function listDeployments({ book, fullName, request }: Place): WebAnswer {
  const all = book.list({ repository: fullName, query: request.query });
  return paged(request, all.map(deploymentJson));
}

function createDeployment({ book, fullName, history, request }: Place): WebAnswer {
  return book.create({ repository: fullName, body: request.body, resolve: (ref) => history.find(ref)?.sha ?? null });
}

function listStatuses({ book, fullName, request }: Place, [id = ""]: readonly string[]): WebAnswer {
  const all = book.listStatuses({ repository: fullName, deployment: Number(id) });
  return all === null ? notFound() : paged(request, all.map(statusJson));
}

function addStatus({ book, fullName, request }: Place, [id = ""]: readonly string[]): WebAnswer {
  return book.addStatus({ repository: fullName, deployment: Number(id), body: request.body });
}

function paged(request: WebRequest, all: readonly object[]): WebAnswer {
  const size = Math.min(100, Number(request.query.get("per_page") ?? 30));
  const page = Number(request.query.get("page") ?? 1);
  const body = all.slice((page - 1) * size, page * size);
  if (page * size >= all.length) return { status: 200, body };
  const next = new URL(request.path, request.origin);
  for (const [name, value] of request.query) next.searchParams.set(name, value);
  next.searchParams.set("page", String(page + 1));
  return { status: 200, body, headers: { link: `<${next.href}>; rel="next"` } };
}

function commitJson(place: Place, found: GraphCommit): object {
  const person = {
    name: found.author,
    email: `${found.author.toLowerCase().replaceAll(/\W+/g, ".")}@example.com`,
    date: iso(found.at),
  };
  return {
    sha: found.sha,
    html_url: `${place.request.origin}/${place.fullName}/commit/${found.sha}`,
    commit: { message: found.title, author: person, committer: person },
    // GitHub has no user for an e-mail address that nobody registered.
    author: null,
    parents: found.parents.map((sha) => ({ sha })),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}
