/** Host-wide services (metrics, logging, discovery, proxy) that others stand on: what must serve on a host before a dependant begins there. */

/** A service that must serve on the same host. Without `environment`: one of its environments that the host belongs to. */
export type Requirement = { readonly service: string; readonly environment?: string };

/** A requirement that a host does not meet at a moment. */
export type Lacking = {
  readonly host: string;
  readonly service: string;
  /** Where it should serve; absent: the host belongs to no environment of it that would do. */
  readonly environment?: string;
  /**
   * `uncovered`: the host belongs to none of its environments. `absent`: nothing of it runs there. `unhealthy`: it runs and is not
   * well. `changing`: it swaps, or is about to. `unheard`: nobody can say how it is.
   */
  readonly how: "uncovered" | "absent" | "unhealthy" | "changing" | "unheard";
  /** Since when it is unhealthy, epoch milliseconds; absent where nobody noted it. */
  readonly since?: number;
};

/** `metrics prod is not there yet`: without the host, and without a full stop. */
export function lackingText({ service, environment, how, since }: Lacking): string {
  const what = environment === undefined ? service : `${service} ${environment}`;
  switch (how) {
    case "uncovered":
      return `the host belongs to no environment of ${what}`;
    case "absent":
      return `${what} is not there yet`;
    case "unhealthy":
      return since === undefined ? `${what} is unhealthy` : `${what} is unhealthy since ${minute(since)} UTC`;
    case "changing":
      return `${what} is being swapped`;
    case "unheard":
      return `nobody says how ${what} is`;
  }
}

/** `web-1: metrics prod is not there yet; web-2: …`. A fleet has more hosts than anyone reads. */
export function lackingNames(lacking: readonly Lacking[]): string {
  const shown = lacking.slice(0, mostNamed).map((one) => `${one.host}: ${lackingText(one)}`);
  const more = lacking.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

const mostNamed = 6;

/** `14:02`, of an epoch time. */
function minute(at: number): string {
  const minutes = Math.floor(at / 60_000) % (24 * 60);
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
