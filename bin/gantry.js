#!/usr/bin/env node
// Gantry runs unbuilt TypeScript, which needs Node 24. This launcher re-executes on the Node that came with the
// packages, so that `gantry …` works whatever Node the machine has. It checks before anything else is imported.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("..", import.meta.url);
const pinned = fileURLToPath(new URL(`node_modules/node-linux-${process.arch}/bin/node`, root));
const node = existsSync(pinned) ? pinned : process.execPath;
if (node === process.execPath && Number(process.versions.node.split(".")[0]) < 24) {
  console.error("gantry: needs Node 24 or newer, or the packages of this folder: run `npm ci` first.");
  process.exit(1);
}
const child = spawn(node, [fileURLToPath(new URL("src/cli.ts", root)), ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 143 : code));
