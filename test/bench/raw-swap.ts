/** What a user would write by hand against the Engine API: stop, remove, create, start. The floor that Gantry is held against. */
import Dockerode from "dockerode";

export class RawSwap {
  readonly #docker: Dockerode;
  readonly #name = "raw-api";
  readonly #port: number;

  constructor(facts: { socket: string; port: number }) {
    this.#docker = new Dockerode({ socketPath: facts.socket });
    this.#port = facts.port;
  }

  async pull(image: string): Promise<void> {
    const stream = await this.#docker.pull(image);
    await new Promise<void>((resolve, reject) => {
      this.#docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when the engine has started the new container; the service answers a moment later. */
  async swap(image: string): Promise<void> {
    const old = this.#docker.getContainer(this.#name);
    await old.stop({ t: 5 }).catch(() => {});
    await old.remove().catch(() => {});
    const fresh = await this.#docker.createContainer({
      name: this.#name,
      Image: image,
      Env: [`PORT=${this.#port}`],
      HostConfig: { NetworkMode: "host", RestartPolicy: { Name: "unless-stopped" } },
    });
    await fresh.start();
  }
}
