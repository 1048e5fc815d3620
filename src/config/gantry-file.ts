/** The shape of gantry.yml, the server's own file. */
import { isRegistryHost } from "./image.ts";
import { nameComplaint } from "./names.ts";
import { profiles } from "./profiles.ts";
import { quote } from "./raw.ts";
import { text, truth } from "./scalars.ts";
import { secretProviders } from "./secret-providers.ts";
import {
  field,
  type LooseRecordOf,
  listOf,
  located,
  looseRecord,
  mapOf,
  nothingMeans,
  oneOrMany,
  record,
  refined,
  type Shape,
  scalar,
} from "./shape.ts";
import type { RegistryConfig, Role } from "./valid.ts";

const copyId = "in Slack: profile, ⋮, Copy member ID";
const user = text({
  expected: "a Slack member ID",
  pattern: /^[UW][A-Z0-9]{2,20}$/,
  fix: `write an ID such as U0ANA1B2C (${copyId})`,
});
const group = text({
  expected: "a Slack user group ID",
  pattern: /^S[A-Z0-9]{2,20}$/,
  fix: "write an ID such as S0DEV1B2C (in Slack: People, User groups, ⋮)",
});
const local = text({ expected: "a user of this machine", pattern: /^[a-z_][a-z0-9_.-]{0,31}\$?$/i });

const roleFields = {
  users: field(oneOrMany(user), "Slack member IDs."),
  groups: field(oneOrMany(group), "Slack user group IDs."),
  local: field(oneOrMany(local), "Users of this machine, who may use the server's socket."),
  everyone: field(truth, "true: everyone in the workspace."),
};

export const nobody: Role = { users: [], groups: [], local: [], everyone: false };

const role: Shape<Role> = nothingMeans(
  nobody,
  refined(record({ expected: "a map with users, groups, local or everyone", fields: roleFields }), (raw) => ({
    value: { users: raw.users ?? [], groups: raw.groups ?? [], local: raw.local ?? [], everyone: raw.everyone ?? false },
  })),
);

const host = scalar({
  expected: "a registry host",
  schema: { type: "string" },
  parse: (name) => (isRegistryHost(name) ? { value: name } : hostComplaint(name)),
});

function hostComplaint(name: string): { what: string; fix: string } {
  return { what: `${quote(name)} is not a registry host`, fix: "write host or host:port, in lower case, without a scheme" };
}

type RawRegistry = Omit<RegistryConfig, "host">;
const plainRegistry: RawRegistry = { mirrors: [], insecure: false };

/** Each is asked in turn, with a deadline of its own; agents are told at most twice as many. */
const mostMirrors = 16;
const mirrors: Shape<readonly string[]> = refined(listOf(host), (value, spot, report) => {
  if (value.length <= mostMirrors) return { value };
  report(spot, { what: `more than ${mostMirrors} mirrors`, fix: "keep those that are nearest" });
  return null;
});

const registry: Shape<RawRegistry> = nothingMeans(
  plainRegistry,
  refined(
    record({
      expected: "a map with mirrors and insecure",
      fields: {
        mirrors: field(mirrors, "Registries with the same images, asked in this order when the first does not answer."),
        insecure: field(truth, "true: plain http. This machine's own registries (localhost, 127.0.0.1) always may."),
      },
    }),
    (raw) => ({ value: { mirrors: raw.mirrors ?? [], insecure: raw.insecure ?? false } }),
  ),
);

const registries: Shape<readonly RegistryConfig[]> = refined(
  mapOf({
    expected: "a map of registry hosts",
    key: (name) => (isRegistryHost(name) ? null : hostComplaint(name)),
    value: registry,
  }),
  (entries) => ({ value: entries.map(({ key, value }) => ({ host: key, ...value })) }),
);

const fields = {
  services: field(located(text({ expected: "a folder" })), "The folder of service files. Default ./services."),
  people: field(
    mapOf({ expected: "a map of roles", key: (name) => nameComplaint("role", name), value: role }),
    "Roles and their members. Default: nobody.",
  ),
  registries: field(registries, "Registries that images may come from. Default: any, over https."),
  secrets: field(
    secretProviders,
    "Secrets of the server, by name or <environment>/<name>. Agents get a value when they create a container that needs it.",
  ),
  profiles: field(profiles, "Defaults that services take by x-gantry.profile, so that their files stay short."),
  channel: field(
    text({
      expected: "a Slack channel ID",
      pattern: /^[CGD][A-Z0-9]{2,20}$/,
      fix: "write an ID such as C0DEPLOYS (in Slack: channel details, at the bottom)",
    }),
    "Where cards go when the request did not come from a channel.",
  ),
};

export type RawGantryFile = LooseRecordOf<typeof fields>;

export const gantryFile: Shape<RawGantryFile> = looseRecord({ expected: "a map with services and people", fields });
