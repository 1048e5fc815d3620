import { markName } from "./leaks.ts";

/** What processes that a test starts with an environment of their own need of the run's: whose they are, where their things go. */
export function inherited(): NodeJS.ProcessEnv {
  const names = [markName, "TMPDIR", "NODE_COMPILE_CACHE"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}
