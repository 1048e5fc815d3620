/** `secrets` of gantry.yml: where the server reads a value when an agent asks for it. */
import type { SecretProvider } from "../core/secrets.ts";
import { nameComplaint } from "./names.ts";
import { type Complaint, quote } from "./raw.ts";
import { text } from "./scalars.ts";
import { variableName } from "./secrets.ts";
import { field, listOf, mapOf, oneOrMany, record, refined, type Shape } from "./shape.ts";

const fields = {
  file: field(
    text({ expected: "an absolute path", pattern: /^\/.*[^/]$/, fix: "write the whole path of a file on the server" }),
    "A file on the server. One line end at its end is left out.",
  ),
  environment: field(variableName, "A variable of the server's process."),
  command: field(
    listOf(text({ expected: "a word" }), { expected: "a program and its arguments", nonEmpty: true }),
    "A program and its arguments, without a shell: the value is what it prints, without one line end. It has 10 seconds and 64 KiB.",
  ),
  services: field(oneOrMany(text({ expected: "a service" })), "The services that may have it. Default: all."),
};

const provider = refined(
  record({ expected: "a map with file, environment or command", fields }),
  (raw, spot, report): { value: Pick<SecretProvider, "from" | "services"> } | null => {
    const { file, environment, command, services = [] } = raw;
    const ways: SecretProvider["from"][] = [];
    if (file !== undefined) ways.push({ kind: "file", path: file });
    if (environment !== undefined) ways.push({ kind: "environment", variable: environment });
    if (command !== undefined) ways.push({ kind: "command", command });
    const [from, other] = ways;
    if (from !== undefined && other === undefined) return { value: { from, services } };
    const what = from === undefined ? "a secret that comes from nowhere" : "a secret that comes from several places";
    report(spot, { what, fix: "write one of file, environment or command" });
    return null;
  },
);

/** `db`, or `prod/db` for one environment. */
function keyComplaint(key: string): Complaint | null {
  const [name = "", environment] = key.split("/").reverse();
  const isName = /^[A-Za-z0-9][\w.-]{0,62}$/.test(name) && key.split("/").length <= 2;
  if (isName && (environment === undefined || nameComplaint("environment", environment) === null)) return null;
  return { what: `${quote(key)} cannot be a secret's name`, fix: "write a name, or <environment>/<name>, such as prod/db" };
}

export const secretProviders: Shape<readonly SecretProvider[]> = refined(
  mapOf({ expected: "a map of secrets", key: keyComplaint, value: provider }),
  (all) => ({
    value: all.map(({ key, value }) => {
      const at = key.indexOf("/");
      return { name: key.slice(at + 1), environment: at < 0 ? null : key.slice(0, at), ...value };
    }),
  }),
);
