/** The shape of the `x-gantry` block: how the containers of a service file are deployed. */
import { refusedGantryKeys } from "./compose-refused.ts";
import { envFiles, environment as variables } from "./environment-variables.ts";
import { health } from "./health.ts";
import { nameComplaint, nameOf } from "./names.ts";
import { type Complaint, quote } from "./raw.ts";
import { requires } from "./requires.ts";
import { rollout } from "./rollout-shape.ts";
import { duration, integer, text, truth } from "./scalars.ts";
import { gantrySecrets } from "./secrets.ts";
import { field, type LooseRecordOf, located, looseMapOf, looseRecord, mapOf, oneOrMany, record, refined } from "./shape.ts";
import { swap } from "./swap.ts";

const dayMs = 24 * 3_600_000;

const roleNames = oneOrMany(located(nameOf("role")), { nonEmpty: true });

const approvals = located(
  record({
    expected: "a map with required and from",
    refused: refusedGantryKeys,
    fields: {
      required: field(integer({ min: 0, max: 20 }), "How many people must approve. Default 1 when `from` is given, else 0."),
      from: field(located(roleNames), "The roles that may approve."),
      notRequester: field(truth, "Whether the requester may not approve. Default true."),
      expire: field(
        duration({ minMs: 10_000, maxMs: 30 * dayMs }),
        "A request that nobody decided ends after this; an approval given in line is good for as long. Default 30m.",
      ),
    },
  }),
);

const hostLabels = refined(
  mapOf({
    expected: "a map of labels such as { env: prod }",
    key: (key) => (labelPattern.test(key) ? null : labelComplaint(key)),
    value: text({
      expected: "a label's value",
      pattern: /^[a-zA-Z0-9][\w./-]{0,62}$/,
      fix: "use letters, digits, and . _ / - after the first: no patterns",
    }),
  }),
  (pairs, spot, report) => {
    if (pairs.length > 0)
      return { value: Object.fromEntries(pairs.map(({ key, value }) => [key, value])) as Readonly<Record<string, string>> };
    report(spot, {
      what: "no host label",
      fix: "write at least one, such as { env: prod }: without any, every host would match",
    });
    return null;
  },
);

const labelPattern = /^[a-zA-Z0-9][\w./-]{0,62}$/;

function labelComplaint(key: string): Complaint {
  return { what: `${quote(key)} cannot be a host label`, fix: "use letters, digits, and . _ / - after the first" };
}

const environment = located(
  looseRecord({
    expected: "a map with hosts",
    refused: refusedGantryKeys,
    fields: {
      after: field(located(nameOf("environment")), "The environment whose soaked releases this one accepts."),
      hosts: field(hostLabels, "Labels; a host belongs here when it has all of them."),
      environment: field(variables, "Variables that the released container has here, besides its own or in their place."),
      env_file: field(envFiles, "Files on the hosts that the released container reads here, after its own."),
      approvals: field(approvals, "Who must approve."),
      deployers: field(roleNames, "Roles that may ask for a rollout here. Default deployers."),
      oncall: field(roleNames, "Roles that may always go back here. Default oncall."),
      rollout: field(rollout, "Batches and their pace."),
    },
  }),
);

const project = text({
  expected: "a Jira project key",
  pattern: /^[A-Z][A-Z0-9_]{1,31}$/,
  fix: "write the key in capitals, such as API",
});

/** Of a container beside the released one. */
const supporting = record({
  expected: "a map with health",
  refused: refusedGantryKeys,
  fields: {
    health: field(
      located(health),
      "As x-gantry.health. Default: its own healthcheck; for one that runs to its end, a deadline of 5m to get there.",
    ),
  },
});

const fields = {
  profile: field(nameOf("profile"), "A profile of gantry.yml, whose keys hold where this file says nothing else."),
  repository: field(
    text({
      expected: "owner/name",
      pattern: /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.\.?$)[\w.-]{1,100}$/,
      fix: "write the GitHub repository as owner/name",
    }),
    "The GitHub repository, owner/name.",
  ),
  tickets: field(
    record({
      expected: "a map with project",
      refused: refusedGantryKeys,
      fields: { project: field(oneOrMany(project), "Jira project keys.") },
    }),
    "Jira.",
  ),
  release: field(
    located(text({ expected: "the name of a compose service" })),
    "The compose service that gets the new image. Default: the only one, or the one that is named like the service.",
  ),
  health: field(located(health), "How the agent proves that the new container serves."),
  swap: field(swap, "How the old and the new container change places. Default stop-first."),
  requires: field(
    requires,
    "Host-wide services that must serve, and be healthy, on a host before this one begins there: names, or { service, environment }.",
  ),
  keep: field(
    integer({ min: 0, max: 100 }),
    "How many images of earlier releases stay on each host besides what runs and what a rollback needs. Default 2.",
  ),
  secrets: field(
    gantrySecrets,
    "Where hosts have secrets from, where that is not what Compose says, and which of them are variables.",
  ),
  supporting: field(
    looseMapOf({ expected: "a map of supporting containers", key: () => null, value: supporting }),
    "What Gantry should know of the other containers.",
  ),
  environments: field(
    located(
      looseMapOf({ expected: "a map of environments", key: (name) => nameComplaint("environment", name), value: environment }),
    ),
    "Where the service runs.",
  ),
};

export const gantryBlock = looseRecord({ expected: "a map with environments", refused: refusedGantryKeys, fields });

export type RawGantryBlock = LooseRecordOf<typeof fields>;
export type RawEnvironments = NonNullable<RawGantryBlock["environments"]>;
export type RawEnvironment = RawEnvironments["value"][number];
