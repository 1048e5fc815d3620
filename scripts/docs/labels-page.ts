/** docs/reference/labels.md, from src/host/labels.ts. */
import type { ContainerSpec } from "../../src/core/release.ts";
import { containerName, hostLabel, labelsFor, wantedContainers } from "../../src/host/labels.ts";
import { block, code, generated, page, table } from "./markdown.ts";

const meanings: Readonly<Record<string, string>> = {
  "gantry.service": "The service.",
  "gantry.environment": "The environment.",
  "gantry.release": "The release, such as `r42`.",
  "gantry.generation": "Which order of the server made it. Rises with every change that is wanted of the slot.",
  "gantry.role": "`live`: serves, or is on its way to. `previous`: kept to go back to; it never runs.",
  "gantry.digest": "The image digest that was approved.",
  "gantry.commit": "The commit that the image was built from.",
  "gantry.spec": "Hash of the container's spec and health as the release holds them.",
  "gantry.replaces": "Id of the container that it was made to replace; empty when there was none.",
  "gantry.host": "The host whose agent made it. Containers of another host are left alone.",
  "gantry.health": "How its health is checked, as JSON.",
  "gantry.member": "The name of a supporting container in the Compose file. The released container does not have it.",
  "gantry.condition":
    "What others ask of a supporting container before they start: `started`, `healthy`, or `completed` for one that runs once.",
  "gantry.secrets":
    "The folder of its secrets below the agent's state directory, and which of its variables are secrets, as JSON. Names, never values.",
  "gantry.gate": "The name of the gate that stands before its command, where there is one.",
  "gantry.swap":
    "How it changes places with the next one, as JSON, where the service says more than that the old one stops first.",
  "gantry.place": "Which of the two ports behind a proxy it has: `0` or `1`.",
  "gantry.position": "Its place in the start order, from 0, where a service has supporting containers.",
};

const container: ContainerSpec = {
  image: "registry.example.com/api",
  environment: {},
  envFiles: [],
  command: null,
  entrypoint: null,
  volumes: [],
  user: null,
  healthcheck: null,
  stopSignal: null,
  stopGraceMs: 10_000,
  ulimits: [],
  memoryBytes: null,
  cpus: null,
  labels: {},
  network: "host",
  logging: null,
  secrets: [{ name: "db", from: { kind: "server", name: "db" }, to: { kind: "variable", variable: "DB_PASSWORD" } }],
};

const spec = {
  container,
  health: { probe: { kind: "http", url: "http://127.0.0.1:8080/healthz" }, intervalMs: 1000, deadlineMs: 60_000 },
  swap: {
    kind: "proxy",
    proxy: { kind: "haproxy", socket: "/run/haproxy/admin.sock", backend: "api", servers: ["blue", "green"] },
    ports: [8081, 8082],
    variable: "PORT",
    drainMs: 10_000,
  },
  supporting: [
    {
      name: "metrics",
      container,
      reference: "v3",
      digest: `sha256:${"b".repeat(64)}`,
      health: { probe: { kind: "none" }, intervalMs: 1000, deadlineMs: 60_000 },
      dependsOn: [],
    },
  ],
} as const;
const release = { number: 42, digest: `sha256:${"a".repeat(64)}`, commit: "3f2a1c9".padEnd(40, "0"), spec, mirrors: [] };
const desired = { service: "api", environment: "prod", generation: 7, rollout: 142, release };

/** Every label that Gantry puts on a container, with an example value. */
export function labels(): Readonly<Record<string, string>> {
  const gate = containerName(desired);
  const made = wantedContainers(release).map((member) =>
    labelsFor({ desired, release, member, replaces: null, gate: member.name === null ? gate : null, place: 0 }),
  );
  return { ...Object.assign({}, ...made.reverse()), [hostLabel]: "prod-1" };
}

export function labelsPage(): string {
  const all = Object.keys(labels());
  const undescribed = all.filter((label) => meanings[label] === undefined);
  if (undescribed.length > 0) throw new Error(`scripts/docs/labels-page.ts does not describe ${undescribed.join(", ")}`);
  const name = containerName(desired);
  const supporting = containerName(desired, "metrics");
  return page([
    generated("`src/host/labels.ts`"),
    "# Containers and their labels",
    "Labels are the agent's memory: from them it tells, after any crash, where it stands. Docker cannot change the labels of a container, so they hold only what is true for ever. Labels of your own come from the service file; names that begin with `gantry.` are refused there.",
    table(
      ["label", "meaning"],
      all.map((label) => [code(label), meanings[label] ?? ""]),
    ),
    `A container is named after service, environment and generation: \`${name}\`. The kept one has the name of the container that it was made of, and \`-kept\`: \`${name}-kept\`. A supporting container has its own name in it, too: \`${supporting}\`.`,
    "Whether a container has proved its health is told by its restart policy: a new one runs under `no`, and is set to `unless-stopped` once it is verified. Two containers of one slot are never both set to restart.",
    "To see what runs on a host:",
    block(
      "sh",
      `docker ps -a --filter label=gantry.service --format 'table {{.Names}}\\t{{.Status}}\\t{{.Label "gantry.release"}}\\t{{.Label "gantry.role"}}'`,
    ),
  ]);
}
