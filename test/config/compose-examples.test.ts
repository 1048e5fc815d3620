import assert from "node:assert/strict";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { refusedServiceKeys } from "../../src/config/compose-refused.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSchemas } from "../../src/config/schema.ts";
import type { Schema } from "../../src/config/shape.ts";
import { composeFiles, notCompared } from "../docker/kit/compose-files.ts";
import { findCompose } from "../kit/compose.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "gantry-examples-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the examples", () => {
  const gantryFiles = globSync("examples/**/gantry.yml", { cwd: root });
  const serviceFiles = globSync("examples/**/services/*.y*ml", { cwd: root });

  it("are valid for Gantry", () => {
    assert.ok(gantryFiles.length > 0);
    for (const file of gantryFiles) {
      const loaded = loadConfig(join(root, file));
      assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.errors));
    }
  });

  it("are accepted by docker compose config", async () => {
    assert.ok(serviceFiles.length > 0);
    const compose = await findCompose();
    // With what they extend, which is in folders below and no service by itself.
    cpSync(join(root, "examples"), join(folder, "examples"), { recursive: true });
    for (const file of serviceFiles) {
      const copy = join(folder, file);
      for (const path of envFilesIn(copy)) writeFileSync(join(dirname(copy), path), "");
      assert.match(await compose.config(copy), /^services:/m, file);
    }
  });
});

/** They are on the hosts, and on the laptop of whoever starts the example there. */
function envFilesIn(file: string): readonly string[] {
  return [...readFileSync(file, "utf8").matchAll(/[\w./-]+\.env\b/g)].map(([path]) => path);
}

/** Of a service, in the Compose specification of 2025: schema/compose-spec.json of compose-spec/compose-spec. */
const specified =
  "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir";

describe("every key of a Compose service", () => {
  it("is honoured or refused with a reason, and none is both", () => {
    const honoured = Object.keys(serviceProperties());
    const refused = Object.keys(refusedServiceKeys).filter((key) => !key.startsWith("x-"));
    assert.deepEqual([...honoured, ...refused].sort(), specified.split(" "));
  });
});

describe("every key that Gantry honours", () => {
  it("is in a file whose containers are compared with Compose's, or it is said why not", () => {
    const texts = Object.values(composeFiles).map((text) => text({ repository: "registry.example.com/api", folder }));
    const keys = Object.keys(serviceProperties());
    assert.ok(keys.length > 50, keys.join(" "));
    const missing = keys.filter((key) => !texts.some((text) => new RegExp(`^ {4}${key}:`, "m").test(text)));
    assert.deepEqual(missing.sort(), Object.keys(notCompared).sort());
  });
});

function serviceProperties(): Readonly<Record<string, unknown>> {
  const top = configSchemas().service["properties"] as Readonly<Record<string, Schema>>;
  const service = top["services"]?.["additionalProperties"] as Schema;
  return service["properties"] as Readonly<Record<string, unknown>>;
}
