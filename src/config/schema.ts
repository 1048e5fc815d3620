/** JSON Schema for editors (the YAML language server), from the same shapes that read the files. */
import { gantryFile } from "./gantry-file.ts";
import { serviceFile } from "./service-file.ts";
import type { Schema } from "./shape.ts";

const dialect = "https://json-schema.org/draft/2020-12/schema";

/** The schemas of gantry.yml and of a service file. */
export function configSchemas(): { readonly gantry: Schema; readonly service: Schema } {
  return {
    gantry: { $schema: dialect, title: "gantry.yml", ...gantryFile.schema },
    service: { $schema: dialect, title: "A Gantry service file", ...serviceFile.schema },
  };
}
