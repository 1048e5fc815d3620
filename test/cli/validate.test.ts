// What `gantry validate` prints, and how it ends.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { validText } from "../../src/cli/validate.ts";
import { loadConfig } from "../../src/config/load.ts";
import { folderOf, goodGantry, withCompose } from "../config/files.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function validate(folder: string): { status: number | null; out: string; err: string } {
  const run = spawnSync(process.execPath, ["src/cli.ts", "validate", folder], { cwd: root, encoding: "utf8", timeout: 60_000 });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

test("good files: where each service runs, in which order it starts, and how its health is told", () => {
  const { status, out, err } = validate("examples");
  assert.deepEqual([status, err], [0, ""]);
  assert.equal(
    out,
    [
      "examples/gantry.yml is valid: 5 services.",
      "",
      "api  (examples/services/api.yml)",
      "  staging  hosts env=staging; variables of its own",
      "  prod     hosts env=prod; after staging; 1 approval of release-captains",
      "  health   http://127.0.0.1:8080/healthz, every 200ms, within 1m of its start",
      "",
      "mailer  (examples/services/mailer.yml)",
      "  prod     hosts env=prod and role=worker",
      "  requires metrics",
      "  health   its own healthcheck, every 1s, within 1m of its start",
      "",
      "metrics  (examples/services/metrics.yml)",
      "  prod     hosts metrics=on",
      "  health   http://127.0.0.1:9100/ready, every 1s, within 1m of its start",
      "",
      "orders  (examples/services/orders.yml)",
      "  prod     hosts env=prod and role=orders",
      "  starts   migrate (to its end) → metrics (healthy) → orders",
      "  health   migrate: ends with exit code 0 within 10m",
      "  health   metrics: its own healthcheck, every 1s, within 105s of its start",
      "  health   orders: http://127.0.0.1:8081/healthz, every 1s, within 1m of its start",
      "",
      "web  (examples/services/web.yml)",
      "  staging  hosts env=staging and role=web",
      "  prod     hosts env=prod and role=web; after staging; 1 approval of release-captains",
      "  health   http://127.0.0.1:8080/healthz, every 200ms, within 1m of its start",
      "",
    ].join("\n"),
  );
});

test("bad files: every error at once with its place, the reason, and exit code 1", () => {
  const folder = folderOf({
    "gantry.yml": goodGantry,
    "services/api.yml": withCompose("depends_on: [metrics]", "mem_limit: 64"),
    "services/web.yml": "services: {}",
  });
  const { status, out, err } = validate(folder);
  assert.deepEqual([status, out], [1, ""]);
  assert.deepEqual(err.replaceAll(`${folder}/`, "").split("\n"), [
    'services/api.yml:5:18 depends_on: there is no compose service "metrics"; name one of api',
    'services/api.yml:6:16 "64" has no unit; write 64m for mebibytes or 64b for bytes',
    "services/web.yml:1:1 no x-gantry block; write x-gantry: with environments:",
    "services/web.yml:1:11 no service; write services: with one service and its image",
    "4 errors.",
    "Reason: bad_config",
    "",
  ]);
});

test("every kind of health check has its words", () => {
  const healths = ["tcp://127.0.0.1:80", "{ command: [/bin/up, now] }", "none"];
  const told = healths.map((health) => {
    const service = withCompose().replace("  environments:", `  health: ${health}\n  environments:`);
    const loaded = loadConfig(`${folderOf({ "gantry.yml": goodGantry, "services/api.yml": service })}/gantry.yml`);
    return loaded.ok ? validText(loaded.config).at(-1) : loaded.errors[0]?.what;
  });
  assert.deepEqual(told, [
    "  health   tcp 127.0.0.1:80, every 1s, within 1m of its start",
    "  health   the command /bin/up now, every 1s, within 1m of its start",
    "  health   none: only a crash is noticed",
  ]);
});
