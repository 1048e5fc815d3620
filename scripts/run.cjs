// `npm test`, `npm run demo` and `npm run check` on a fresh clone: install the locked packages when they are
// missing or stale, then run the given TypeScript file on the pinned Node. Plain CommonJS, because the machine's
// own Node (20 or newer) runs it before anything is installed.
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawn } = require("node:child_process");

const root = path.join(__dirname, "..");
const modules = path.join(root, "node_modules");
const pinned = path.join(modules, `node-linux-${process.arch}`, "bin", "node");

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

/** npm notes what it has installed when it is done. Optional packages are for other platforms: they may be missing, not differ. */
function installed() {
  const wanted = readJson(path.join(root, "package-lock.json"));
  const present = readJson(path.join(modules, ".package-lock.json"));
  if (wanted === null || present === null) return false;
  if (process.platform === "linux" && ["x64", "arm64"].includes(process.arch) && !fs.existsSync(pinned)) return false;
  return Object.entries(wanted.packages).every(([place, entry]) => {
    const found = present.packages[place];
    if (place === "") return true;
    return found === undefined ? entry.optional === true : found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * No package here needs its install script, and one (better-sqlite3's) fails on machines without Python; so none is run,
 * which also makes every npm do the same. Our own, link-node.cjs, is called instead.
 */
async function install() {
  const startedAt = Date.now();
  say("installing the locked npm packages (half a minute or so, once) …");
  const tick = setInterval(() => say(`… still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`), 10_000);
  const cli = process.env.npm_execpath;
  const npm = cli && /\.c?js$/.test(cli) && fs.existsSync(cli) ? [process.execPath, cli] : ["npm"];
  const args = [...npm.slice(1), "ci", "--ignore-scripts", "--no-fund", "--no-audit"];
  const code = await finished(start(npm[0], args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] }));
  clearInterval(tick);
  if (code === 127) fail("npm was not found. Install it (Debian: apt-get install npm) and run this again.", 1);
  if (code > 128) process.exit(code);
  if (code !== 0) fail("`npm ci` failed, see above. Check that the npm registry is reachable, then run this again.", 1);
  require("./link-node.cjs");
  say(`packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

function runtime() {
  if (fs.existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  return fail(`no pinned Node for ${process.platform}-${process.arch}. Install Node 24 or newer and run this again.`, 1);
}

let running = null;
let stoppedAt = 0;

/** In a session of its own, so that a Ctrl-C reaches it once, through stop(), and not from the terminal and npm besides. */
function start(command, args, options) {
  running = spawn(command, args, { ...options, detached: true });
  return running;
}

function finished(child) {
  return new Promise((resolve) => {
    child.on("error", () => resolve(127));
    child.on("exit", (code, signal) => resolve(signal ? 128 + os.constants.signals[signal] : code));
  });
}

/** npm sends on what the terminal has sent us already: two in the same second are one. */
function stop(signal) {
  if (running === null) process.exit(128 + os.constants.signals[signal]);
  if (Date.now() - stoppedAt < 1_000) return;
  stoppedAt = Date.now();
  running.kill(signal);
}

/** A killed npm tells nobody and leaves its scripts running. Its end shows as a change among our ancestors. */
function watchNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = ancestors();
  const watch = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(watch);
    stop("SIGTERM");
  }, 500);
  watch.unref();
}

/** npm runs us through a shell, which some shells take out of the way. */
function ancestors() {
  try {
    const stat = fs.readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    return `${process.ppid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]}`;
  } catch {
    return `${process.ppid}`;
  }
}

function say(line) {
  process.stderr.write(`gantry: ${line}\n`);
}

function fail(line, code) {
  say(line);
  process.exit(code);
}

async function main() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
  watchNpm();
  if (!installed()) await install();
  const [file, ...args] = process.argv.slice(2);
  const env = { ...process.env, PATH: [path.join(modules, ".bin"), process.env.PATH].join(path.delimiter) };
  process.exit(await finished(start(runtime(), [path.join(root, file), ...args], { stdio: "inherit", env })));
}

void main();
