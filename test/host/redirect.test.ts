import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { createRedirect } from "../../src/host/hold/redirect.ts";

const path = process.env["PATH"];
let dir: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "gantry-nft-"));
  await writeFile(join(dir, "nft"), "#!/bin/false\n");
  await chmod(join(dir, "nft"), 0o755);
  process.env["PATH"] = dir;
});

after(async () => {
  process.env["PATH"] = path;
  await rm(dir, { recursive: true, force: true });
});

it("an nft that ends before it has read its commands is a rejection, and nothing that ends the agent", async () => {
  const redirect = createRedirect("gantry_hold_test");
  // Whether the pipe breaks is a race: so often it is lost, too.
  for (let round = 0; round < 60; round += 1) {
    await assert.rejects(redirect.set({ port: 1, to: 2, mostMs: 100 }), /Command failed: nft/);
  }
});
