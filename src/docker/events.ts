/** The engine's event stream, for containers that carry our label. */
import type Dockerode from "dockerode";
import type { EngineEvent } from "../host/engine.ts";

type Raw = {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
};

/** `onEnd` is called once, when the stream breaks or cannot be opened; not after `stop`. */
export function watchEvents(docker: Dockerode, listener: { onEvent(event: EngineEvent): void; onEnd(): void }): { stop(): void } {
  const cancel = new AbortController();
  const read = async () => {
    const filters = { type: ["container"], label: ["gantry.service"] };
    const stream = await docker.getEvents({ filters, abortSignal: cancel.signal } as Dockerode.GetEventsOptions);
    let rest = "";
    for await (const chunk of stream) {
      rest += String(chunk);
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const event = eventOf(line);
        if (event !== null) listener.onEvent(event);
      }
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      if (!cancel.signal.aborted) listener.onEnd();
    });
  return { stop: () => cancel.abort() };
}

/** Null for what does not change a container's state, such as the exec of a health check. */
function eventOf(line: string): EngineEvent | null {
  if (line.trim() === "") return null;
  const { Action: action = "", Actor: actor } = JSON.parse(line) as Raw;
  const service = actor?.Attributes?.["gantry.service"];
  const environment = actor?.Attributes?.["gantry.environment"];
  if (actor?.ID === undefined || service === undefined || environment === undefined) return null;
  if (action.startsWith("exec_") || action.startsWith("health_status: running")) return null;
  return { containerId: actor.ID, service, environment, host: actor.Attributes?.["gantry.host"] ?? null };
}
