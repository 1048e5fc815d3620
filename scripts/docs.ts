// `npm run docs`: writes docs/reference from the declarations in the code; a policy test fails when it was forgotten.
// `npm run docs -- --picture`: also takes the picture of a card anew (needs /usr/bin/chromium and an emoji font).
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./checks.ts";
import { referencePages } from "./docs/pages.ts";

for (const [file, text] of Object.entries(await referencePages())) {
  const target = path.join(projectRoot, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
  console.log(file);
}

if (process.argv.includes("--picture")) {
  const { takePicture } = await import("./docs/picture.ts");
  const file = "docs/images/card.png";
  mkdirSync(path.join(projectRoot, "docs/images"), { recursive: true });
  await takePicture(path.join(projectRoot, file));
  console.log(file);
}
