/** `node opens-and-dies.ts FOLDER POINT`: opens the store as a server does, and kills itself at the named point. */
import { migrationsFolder, openStore } from "../../../src/sqlite/open.ts";

const [folder = "", point] = process.argv.slice(2);
openStore({
  folder,
  migrations: migrationsFolder,
  failpoint: (name) => {
    if (name === point) process.kill(process.pid, "SIGKILL");
  },
});
