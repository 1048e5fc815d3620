/** What a swap asks of the proxy in front of a service that has two ports. One per kind of proxy; HAProxy's is haproxy.ts. */
/** The two servers of one service in the proxy, by their place (0 or 1) in the service file. */
export type ProxyPort = {
  /** Nothing is sent to this one until it is pointed to. */
  close(place: Place): Promise<void>;
  /** Resolves when new requests go to this one and to it alone. */
  point(place: Place): Promise<void>;
  /** How many requests this one has open. */
  open(place: Place): Promise<number>;
};

export type Place = 0 | 1;

/** The proxy does not answer, or does not know the service. The message is one line for people. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
}
