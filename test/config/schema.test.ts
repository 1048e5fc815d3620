/** What an editor says of a file while it is written: the JSON Schemas, as the YAML language server reads them. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { configSchemas } from "../../src/config/schema.ts";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));
const { gantry, service } = configSchemas();

type Which = "gantry" | "service";

/** Where the editor would underline something. */
function marksIn(which: Which, file: unknown): readonly string[] {
  const schema = z.fromJSONSchema((which === "gantry" ? gantry : service) as Parameters<typeof z.fromJSONSchema>[0]);
  const { error } = schema.safeParse(file);
  return (error?.issues ?? []).map((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [];
    return [...issue.path, ...keys].join(".");
  });
}

function exampleFiles(): readonly (readonly [Which, string])[] {
  const services = globSync("services/**/*.yml", { cwd: examples }).sort();
  return [["gantry", "gantry.yml"], ...services.map((file) => ["service", file] as const)];
}

function written(file: string): string {
  return readFileSync(join(examples, file), "utf8");
}

test("an editor has nothing against the examples", () => {
  for (const [which, file] of exampleFiles()) assert.deepEqual(marksIn(which, parse(written(file))), [], file);
  assert.equal(exampleFiles().length, 7);
});

test("every example says where its schema is, and it is there", () => {
  for (const [which, file] of exampleFiles().filter(([, name]) => !name.includes("shared/"))) {
    const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(written(file)) ?? [];
    assert.ok(path.endsWith(`docs/reference/${which}.schema.json`), `${file}: ${path}`);
    assert.ok(existsSync(resolve(examples, dirname(file), path)), `${file}: ${path}`);
  }
});

test("an editor underlines a misspelt key wherever it stands", () => {
  const orders = written("services/orders.yml");
  const misspelt: readonly (readonly [Which, string, string])[] = [
    ["service", orders.replace("services:", "servces:"), "servces"],
    ["service", orders.replace("x-gantry:", "x-gantri:"), "x-gantri"],
    ["service", orders.replace("depends_on:", "depend_on:"), "services.orders.depend_on"],
    ["service", orders.replace("supporting:", "suporting:"), "x-gantry.suporting"],
    ["service", orders.replace("prod: {", "prod: { enviroment: {},"), "x-gantry.environments.prod.enviroment"],
    ["gantry", written("gantry.yml").replace("profiles:", "profile:"), "profile"],
    ["gantry", written("gantry.yml").replace("mem_limit", "mem_limt"), "profiles.web.container.mem_limt"],
    ["gantry", written("gantry.yml").replace("health:", "helth:"), "profiles.web.x-gantry.helth"],
  ];
  for (const [which, text, where] of misspelt) assert.deepEqual(marksIn(which, parse(text)), [where]);
});

test("an editor leaves people their fragments", () => {
  assert.deepEqual(marksIn("service", { "x-logging": { any: 1 }, services: { a: { image: "x", "x-owner": "me" } } }), []);
});

test("an editor underlines a wrong condition, and a list where a map belongs", () => {
  const conditions = (depends_on: unknown) => marksIn("service", { services: { a: { depends_on } } });
  assert.deepEqual(conditions(["b"]), []);
  assert.deepEqual(conditions({ b: { condition: "service_healthy", required: false } }), []);
  assert.deepEqual(conditions({ b: null }), []);
  assert.deepEqual(conditions({ b: { condition: "healthy" } }), ["services.a.depends_on"]);
  assert.deepEqual(marksIn("service", { "x-gantry": { environments: ["prod"] } }), ["x-gantry.environments"]);
});
