/**
 * A registry in trouble: it stands before a real one, passes everything on, and spoils what it is told to spoil. Engines
 * pull through it as through any registry.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type RegistryFault =
  | { readonly kind: "ok" }
  /** Asks for a login that there is none for. */
  | { readonly kind: "unauthorized" }
  /** 429, with the wait that it asks for. */
  | { readonly kind: "too_many"; readonly retryAfter: string }
  | { readonly kind: "broken"; readonly status: 500 | 502 | 503 }
  /** Takes the request and never answers. */
  | { readonly kind: "hang" }
  | Spoiling
  /** Gives the manifest of this digest for whatever manifest is asked for by digest. */
  | { readonly kind: "lies"; readonly with: string }
  /** Every tag means this digest now; digests mean what they mean. */
  | { readonly kind: "moved"; readonly to: string }
  | { readonly kind: "missing" };

type Spoiling =
  /** A few bytes now and then. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  /** Half of the answer, then the connection breaks. */
  | { readonly kind: "cut" }
  /** As many bytes as there should be, one of them another. */
  | { readonly kind: "corrupt" };

export type FaultRegistry = {
  /** `host:port`: what stands in front of image names. */
  readonly address: string;
  /** `GET /v2/api/manifests/…`, in the order of their arrival. */
  readonly requests: readonly string[];
  /** From now on. `only`: other requests are served well. */
  set(fault: RegistryFault, only?: "manifests" | "blobs"): void;
  stop(): Promise<void>;
};

/** `host`: the address to listen on. `upstream`: `host:port` of the registry behind, over plain HTTP. */
export async function startFaultRegistry(facts: { readonly host: string; readonly upstream: string }): Promise<FaultRegistry> {
  let fault: RegistryFault = { kind: "ok" };
  let only: "manifests" | "blobs" | null = null;
  const requests: string[] = [];
  const timers = new Set<NodeJS.Timeout>();

  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "/";
    requests.push(`${incoming.method} ${path}`);
    const applies = only === null || path.includes(`/${only}/`);
    serve({ incoming, outgoing, path, fault: applies ? fault : { kind: "ok" } });
  });

  function serve(facts: { incoming: IncomingMessage; outgoing: ServerResponse; path: string; fault: RegistryFault }): void {
    const { incoming, outgoing, path, fault } = facts;
    switch (fault.kind) {
      case "ok":
        pass(incoming, outgoing, path);
        return;
      case "unauthorized":
        answer(outgoing, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="rehearsal"' });
        return;
      case "too_many":
        answer(outgoing, 429, "TOOMANYREQUESTS", { "retry-after": fault.retryAfter }, `retry-after: ${fault.retryAfter}`);
        return;
      case "broken":
        answer(outgoing, fault.status, "UNKNOWN");
        return;
      case "hang":
        return;
      case "missing":
        answer(outgoing, 404, path.includes("/blobs/") ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN");
        return;
      case "lies":
        pass(incoming, outgoing, path.replace(/\/manifests\/sha256:[0-9a-f]{64}$/, `/manifests/${fault.with}`));
        return;
      case "moved":
        pass(incoming, outgoing, path.replace(/\/manifests\/(?!sha256:)[^/]+$/, `/manifests/${fault.to}`));
        return;
      case "slow":
      case "cut":
      case "corrupt":
        pass(incoming, outgoing, path, fault);
        return;
    }
  }

  function pass(incoming: IncomingMessage, outgoing: ServerResponse, path: string, fault?: Spoiling): void {
    const [host = "", port] = facts.upstream.split(":");
    const options = { host, port, path, method: incoming.method, headers: { ...incoming.headers, host: facts.upstream } };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        const body = Buffer.concat(chunks);
        if (fault === undefined) outgoing.end(body);
        else spoil({ outgoing, body, fault, timers });
      });
    });
    asked.on("error", () => outgoing.destroy());
    incoming.pipe(asked);
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, facts.host, resolve);
  });
  return {
    address: `${facts.host}:${(server.address() as AddressInfo).port}`,
    requests,
    set(next, scope) {
      fault = next;
      only = scope ?? null;
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function spoil(facts: {
  readonly outgoing: ServerResponse;
  readonly body: Buffer;
  readonly fault: Spoiling;
  readonly timers: Set<NodeJS.Timeout>;
}): void {
  const { outgoing, body, fault, timers } = facts;
  switch (fault.kind) {
    case "corrupt": {
      const middle = Math.floor(body.length / 2);
      if (body.length > 0) body[middle] = (body[middle] ?? 0) ^ 0xff;
      outgoing.end(body);
      return;
    }
    case "cut":
      outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.destroy());
      return;
    case "slow": {
      let sent = 0;
      const step = Math.max(1, Math.floor(fault.bytesPerSecond / 10));
      const timer = setInterval(() => {
        outgoing.write(body.subarray(sent, sent + step));
        sent += step;
        if (sent < body.length) return;
        clearInterval(timer);
        timers.delete(timer);
        outgoing.end();
      }, 100);
      timers.add(timer);
      outgoing.on("close", () => clearInterval(timer));
      return;
    }
  }
}

function answer(
  outgoing: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
  message = "no",
): void {
  outgoing.writeHead(status, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify({ errors: [{ code, message }] }));
}
