// npm 10 drops node_modules/.bin/node when the runtime comes from a platform package (npm/cli#4362).
// Linking it again keeps `npm run …` on the pinned Node whichever npm installed the tree.
const fs = require("node:fs");
const path = require("node:path");

const modules = path.join(__dirname, "..", "node_modules");
const binary = path.join(modules, `node-linux-${process.arch}`, "bin", "node");
if (fs.existsSync(binary)) {
  const link = path.join(modules, ".bin", "node");
  fs.mkdirSync(path.dirname(link), { recursive: true });
  fs.rmSync(link, { force: true });
  fs.symlinkSync(path.relative(path.dirname(link), binary), link);
}
