import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("..", import.meta.url));

/** One guard of the house: arguments for Node. */
export type Check = { readonly name: string; readonly args: readonly string[] };

export const checks: readonly Check[] = [
  { name: "biome", args: [packaged("biome"), "check", "--error-on-warnings", "."] },
  { name: "tsc", args: [packaged("tsc"), "-p", "."] },
  { name: "knip", args: [packaged("knip"), "--no-progress"] },
];

/** The tests that hold the code to its layout. They are part of the checks, and of the tests. */
export function policyCheck(): Check {
  return { name: "policy tests", args: ["--test", ...globSync("test/policy/**/*.test.ts", { cwd: projectRoot })] };
}

/** Runs a check to its end. `output` is everything it said. `folder` is the project unless a test plants another. */
export function runCheck(check: Check, folder: string = projectRoot): Promise<{ ok: boolean; output: string }> {
  const child = spawn(process.execPath, check.args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ ok: false, output: error.message }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

function packaged(program: string): string {
  return path.join(projectRoot, "node_modules", ".bin", program);
}
