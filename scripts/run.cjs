// `npm test`, `npm run demo` and `npm run check` on a fresh clone: install the locked packages when they are
// missing or stale, then run the given TypeScript file on the pinned Node. Plain CommonJS, because the machine's
// own Node (20 or newer) runs it before anything is installed.
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { spawn, spawnSync } = require("node:child_process");

const root = path.join(__dirname, "..");
const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".gantry-lock");

function lockDigest() {
  const lock = fs.readFileSync(path.join(root, "package-lock.json"));
  return createHash("sha256").update(lock).digest("hex");
}

function installed() {
  return fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === lockDigest();
}

function install() {
  console.error("gantry: installing the locked npm packages (about half a minute, once) …");
  const npm = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  if (npm.status !== 0) {
    console.error("gantry: `npm ci` failed, see above. Check that the npm registry is reachable, then run this again.");
    process.exit(1);
  }
  fs.writeFileSync(stamp, lockDigest());
}

function pinnedNode() {
  const binary = path.join(modules, `node-linux-${process.arch}`, "bin", "node");
  if (fs.existsSync(binary)) return binary;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  console.error(`gantry: no pinned Node for ${process.platform}-${process.arch}. Install Node 24 or newer and run this again.`);
  process.exit(1);
}

if (!installed()) install();
const [file, ...args] = process.argv.slice(2);
const binPath = [path.join(modules, ".bin"), process.env.PATH].join(path.delimiter);
const child = spawn(pinnedNode(), [path.join(root, file), ...args], {
  stdio: "inherit",
  env: { ...process.env, PATH: binPath },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 128 + (signal === "SIGINT" ? 2 : 15) : code));
