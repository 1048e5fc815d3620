// `gantry doctor` beside a running server and after it: what it says of the data it finds there.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { QuickStage } from "../../src/rehearsal/stage/quick-stage.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { journeyOn } from "../kit/journey.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** The doctor's lines by the name of the check, with runs of blanks as one. */
async function doctor({ data, github, jira }: QuickStage): Promise<(name: string) => string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const env = {
    PATH: process.env["PATH"],
    GANTRY_DATA: data,
    SLACK_API_URL: "http://127.0.0.1:9/",
    GITHUB_TOKEN: github.token,
    GITHUB_API_URL: github.url,
    JIRA_URL: jira.url,
    JIRA_EMAIL: jira.email,
    JIRA_API_TOKEN: jira.token,
  };
  execFile(process.execPath, [cli, "doctor"], { env }, (_error, stdout) => resolve(stdout));
  const lines = (await promise).split("\n").map((line) => line.replace(/ +/g, " "));
  return (name) => lines.find((line) => line.includes(` ${name} `)) ?? lines.join("\n");
}

test("the doctor asks the running server how it writes, and says what was given up", async () => {
  await journeyOn({ staging: 0, prod: 0 }, async (j) => {
    const running = await doctor(j);
    assert.match(running("database"), /^ok .* whole, and the server writes with synchronous=FULL$/);
    assert.match(running("outbox"), /^ok outbox nothing was given up/);
    assert.match(running("GitHub"), /^ok GitHub logged in as user /);
    assert.match(running("Jira"), /^ok Jira logged in as user Gantry$/);
    await j.stopServer();
    const store = openStore({ folder: j.data, migrations: migrationsFolder });
    store.outbox.add({ key: "ticket:7:SEC-1", kind: "ticket", rollout: null, body: {}, at: 1, replace: false });
    const [item] = store.outbox.ready(1);
    store.outbox.finish(item?.id ?? 0, "dead", 1, "Jira answered 403");
    store.close();
    const stopped = await doctor(j);
    assert.match(stopped("database"), /^ok .* whole; no server runs on it$/);
    assert.match(stopped("outbox"), /^WRONG outbox 1 given up .* ticket:7:SEC-1 \(Jira answered 403\); it is not tried again/);
    await j.startServer();
    await j.until(() => j.logged.some((line) => line.includes("what was done long ago was removed")));
  });
});
