/** How the old and the new container of a service change places. Absent in a spec: the old one stops first, nothing more. */
export type SwapSpec =
  /** The old one stops first; connections that come meanwhile wait. */
  | { readonly kind: "hold"; readonly port: number; readonly mostMs: number }
  /** The new one starts first, on the other of two ports; the proxy then sends requests to it, and the old one may finish. */
  | {
      readonly kind: "proxy";
      readonly proxy: ProxySpec;
      readonly ports: readonly [number, number];
      /** The environment variable that tells the service its port. */
      readonly variable: string;
      readonly drainMs: number;
    }
  /** The new one starts first, on the same port: the service sets SO_REUSEPORT. */
  | { readonly kind: "reuse-port" };

/** By the names in its configuration. `servers` in the order of the ports. */
export type ProxySpec = {
  readonly kind: "haproxy";
  /** Its runtime API: the path of a Unix socket of level admin. */
  readonly socket: string;
  readonly backend: string;
  readonly servers: readonly [string, string];
};
