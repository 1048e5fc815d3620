/** docs/reference/config.md and the JSON Schemas for editors, from the shapes that read the files. */
import { refusedDeployKeys, refusedGantryKeys, refusedServiceKeys, refusedTopKeys } from "../../src/config/compose-refused.ts";
import { reservedWords } from "../../src/config/names.ts";
import type { Complaint } from "../../src/config/raw.ts";
import { configSchemas } from "../../src/config/schema.ts";
import type { Schema } from "../../src/config/shape.ts";
import { code, generated, page, table } from "./markdown.ts";

/** One key of a file, by its path: `people.<name>.users`. */
export type Key = { readonly path: string; readonly form: string; readonly doc: string };

export function configPage(): string {
  const { gantry, service } = configSchemas();
  return page([
    generated("`src/config/`"),
    "# Configuration",
    "The server reads `gantry.yml` (or the file named by `GANTRY_CONFIG`) and every `*.yml` in its services folder at start. `gantry validate` reads them the same way and tells every error at once, with file, line, what is wrong and what would be right. A key that is not listed here is an error, never ignored.",
    "The schemas for [completion in an editor](../how-to/complete-in-your-editor.md): [gantry.schema.json](gantry.schema.json), [service.schema.json](service.schema.json).",
    "Durations have a unit: `200ms`, `30s`, `5m`, `1h`, `1m30s`. Sizes too: `64m`, `1g`. An amount of hosts is a number (`2`) or a share (`25%`, rounded down, at least 1; of `maxFailed` down to none). Where one value or a list is possible, both are written. A Compose variable (a dollar sign and a name) is refused; `$$` is a dollar sign.",
    "## gantry.yml",
    keyTable(keysOf(gantry)),
    "The roles `deployers` and `oncall` exist in any case, with nobody in them. Other roles are named by you, under `people`.",
    "## Service files",
    "One file per service: a Compose file with the released container and those that stand beside it under `services`, and one `x-gantry` block. [How to](../how-to/add-a-service.md#several-containers) write several containers, and [short files](../how-to/add-a-service.md#short-files). Keys that begin with `x-` are yours.",
    keyTable(keysOf(service)),
    `Names of services, environments and roles: 1 to 40 of \`a-z\`, \`0-9\` and \`-\`, beginning with a letter. Services and environments cannot have these names, which mean something else in a command: ${[...reservedWords].sort().map(code).join(", ")}.`,
    "## Compose, key by key",
    "Every key that the Compose specification has for a service (2025). *Yes*: `docker inspect` shows the same as when Compose starts the file, which a test compares. *No*: an error, for the reason given. What a key gives that is power over the host is refused whole or in part: `cap_add` takes what Docker gives every container by itself (so that it can follow `cap_drop: [ALL]`), and `IPC_LOCK` and `SYS_NICE`, which reach no further than the container's own memory and its turn on the CPUs; `security_opt` takes `no-new-privileges`; binds of folders such as `/etc` and the engine's socket are errors. Where Gantry means something else than Compose: `network_mode` is `host` when it is not said, an image has no tag, a live container runs under `restart: unless-stopped`, and relative paths of `env_file` begin in the agent's env folder.",
    composeTable(),
    "## Keys that Gantry knows and refuses",
    refusedTable("at the top of a service file", refusedTopKeys),
    refusedTable("under `services.<name>`", refusedServiceKeys),
    refusedTable("under `services.<name>.deploy`", refusedDeployKeys),
    refusedTable("under `x-gantry` and its parts", refusedGantryKeys),
  ]);
}

function keyTable(keys: readonly Key[]): string {
  return table(
    ["key", "form", "meaning"],
    keys.map(({ path, form, doc }) => [code(path), form, doc]),
  );
}

/** The keys of a service in the order of the alphabet, honoured and refused alike. */
function composeTable(): string {
  const top = asRecord(configSchemas().service["properties"]);
  const service = asRecord(asRecord(asRecord(top["services"])["additionalProperties"])["properties"]);
  const honoured = Object.entries(service).map(([key, shape]) => [key, "yes", String(asRecord(shape)["description"] ?? "")]);
  const refused = Object.entries(refusedServiceKeys).map(([key, { what }]) => [key, "no", what.replace(`${key}: `, "")]);
  const rows = [...honoured, ...refused].filter(([key]) => !key?.startsWith("x-")).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return table(
    ["key", "honoured", "how, or why not"],
    rows.map(([key = "", ...cells]) => [code(key), ...cells]),
  );
}

function refusedTable(where: string, refused: Readonly<Record<string, Complaint>>): string {
  const rows = Object.entries(refused).map(([key, { what, fix }]) => [code(key), what.replace(`${key}: `, ""), fix]);
  return `### ${where.charAt(0).toUpperCase()}${where.slice(1)}\n\n${table(["key", "why not", "instead"], rows)}`;
}

/** What may stand below these stands in the table already, at its own place. */
const toldElsewhere = ["profiles.<name>.container.", "profiles.<name>.x-gantry.", "x-gantry.supporting.<name>.health."];

/** Every key below a schema, depth first, in the order in which it was declared. */
export function keysOf(schema: Schema, prefix = ""): readonly Key[] {
  if (toldElsewhere.includes(prefix)) return [];
  const properties = Object.entries(asRecord(schema["properties"]));
  const named = properties.flatMap(([key, value]) => {
    const child = value as Schema;
    const path = `${prefix}${key}`;
    return [{ path, form: formOf(child), doc: String(child["description"] ?? "") }, ...keysOf(child, `${path}.`)];
  });
  const any = schema["additionalProperties"];
  const below = any !== null && typeof any === "object" ? keysOf(any as Schema, `${prefix}<name>.`) : [];
  const items = schema["items"] === undefined ? [] : keysOf(schema["items"] as Schema, prefix);
  const choices = choicesOf(schema).flatMap((choice) => keysOf(choice, prefix));
  return [...named, ...below, ...items, ...choices];
}

function formOf(schema: Schema): string {
  const choices = choicesOf(schema);
  if (choices.length > 0) return [...new Set(choices.map(formOf))].join(" or ");
  if (Array.isArray(schema["enum"])) return schema["enum"].map((word) => code(String(word))).join(", ");
  const pattern = String(schema["pattern"] ?? "");
  if (pattern.includes("ms|s|m|h")) return "duration";
  if (pattern.includes("kmgKMG")) return "size";
  if (pattern.includes("%")) return "share";
  const type = schema["type"];
  const types = Array.isArray(type) ? type : [type];
  if (types.includes("number")) return types.includes("boolean") ? "text" : "number";
  return typeWords[String(types[0])] ?? "text";
}

const typeWords: Readonly<Record<string, string>> = {
  object: "map",
  array: "list",
  boolean: "`true` or `false`",
  integer: "number",
  string: "text",
};

function choicesOf(schema: Schema): readonly Schema[] {
  const choices = schema["anyOf"];
  return Array.isArray(choices) ? choices.filter((choice) => choice.type !== "null") : [];
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" ? (value as Readonly<Record<string, unknown>>) : {};
}

/** The text of a schema file. */
export function schemaFile(which: "gantry" | "service"): string {
  return `${JSON.stringify(configSchemas()[which], null, 2)}\n`;
}
