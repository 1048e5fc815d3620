import assert from "node:assert/strict";
import { test } from "node:test";
import { containerName } from "../../src/host/labels.ts";

test("no two slots share a container's name", () => {
  const one = containerName({ service: "api", environment: "eu-prod", generation: 1 });
  const other = containerName({ service: "api-eu", environment: "prod", generation: 1 });
  assert.equal(one, "gantry-api.eu-prod-g1");
  assert.notEqual(one, other);
});
