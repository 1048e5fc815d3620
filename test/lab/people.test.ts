/** What people do on a host by hand, past Gantry: with Docker, with the port, with names. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { realHost } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit } from "../kit/lab.ts";
import { failureOf, labStand, succeeded } from "./kit/stand.ts";

const one = "1a4c9e2";
const two = "3f2a1c9";
const sick = "7c81f36";

describe("a host on which people work by hand", () => {
  const stand = labStand(["prod-1"]);
  const host = () => stand.host();
  const docker = (...args: string[]) => host().lab.docker(...args);
  const live = () => docker("ps", "-aq", "--no-trunc", "--filter", "label=gantry.role=live");
  const kept = () => docker("ps", "-aq", "--no-trunc", "--filter", "label=gantry.role=previous");
  const policyOf = async (id: string) => docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", id);

  it("AG33: the first deploy fails; nothing is invented, and nothing is left running", async () => {
    const failure = failureOf(await host().carryOut(stand.next(sick, { health: { deadlineMs: 800 } })));
    assert.deepEqual([failure.reason, failure.after], ["unhealthy", "empty"]);
    await eventually(async () => assert.equal(await docker("ps", "-q"), ""));
  });

  it("AG16: the port is a stranger's; the swap fails by that name, no leftover stays, and it works once the port is free", async () => {
    const stranger = host().lab.spawn("busybox", ["nc", "-ll", "-p", "8080", "-e", "/bin/echo", "-e", "HTTP/1.1 200 OK\r\n\r\n"]);
    const failure = failureOf(await host().carryOut(stand.next(one)));
    stranger.kill();
    await once(stranger, "exit");
    assert.equal(failure.reason, "port_in_use", JSON.stringify(failure));
    assert.match(failure.detail, /port 8080 is held by busybox \(pid \d+\)/);
    assert.equal(await docker("ps", "-q"), "");
    succeeded(await host().carryOut(stand.next(one, { release: 1 })));
    await stand.holds(["live r1 running"]);
  });

  it("AG17: a person's container has the name; it is left alone, and the swap fails and says so", async () => {
    const ordered = stand.next(two, { release: 2 });
    const name = `gantry-api.prod-g${ordered.generation}`;
    await docker("pull", `${stand.lab.repository}@${ordered.release?.digest}`);
    const mine = await docker("create", "--name", name, `${stand.lab.repository}@${ordered.release?.digest}`);
    const { outcome } = await host().carryOut(ordered, 30_000);
    assert.equal(outcome?.ok === false && outcome.after, "restored", JSON.stringify(outcome));
    assert.equal(outcome?.ok === false && outcome.reason, "create_failed", JSON.stringify(outcome));
    assert.equal(await docker("inspect", "--format", "{{.Id}}", name), mine);
    await stand.answers(one);
    await docker("rm", mine);
  });

  it("AG15: the build before, started by hand, answers on the port; the new one is not called healthy for it", async () => {
    succeeded(await host().carryOut(stand.next(two, { release: 2 })));
    // On a port of its own, so that it is not in the way before the swap.
    const image = `${stand.lab.repository}@${stand.lab.digest(sampleCommit(one))}`;
    await docker("run", "-d", "--name", "by-hand", "--net=host", "-e", "PORT=8090", image);
    const health = { probe: { kind: "http", url: "http://127.0.0.1:8090/healthz" } } as const;
    const failure = failureOf(await host().carryOut(stand.next(one, { health })));
    assert.deepEqual([failure.reason, failure.after], ["port_in_use", "restored"], JSON.stringify(failure));
    await docker("rm", "-f", "by-hand");
    await stand.answers(two);
  });

  it("AG21: docker stop; it runs again", async () => {
    succeeded(await host().carryOut(stand.next(two, { release: 3 })));
    await stand.holds(["live r3 running", "previous r2 created"]);
    await docker("stop", "-t", "1", await live());
    await stand.holds(["live r3 running", "previous r2 created"]);
    await stand.answers(two);
  });

  it("AG21: docker rm -f; it is made again", async () => {
    const id = await live();
    await docker("rm", "-f", id);
    await eventually(async () => assert.match(await live(), /^(?!$)/));
    await stand.holds(["live r3 running", "previous r2 created"]);
    assert.notEqual(await live(), id);
    await stand.answers(two);
  });

  it("AG21: docker start of the one that is kept; the one that serves goes on, and soon it alone runs", async () => {
    await stand.watcher.lookingAway(async () => {
      const id = await live();
      await docker("start", await kept());
      await eventually(async () => assert.equal(await docker("ps", "-q", "--no-trunc"), id), 10_000);
    });
    await stand.answers(two);
  });

  it("AG3: docker update --restart=always of the one that serves; its policy is put back", async () => {
    const id = await live();
    await docker("update", "--restart=always", id);
    await eventually(async () => assert.equal(await policyOf(id), "unless-stopped"));
  });

  it("AG3: the same of the one that is kept; its policy is put back, and it does not come up with the machine", async () => {
    await docker("update", "--restart=always", await kept());
    await eventually(async () => assert.equal(await policyOf(await kept()), "no"));
    await host().lab.reboot();
    await host().start();
    // Somebody has started it above.
    await stand.holds(["live r3 running", "previous r2 exited"]);
    await stand.answers(two);
  });

  it("AG3: the same while no agent was there; the one that it brought up is ended, and what is wanted serves", async () => {
    const id = await live();
    await host().end();
    await docker("update", "--restart=always", await kept());
    await stand.watcher.lookingAway(async () => {
      await host().lab.reboot();
      await host().start();
      await eventually(async () => {
        assert.equal(await policyOf(await kept()), "no");
        assert.equal(await docker("ps", "-q", "--no-trunc"), id);
      }, 30_000);
    });
    await stand.answers(two);
  });

  it("AG34: docker system prune -a took what was kept; the image is fetched again, and the way back works", async () => {
    await docker("system", "prune", "-af");
    succeeded(await host().carryOut(stand.next(one, { release: 1 }), 30_000));
    await stand.answers(one);
  });

  it("AG22: a second agent on the host, with a copy of the state; it ends with one line, and the first one works on", async () => {
    const copy = join(host().lab.dir, "copy");
    await cp(join(host().lab.dir, "agent"), copy, { recursive: true, filter: (path) => !/\/(lock|wait)$/.test(path) });
    const second = realHost(host().lab, stand.server, { stateDir: copy, dockerHost: "unix:///var/run/docker.sock" });
    await second.start();
    await second.died();
    assert.match(second.log.join("\n"), /another agent works for prod-1 on this machine \(pid \d+, .*\): stop it first/);
    succeeded(await host().carryOut(stand.next(two, { release: 3 })));
    await stand.answers(two);
  });
});
