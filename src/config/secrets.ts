/** `secrets` of a service file: at its top and in its containers as Compose has them, and under x-gantry where hosts get them from. */
import { quote, type Spot } from "./raw.ts";
import { integer, text, truth } from "./scalars.ts";
import {
  byKind,
  field,
  type Located,
  listOf,
  located,
  mapOf,
  oneOrMany,
  type RecordOf,
  record,
  refined,
  type Shape,
  scalar,
} from "./shape.ts";

const secretName = text({
  expected: "a secret's name",
  pattern: /^[A-Za-z0-9][\w.-]{0,62}$/,
  fix: "use letters, digits, and . _ - after the first",
});

function nameComplaint(key: string): { what: string; fix: string } | null {
  if (/^[A-Za-z0-9][\w.-]{0,62}$/.test(key)) return null;
  return { what: `${quote(key)} cannot be a secret's name`, fix: "use letters, digits, and . _ - after the first" };
}

const hostPath = scalar({
  expected: "a path on the hosts",
  schema: { type: "string" },
  parse(path) {
    const bad = path === "" || path.length > 1024 || path.startsWith("~") || path.endsWith("/") || path.split("/").includes("..");
    const fix = "write a path on the hosts, absolute or relative to the agent's folder of secrets, without .. and ~";
    return bad ? { what: `${quote(path)} cannot be a secret's file`, fix } : { value: path };
  },
});

export const variableName = text({
  expected: "a variable's name",
  pattern: /^(?!GANTRY_)[A-Za-z_][A-Za-z0-9_]{0,254}$/,
  fix: "use letters, digits and _, beginning with a letter; names with GANTRY_ belong to Gantry",
});

// ------------------------------------------------------------ at the top, as Compose has them

const declarationFields = {
  file: field(
    hostPath,
    "A file: on a laptop beside this one, on hosts absolute or in the agent's folder of secrets (--secrets-dir).",
  ),
  environment: field(variableName, "On a laptop a variable of the shell; on hosts the server's secret of this name."),
  external: field(truth, "true: the server's secret of this name."),
  name: field(secretName, "As the server calls it. Default: the same."),
};

/** As declared. */
export type Declared = { readonly key: string; readonly spot: Spot; readonly raw: RecordOf<typeof declarationFields> };

const declaration = refined(
  record({ expected: "a map with file, environment or external", fields: declarationFields }),
  (raw, spot, report) => {
    const ways = [raw.file, raw.environment, raw.external === true ? true : undefined].filter((way) => way !== undefined);
    if (ways.length === 1) return { value: raw };
    const what = ways.length === 0 ? "a secret that comes from nowhere" : "a secret that comes from several places";
    report(spot, { what, fix: "write one of file, environment, or external: true" });
    return null;
  },
);

export const declaredSecrets: Shape<readonly Declared[]> = refined(
  mapOf({ expected: "a map of secrets", key: nameComplaint, value: declaration }),
  (all) => ({ value: all.map(({ key, spot, value }) => ({ key, spot, raw: value })) }),
);

// ------------------------------------------------------------ in a container

/** What a container asks for: a file in it. */
export type FileSecret = {
  readonly source: string;
  readonly target: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
};

/** Compose's default place, owner and rights: everybody in the container may read it, nobody else on the host. */
const folder = "/run/secrets";
const everybodyReads = 0o444;

const target = text({
  expected: "a name or a path in the container",
  pattern: /^(?!.*(?:^|\/)\.\.?(?:\/|$))\/?[\w.-]+(?:\/[\w.-]+)*$/,
  fix: "write a name, for /run/secrets/<name>, or a whole path",
});

const mode = scalar({
  expected: "rights in octal such as 0440",
  schema: { type: ["string", "integer"] },
  parse(written) {
    const digits = /^0o?([0-7]{3})$/.exec(written)?.[1];
    if (digits !== undefined) return { value: Number.parseInt(digits, 8) };
    return { what: `${quote(written)} is not rights in octal`, fix: "write a 0 and three octal digits, such as 0440" };
  },
});

const id = integer({ min: 0, max: 65_534 });

const longForm = refined(
  record({
    expected: "a map with source",
    fields: {
      source: field(secretName, "The secret, as declared at the top."),
      target: field(target, "The file's name below /run/secrets, or its whole path. Default: the secret's name."),
      uid: field(id, "Its owner. Default 0."),
      gid: field(id, "Its group. Default 0."),
      mode: field(mode, "Its rights, in octal. Default 0444; nobody can write to it in any case."),
    },
  }),
  (raw, spot, report): { value: FileSecret } | null => {
    const { source, uid = 0, gid = 0 } = raw;
    if (source !== undefined) {
      const path = placeOf(raw.target ?? source);
      return { value: { source, target: path, uid, gid, mode: raw.mode ?? everybodyReads } };
    }
    report(spot, { what: "a secret without source", fix: "write source: and its name" });
    return null;
  },
);

const shortForm = refined(secretName, (source): { value: FileSecret } => ({
  value: { source, target: placeOf(source), uid: 0, gid: 0, mode: everybodyReads },
}));

export const fileSecrets: Shape<readonly Located<FileSecret>[]> = refined(
  listOf(located(byKind({ expected: "a secret, or a map with source", text: shortForm, map: longForm })), {
    expected: "a list of secrets",
  }),
  (all, _spot, report) => {
    const twice = all.find(({ value }, at) => all.findIndex((other) => other.value.target === value.target) < at);
    if (twice === undefined) return { value: all };
    report(twice.spot, { what: `${twice.value.target} a second time`, fix: "give one of the two another target" });
    return null;
  },
);

function placeOf(name: string): string {
  return name.startsWith("/") ? name : `${folder}/${name}`;
}

// ------------------------------------------------------------ under x-gantry

const gantryFields = {
  server: field(secretName, "Its value is the server's: a name under secrets of gantry.yml."),
  hostFile: field(hostPath, "Its value is in this file on each host."),
  variable: field(
    variableName,
    "Given as this variable, too. Its value then stands in the container's configuration on the host.",
  ),
  containers: field(
    oneOrMany(text({ expected: "a compose service" })),
    "Which containers have the variable. Default: the released one.",
  ),
};

export type GantrySecret = RecordOf<typeof gantryFields>;

const gantrySecret = refined(
  record({ expected: "a map with server or hostFile, and variable", fields: gantryFields }),
  (raw, spot, report) => {
    const both = raw.server !== undefined && raw.hostFile !== undefined;
    const idle = raw.containers !== undefined && raw.variable === undefined;
    if (both) report(spot, { what: "a secret of both the server and the hosts", fix: "write server or hostFile" });
    if (idle)
      report(spot, {
        what: "containers without variable",
        fix: "write variable:, or name the secret under secrets of the containers",
      });
    return both || idle ? null : { value: raw };
  },
);

export const gantrySecrets = mapOf({ expected: "a map of secrets", key: nameComplaint, value: gantrySecret });
