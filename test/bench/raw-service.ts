/** The small service under raw engine calls, from the first call to its answer: the floor that a swap is held against. */
import { setTimeout as sleep } from "node:timers/promises";
import Dockerode from "dockerode";
import type { LabHost } from "../../src/rehearsal/fleet/lab.ts";

export type RawService = {
  /** Stop, remove, create, start; in ms, until the new one answers. */
  deploy(release: 1 | 2): Promise<number>;
  /** Stop and start of the same container. */
  restart(): Promise<number>;
  remove(): Promise<void>;
};

const name = "raw-service";
const port = 8_090;

export async function startRawService(facts: {
  host: LabHost;
  images: readonly [string, string];
  program: string;
}): Promise<RawService> {
  const { host, images, program } = facts;
  const docker = new Dockerode({ socketPath: host.dockerSocket });
  const container = docker.getContainer(name);

  async function answers(release: number): Promise<void> {
    for (;;) {
      const answer = await host.fetch(`http://${host.address}:${port}/`).catch(() => null);
      if (answer?.body.trim() === `r${release}`) return;
      await sleep(1);
    }
  }

  let current: 1 | 2 = 1;
  async function deploy(release: 1 | 2): Promise<number> {
    const began = performance.now();
    await container.stop({ t: 5 }).catch(() => undefined);
    await container.remove().catch(() => undefined);
    const fresh = await docker.createContainer({
      name,
      Image: images[release - 1] ?? "",
      Entrypoint: ["/service"],
      Env: [`PORT=${port}`, `RELEASE=r${release}`],
      HostConfig: { NetworkMode: "host", RestartPolicy: { Name: "unless-stopped" }, Binds: [`${program}:/service:ro`] },
    });
    await fresh.start();
    current = release;
    await answers(release);
    return performance.now() - began;
  }

  async function restart(): Promise<number> {
    const began = performance.now();
    await container.stop({ t: 5 });
    await container.start();
    await answers(current);
    return performance.now() - began;
  }

  await deploy(1);
  return { deploy, restart, remove: () => container.remove({ force: true }) };
}
