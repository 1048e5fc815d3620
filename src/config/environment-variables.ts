/** `environment`: a map or a list of KEY=value. Values that look secret are refused: a release keeps its spec for ever. */
import { holdsSecret, secretKind } from "../core/redact.ts";
import { type Complaint, quote, type Report, type Spot } from "./raw.ts";
import { oneOf, text, truth } from "./scalars.ts";
import { byKind, field, listOf, mapOf, nothingMeans, record, refined, type Shape, scalar } from "./shape.ts";

type Variable = { readonly key: string; readonly spot: Spot; readonly value: string | null };

const useEnvFile = "name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file";

/** What is wrong with one variable, or null. */
function variableComplaint(key: string, value: string | null): Complaint | null {
  if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/.test(key)) {
    return { what: `${quote(key)} cannot be a variable's name`, fix: "use letters, digits and _, beginning with a letter" };
  }
  if (key.startsWith("GANTRY_")) return { what: `${key}: names with GANTRY_ belong to Gantry`, fix: "choose another name" };
  if (value === null)
    return { what: `${key} has no value`, fix: `write a value ("" for an empty one): nothing is taken from the shell here` };
  const kind = secretKind(value);
  if (kind !== null) return { what: `${key} looks like ${kind}`, fix: useEnvFile };
  if (holdsSecret(key, value)) return { what: `${key} is a secret by its name`, fix: useEnvFile };
  return null;
}

const mapForm: Shape<readonly Variable[]> = mapOf({
  expected: "a map of variables",
  key: () => null,
  value: nothingMeans<string | null>(null, text({ expected: "a text", max: 32_768 })),
});

const listForm: Shape<readonly Variable[]> = listOf(
  refined(text({ expected: "KEY=value", max: 32_768 }), (line, spot): { value: Variable } => {
    const at = line.indexOf("=");
    return { value: at < 0 ? { key: line, spot, value: null } : { key: line.slice(0, at), spot, value: line.slice(at + 1) } };
  }),
);

export const environment: Shape<Readonly<Record<string, string>>> = refined(
  byKind({ expected: "a map of variables or a list of KEY=value", map: mapForm, list: listForm }),
  (variables, _spot, report) => checked(variables, report),
);

function checked(variables: readonly Variable[], report: Report): { value: Record<string, string> } | null {
  const values: [string, string][] = [];
  let whole = true;
  for (const { key, spot, value } of variables) {
    const twice = values.some(([other]) => other === key)
      ? { what: `${quote(key)} a second time`, fix: "keep one of the two" }
      : null;
    const trouble = twice ?? variableComplaint(key, value);
    if (trouble !== null) report(spot, trouble);
    if (trouble !== null || value === null) whole = false;
    else values.push([key, value]);
  }
  return whole ? { value: Object.fromEntries(values) } : null;
}

/** `env_file` paths: read on each host, absolute or relative to the agent's env folder. */
const envFile: Shape<string> = scalar({
  expected: "a path on the hosts",
  schema: { type: "string" },
  parse(path) {
    const fix = "write a path on the hosts, absolute or relative to the agent's env folder, without .. and ~";
    const bad = path === "" || path.length > 1024 || path.startsWith("~") || path.endsWith("/") || path.split("/").includes("..");
    return bad ? { what: `${quote(path)} cannot be an env_file`, fix } : { value: path };
  },
});

/** Paths in the order written, and what the long form said of some of them. */
export type EnvFiles = {
  readonly files: readonly string[];
  readonly optional: readonly string[];
  readonly raw: readonly string[];
};

type EnvFile = { readonly path: string; readonly required: boolean; readonly raw: boolean };

const longForm = refined(
  record({
    expected: "a map with path",
    fields: {
      path: field(envFile, "The file."),
      required: field(truth, "false: a host may lack it. Default true."),
      format: field(oneOf(["raw"]), "raw: values as they stand, quotes and all."),
    },
  }),
  ({ path, required = true, format }, spot, report): { value: EnvFile } | null => {
    if (path !== undefined) return { value: { path, required, raw: format === "raw" } };
    report(spot, { what: "an env_file without path", fix: "write path:" });
    return null;
  },
);
const shortForm = refined(envFile, (path): { value: EnvFile } => ({ value: { path, required: true, raw: false } }));

export const envFiles: Shape<EnvFiles> = refined(
  byKind({
    expected: "a path or a list of paths",
    text: refined(shortForm, (one) => ({ value: [one] as readonly EnvFile[] })),
    list: listOf(byKind({ expected: "a path, or a map with path", text: shortForm, map: longForm }), {
      expected: "a list of paths",
    }),
  }),
  (all) => ({
    value: {
      files: all.map(({ path }) => path),
      optional: all.filter(({ required }) => !required).map(({ path }) => path),
      raw: all.filter(({ raw }) => raw).map(({ path }) => path),
    },
  }),
);
