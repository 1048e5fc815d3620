/** Every generated file of docs/reference, by its path in the repository. */
import { cliPage } from "./cli-page.ts";
import { commandsPage } from "./commands-page.ts";
import { configPage, schemaFile } from "./config-page.ts";
import { environmentPage } from "./environment-page.ts";
import { httpPage } from "./http-page.ts";
import { labelsPage } from "./labels-page.ts";
import { reasonsPage } from "./reasons-page.ts";

export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "docs/reference/cli.md": await cliPage(),
    "docs/reference/commands.md": commandsPage(),
    "docs/reference/config.md": configPage(),
    "docs/reference/environment.md": environmentPage(),
    "docs/reference/gantry.schema.json": schemaFile("gantry"),
    "docs/reference/http.md": await httpPage(),
    "docs/reference/labels.md": labelsPage(),
    "docs/reference/reasons.md": reasonsPage(),
    "docs/reference/service.schema.json": schemaFile("service"),
  };
}
