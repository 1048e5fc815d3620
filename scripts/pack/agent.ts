import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { oneFile } from "./one-file.ts";
import { assembleProgram } from "./program.ts";

const run = promisify(execFile);

/** The one file, and the build context of the image with its Dockerfile. */
export type Packed = { readonly file: string; readonly context: string };

/** Makes both in `folder`, anew. */
export async function packAgent(facts: { readonly folder: string; readonly gate: string | null }): Promise<Packed> {
  const { folder, gate } = facts;
  const context = path.join(folder, "image");
  const program = path.join(context, "program");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(program, { recursive: true });
  await assembleProgram(program, gate);
  copyFileSync(new URL("../../packaging/Dockerfile", import.meta.url), path.join(context, "Dockerfile"));
  const archive = path.join(folder, "program.tar.gz");
  const always = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--use-compress-program=gzip -n"];
  await run("tar", [...always, "-cf", archive, "-C", program, "."]);
  const file = path.join(folder, `gantry-agent-linux-${process.arch}`);
  writeFileSync(file, oneFile(readFileSync(archive)));
  chmodSync(file, 0o755);
  rmSync(archive);
  return { file, context };
}
