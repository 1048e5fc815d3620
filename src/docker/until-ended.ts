/**
 * The engine's own word that a container does not run any more. Read as a stream: it answers with the head at once and the
 * body at the end, and docker-modem never calls back when the connection breaks in between, as it does when the engine dies.
 */
import type Dockerode from "dockerode";

/** Rejects as every call of dockerode does; with ECONNRESET when the engine goes away. */
export function untilEnded(docker: Dockerode, facts: { readonly id: string; readonly abortSignal: AbortSignal }): Promise<void> {
  const call = {
    path: `/containers/${facts.id}/wait?`,
    method: "POST",
    options: { condition: "not-running" },
    abortSignal: facts.abortSignal,
    isStream: true,
    statusCodes: { 200: true, 400: "bad parameter", 404: "no such container", 500: "server error" },
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(call, (error: Error | null, answer: unknown) => {
      if (error !== null) return reject(error);
      (answer as NodeJS.ReadableStream)
        .on("error", reject)
        .on("end", () => resolve())
        .resume();
    });
  });
}
